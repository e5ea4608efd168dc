"""What the gateway does with a request: answers, changes of threads, and events for the customer. No network."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.dfo_simulator import frames_out
from local.dfo_simulator.desk import Contact, Message, Thread, new_id
from local.dfo_simulator.frames_in import RECOVER, TYPING, Request, Violation
from local.dfo_simulator.frames_out import Frame
from local.dfo_simulator.simulator import Identity, Simulator

#: A frame may have been on its way when the contact closed: for this long (ms) it is refused, but is no violation.
CROSSING_MS = 2000
#: NICE's client sends no more than this within five seconds.
MOST_REQUESTS, IN_SECONDS = 100, 5.0


class Refused(Exception):
    """The gateway refuses a request that is no violation. `code`: the error code, if not that of the request's type."""

    def __init__(self, message: str, code: str | None = None):
        super().__init__(message)
        self.code = code


@dataclass
class Session:
    """What the gateway knows of one socket. `looked_for`: the threads recovered on it; None stands for the newest."""

    visitor_id: str
    customer_id: str
    sdk_version: str
    authorized: bool
    channel_id: str = ""
    looked_for: set[str | None] = field(default_factory=set)
    event_ids: set[str] = field(default_factory=set)
    request_times: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_REQUESTS))


@dataclass(frozen=True)
class Reaction:
    """The result of a request: frames for the socket that it came on, then events for all of the customer's sockets."""

    answers: tuple[Frame | str, ...] = ()
    events: tuple[Frame, ...] = ()


def take(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    """Handle a request. Raises Violation, Refused."""
    if not simulator.settings.supports(session.sdk_version):
        raise Refused("this version is not supported any more", frames_out.SDK_VERSION_NOT_SUPPORTED)
    _check_order(session, request)
    return _TAKE[request.event_type](simulator, session, request, now)


def error_code(event_type: str | None) -> str:
    """The error code of a failed request of this type."""
    return frames_out.ERROR_CODES.get(event_type or "", frames_out.REFUSED)


def _check_order(session: Session, request: Request) -> None:
    """The checks that apply to every request."""
    if request.event_id in session.event_ids:
        raise Violation("repeated_event_id", f"{request.event_type} with the eventId of a former frame")
    session.event_ids.add(request.event_id)
    moment, times = time.monotonic(), session.request_times
    if len(times) == MOST_REQUESTS and moment - times[0] < IN_SECONDS:
        raise Violation("too_many_requests", f"more than {MOST_REQUESTS} requests in {IN_SECONDS:g} s")
    times.append(moment)
    registers = request.event_type in ("AuthorizeCustomer", "ReconnectConsumer")
    if not session.authorized and not registers:
        raise Violation("before_authorization", f"{request.event_type} before the socket was authorized")
    on_threads = ("SendMessage", "SetConsumerContactCustomFields", "EndContact", "ArchiveThread", "LoadMoreMessages")
    needs_recover = request.event_type in (*TYPING, *on_threads)
    if needs_recover and not session.looked_for & {request.thread_id, None}:
        raise Violation("before_recover", f"{request.event_type} before its thread was recovered on this socket")


def _recover(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    if (request.event_type == "RecoverLivechat") != simulator.settings.livechat:
        raise Violation("wrong_recover", f"{request.event_type} on a channel of the other kind")
    session.looked_for.add(request.thread_id)
    if request.thread_id is None:
        thread = simulator.desk.newest_of(session.customer_id)
    else:
        thread = simulator.desk.thread_of(session.customer_id, request.thread_id)
    if thread and thread.channel_id != session.channel_id:
        thread = None  # of another channel
    settings, result = simulator.settings_of(session.visitor_id), RECOVER[request.event_type]
    if thread is None and simulator.desk.is_anothers(request.thread_id, session.customer_id):
        raise Refused("the thread is another customer's")
    if thread is None and settings.newest_instead:
        thread = simulator.desk.newest_of(session.customer_id)
    if thread is None or thread.archived:
        if not settings.livechat or settings.no_thread == "error":
            raise Refused("there is no such thread")
        if settings.no_thread == "empty":
            none_yet = Thread(request.thread_id or new_id(), session.customer_id, session.visitor_id)
            return Reaction((frames_out.recovered(none_yet, request.event_id, result, [], "", now),))
        return Reaction((frames_out.nothing_recovered(request.event_id, result, settings.no_thread, now),))
    session.looked_for.add(thread.thread_id)
    page, token = _page(thread, len(thread.messages), settings.page_size)
    answer = frames_out.recovered(thread, request.event_id, result, page, token, now, settings.contact_name)
    return Reaction((simulator.put_in_s3(answer, result, now) if settings.recovered_in_s3 else answer,))


def _load_more(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    thread = _thread(simulator, session, request)
    token = str((request.data or {})["scrollToken"])
    if not token.isdecimal() or int(token) > len(thread.messages):
        raise Refused("the scroll token is none of this thread")
    settings = simulator.settings_of(session.visitor_id)
    page, token = _page(thread, int(token), settings.page_size)
    answer = frames_out.more_messages(thread, request.event_id, page, token, now)
    return Reaction((simulator.put_in_s3(answer, "MoreMessagesLoaded", now) if settings.recovered_in_s3 else answer,))


def _page(thread: Thread, end: int, size: int) -> tuple[list[Message], str]:
    """The newest messages before number `end`, newest first, and the token for older ones ("": there are none)."""
    start = max(0, end - size)
    return thread.messages[start:end][::-1], str(start) if start else ""


def _typing(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    thread = simulator.desk.thread_of(session.customer_id, request.thread_id or "")
    if thread is None or thread.open_contact is None:
        _check_crossing(thread, request, now)
        raise Refused("there is no open contact")
    thread.show_typing(TYPING[request.event_type], now)
    settings = simulator.settings_of(session.visitor_id)
    answers = (frames_out.accepted(request.event_id, now),) if settings.acknowledge_typing else ()
    echo = frames_out.typing(
        simulator.place_of(thread), thread, request.event_type, now, direction="inbound", user=None
    )
    return Reaction(answers, (echo,) if settings.echo_typing else ())


def _send_message(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    data, thread_id = request.data or {}, request.thread_id or ""
    _check_third_party_token(simulator, session, data, now)
    if simulator.desk.has_message(request.message_id or ""):
        raise Violation("repeated_message_id", "SendMessage with the idOnExternalPlatform of a message that was taken")
    thread = simulator.desk.thread_of(session.customer_id, thread_id)
    if thread is None and thread_id in simulator.desk.threads:
        raise Refused("the thread is another customer's")
    if thread and thread.archived:
        raise Refused("the thread is archived")
    if thread and not thread.takes_more:
        raise Refused("the thread takes no more messages")
    if thread and thread.contact and not thread.contact.open and simulator.settings.livechat:
        _check_crossing(thread, request, now)
        raise Refused("the contact is closed, and with it the live chat")
    if thread and thread.channel_id != session.channel_id:
        raise Refused("the thread is in another channel")
    _check_attachments(simulator, data["attachments"])
    thread = simulator.desk.open_thread(thread_id, session.customer_id, session.visitor_id)
    thread.channel_id = session.channel_id
    thread.visitor_id, thread.customer_names = session.visitor_id, request.names
    events: list[Frame] = []
    if thread.open_contact is None:
        thread.contact, thread.agent = Contact(simulator.next_contact_id(), now), None
        thread.contact.fields.update(_fields(data["consumerContact"]))
        events += _contact_events(simulator, thread, thread.contact, now)
    content = dict(data["messageContent"])
    content["text"] = content["payload"]["text"]
    message = Message(new_id(), data["idOnExternalPlatform"], "inbound", content, now)
    message.attachments += data["attachments"]
    cut_if_long(message, simulator.settings_of(session.visitor_id).longest_text)
    simulator.desk.add_message(thread, message)
    if simulator.settings_of(session.visitor_id).message_ends_typing:
        thread.show_typing(False, now)
    events += message_events(simulator, thread, message, now)
    return Reaction((frames_out.accepted(request.event_id, now),), tuple(events))


def _check_attachments(simulator: Simulator, attachments: list[dict[str, str]]) -> None:
    if attachments and not simulator.settings.attachments:
        raise Refused("the channel takes no attachments")
    if not all(simulator.has_file(file["url"]) for file in attachments):
        raise Violation("unknown_attachment", "SendMessage with a URL at which nothing was uploaded")


def _check_third_party_token(simulator: Simulator, session: Session, data: Mapping[str, Any], now: float) -> None:
    """Where a third party signs visitors in, messages carry its token: NICE's clients all do that."""
    settings = simulator.settings
    if settings.third_party and not settings.secured_cookies and settings.secured_sessions:
        owner = simulator.third_party_tokens.owner(data.get("accessToken", {}).get("token", ""), now)
        if owner is None or owner.customer_id != session.customer_id:
            raise Violation("wrong_third_party_token", "SendMessage without a good token of the third party")
    elif "accessToken" in data:
        raise Violation("wrong_third_party_token", "SendMessage with a token of a third party that there is not")


def _contact_events(simulator: Simulator, thread: Thread, contact: Contact, now: float) -> list[Frame]:
    """The events of a new contact."""
    settings = simulator.settings_of(thread.visitor_id)
    names_thread = settings.queue_position_names == "thread"
    position = frames_out.position_in_queue(thread, 1, True, now, names_thread=names_thread)
    return [
        *([position] if settings.queue_position_first else []),
        *(
            [frames_out.contact_created(simulator.place_of(thread), thread, contact, now)]
            if settings.case_created_events
            else []
        ),
    ]


def cut_if_long(message: Message, longest_text: int) -> None:
    """A text that is longer comes cut, and the rest is to be fetched; 0: none is."""
    if longest_text and len(message.content.get("text", "")) > longest_text:
        message.more_content, message.cut_after = True, longest_text


def message_events(simulator: Simulator, thread: Thread, message: Message, now: float) -> list[Frame]:
    """The events of a new message."""
    created = frames_out.message_created(simulator.place_of(thread), thread, message, now)
    if not simulator.settings_of(thread.visitor_id).message_sent_events:
        return [created]
    return [frames_out.message_sent(simulator.place_of(thread), thread, message, now), created]


def _set_fields(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    thread = _thread(simulator, session, request)
    if thread.open_contact is None:
        raise Refused("there is no open contact")
    thread.open_contact.fields.update(_fields(request.data or {}))
    thread.customer_names = request.names
    return Reaction((frames_out.accepted(request.event_id, now),))


def _fields(data: Mapping[str, Any]) -> dict[str, str]:
    return {field["ident"]: field["value"] for field in data["customFields"]}


def _end_contact(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    thread = _thread(simulator, session, request)
    asked = (request.data or {})["contact"]["id"]
    if thread.open_contact is None or thread.open_contact.contact_id != asked:
        raise Refused("the contact is not open")
    contact = thread.close_contact(now)
    assert contact is not None  # noqa: S101 it was open a moment ago
    closed = frames_out.contact_status(simulator.place_of(thread), thread, contact, now, with_id=True)
    return Reaction((frames_out.accepted(request.event_id, now),), (closed,))


def _send_transcript(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    data = request.data or {}
    own = [thread for thread in simulator.desk.threads.values() if thread.customer_id == session.customer_id]
    thread = next((t for t in own if t.contact and t.contact.contact_id == data["consumerContact"]["id"]), None)
    if not simulator.settings.transcripts or thread is None:
        raise Refused("the channel allows no transcripts, or there is no such contact")
    thread.transcripts += [recipient["idOnExternalPlatform"] for recipient in data["consumerRecipients"]]
    return Reaction((frames_out.result(request.event_id, "TranscriptSent", now),))


def _send_offline_message(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    """NICE's web client takes any answer but an error; there is an `OfflineMessageSent` in its code."""
    data = request.data or {}
    if not simulator.settings.offline_form:
        raise Refused("the channel has no form for offline messages")
    author = data["authorCustomerIdentity"]
    simulator.offline_messages.append(
        {
            "visitor_id": session.visitor_id,
            "channel_id": session.channel_id,
            "name": " ".join(filter(None, (author["firstName"], author["lastName"]))),
            "email": author["idOnExternalPlatform"],
            "text": data["messageContent"]["payload"]["text"],
        }
    )
    if simulator.settings.offline_message_answer == "plain":
        return Reaction((frames_out.accepted(request.event_id, now),))
    return Reaction((frames_out.result(request.event_id, "OfflineMessageSent", now),))


def _archive(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    _thread(simulator, session, request).archived = True
    return Reaction((frames_out.result(request.event_id, "ThreadArchived", now),))


def _seen(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    for message in _thread(simulator, session, request).messages:
        if message.direction == "outbound" and message.seen_at is None:
            message.seen_at = now
    return Reaction((frames_out.accepted(request.event_id, now),))


def _generate_token(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    _thread(simulator, session, request)
    url = str((request.data or {})["url"])
    token = simulator.message_tokens.issue(url, now, 60)
    data = {"authorizationToken": {"token": token, "expiresIn": 60}}
    return Reaction((frames_out.result(request.event_id, "AuthorizationTokenGenerated", now, data),))


def _authorize(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    code = (request.data or {})["authorization"]["authorizationCode"]
    customer_id = simulator.customer_of_code(code) if simulator.settings.third_party else session.customer_id
    if customer_id is None:
        raise Refused("the authorization code is not known")
    session.customer_id, session.authorized = customer_id, True
    data = {
        "status": "success",
        "consumerIdentity": {"idOnExternalPlatform": customer_id},
        "accessToken": _consumer_token(simulator, session, now),
    }
    return Reaction(
        (frames_out.AUTHORIZED, frames_out.result(request.event_id, "ConsumerAuthorized", now, data)),
    )


def _reconnect(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    _check_consumer_token(simulator, session, request, now)
    session.authorized = True
    return Reaction((frames_out.AUTHORIZED, frames_out.result(request.event_id, "ConsumerReconnected", now, {})))


def _refresh(simulator: Simulator, session: Session, request: Request, now: float) -> Reaction:
    _check_consumer_token(simulator, session, request, now)
    data = {"accessToken": _consumer_token(simulator, session, now)}
    return Reaction((frames_out.result(request.event_id, "TokenRefreshed", now, data),))


def _consumer_token(simulator: Simulator, session: Session, now: float) -> dict[str, object]:
    expires_in = simulator.settings.token_expires_in
    token = simulator.tokens.issue(
        Identity(session.visitor_id, session.customer_id, session.channel_id), now, expires_in
    )
    return {"token": token, "expiresIn": expires_in, "isExpired": False}


def _check_consumer_token(simulator: Simulator, session: Session, request: Request, now: float) -> None:
    owner = simulator.tokens.owner((request.data or {})["accessToken"]["token"], now)
    if owner is None or owner.customer_id != session.customer_id:
        raise Refused("the access token is not this customer's, or no longer good")


def _thread(simulator: Simulator, session: Session, request: Request) -> Thread:
    thread = simulator.desk.thread_of(session.customer_id, request.thread_id or "")
    if thread is None:
        raise Refused("there is no such thread")
    return thread


def _check_crossing(thread: Thread | None, request: Request, now: float) -> None:
    closed_at = thread.contact.closed_at if thread and thread.contact else None
    if closed_at is None or now - closed_at > CROSSING_MS:
        raise Violation("without_contact", f"{request.event_type} though no contact is open")


_TAKE: Mapping[str, Callable[[Simulator, Session, Request, float], Reaction]] = {
    **dict.fromkeys(RECOVER, _recover),
    **dict.fromkeys(TYPING, _typing),
    "SendMessage": _send_message,
    "LoadMoreMessages": _load_more,
    "SetConsumerContactCustomFields": _set_fields,
    "EndContact": _end_contact,
    "SendTranscript": _send_transcript,
    "SendOfflineMessage": _send_offline_message,
    "ArchiveThread": _archive,
    "MessageSeenByConsumer": _seen,
    "GenerateAuthorizationToken": _generate_token,
    "AuthorizeCustomer": _authorize,
    "ReconnectConsumer": _reconnect,
    "RefreshToken": _refresh,
}
