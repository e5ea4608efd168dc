"""A guest on the Digital-First gateway: the conversation's machine, with this keeper's socket, store and owners.

``conversation`` decides; here its actions are carried out, by ``talk_parts`` where there is more to one of them.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from typing_relay.door import frames
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import TalkHost
from typing_relay.keeper.io.loop import Timer
from typing_relay.keeper.io.sockets import SocketEnd, Stage
from typing_relay.platforms.digital_first import urls
from typing_relay.platforms.digital_first.channel_context import ChannelContext
from typing_relay.platforms.digital_first.codes import COUNTED
from typing_relay.platforms.digital_first.conversation import actions, happenings, machine
from typing_relay.platforms.digital_first.conversation.waking import wake_at
from typing_relay.platforms.digital_first.gateway_breaker import Call
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.platforms.digital_first.known import Known, channel_of, identity_of
from typing_relay.platforms.digital_first.signing_in import Admission
from typing_relay.platforms.digital_first.talk_parts.admitting import Admitting, Made
from typing_relay.platforms.digital_first.talk_parts.asking import Asking
from typing_relay.platforms.digital_first.talk_parts.fetching import Fetching
from typing_relay.platforms.digital_first.talk_parts.on_record import OnRecord
from typing_relay.platforms.digital_first.talk_parts.renewals import Renewals
from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.platforms.digital_first.talk_parts.tickets import Tickets
from typing_relay.platforms.digital_first.talk_parts.tokens import Tokens
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import WaitingMessage
from typing_relay.relay.profile import NOTHING_SAID, decoded
from typing_relay.relay.retry import retry_after_ms
from typing_relay.relay.sign_in import SignedIn, signed_in_of

logger = logging.getLogger(__name__)

#: Of a record that does not say what the visitor was told (an earlier version's): anything this old counts as told.
MISSED_MS = 120_000
#: Waits as long as between heartbeats end together: thousands of guests do not wake the process one by one.
SLOW_S, SLACK_S = 10.0, 0.1
#: A handshake that ends so says something of its visitor's token, and nothing of the gateway.
TOKEN_REFUSED = (401, 403)


class GatewayTalk:
    """One guest's. On the loop's thread but for ``make``."""

    def __init__(self, host: TalkHost, context: ChannelContext) -> None:
        self._state = TalkState(host, context)
        self._on_record = OnRecord(self._state)
        self._asking = Asking(self._state)
        self._admitting = Admitting(self._state, self._on_record, self._asking)
        self._tokens = Tokens(self._state, self._on_record, self._admitting, self._renewed)
        self._renewals = Renewals(self._state, self._on_record, self._admitting, self._tokens)
        self._fetching = Fetching(self._state, self._step)
        self._tickets = Tickets(self._state)
        #: The open socket that the newest one replaces.
        self._former = 0
        #: Made on a worker thread; from ``prepare`` on it is known.
        self._made: Known | None = None
        self._known: Known | None = None
        self._profile = NOTHING_SAID
        self._alarm: Timer | None = None
        self._alarm_at: int | None = None

    # --- what the keeper tells

    def taken(self, record: Session) -> None:
        """Go on as the record's visitor, if it has been one before.

        Who holds the guest already begins anew: another keeper may have spoken meanwhile.
        """
        self._on_record.taken(record)
        self._tokens.taken(record.web_socket_url)
        if self._state.conversation is not None:
            self._step(happenings.Lost())
            self._state.conversation = None
        self._known = None
        self._asking.taken()
        self._state.context = self._state.context.of(channel_of(record))
        if record.conversation:
            (visitor, thread_id), profile = identity_of(record), decoded(record.profile)
            self._known = Known(
                visitor,
                thread_id,
                record.access_until,
                is_new=False,
                may_be_in_flight=True,
                told_at=record.told_at,
                told_id=record.told_id,
                profile=profile,
                signed_in=signed_in_of(record.signed_in),
            )
        if self._known and self._state.number:
            self._begin()
            self._step(self._opened())

    def refreshed(self, record: Session) -> None:
        """A token that came since may say more of the visitor."""
        profile = decoded(record.profile)
        if profile != self._profile:
            self._profile = profile
            if self._state.conversation is not None:
                self._step(happenings.ProfileKnown(profile))
        if record.sign_in:  # the nudge about it may have been lost
            self.signed_in()

    def make(self) -> guest.Event:
        """Sign the visitor in at the gateway and record it; not while nobody is there to chat with."""
        made = self._admitting.make()
        if not isinstance(made, Made):
            return made
        self._made = made.known
        return guest.Created(made.known.visitor.visitor_id, made.url)

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        """With a token that has run out, or was refused, no socket is opened: it is renewed first."""
        if self._made:
            self._state.context = self._state.context.of(self._made.channel_id)
        if self._state.context.livechat is None:
            self._state.context.undecided.append(lambda: self.prepare(number, url, go))
            return
        if paused := self._admitting.paused():
            self._state.context.loop.call_soon(partial(self._state.host.lost, number, paused))
            return
        if self._made:
            self._known, self._made = self._made, None
            self._tokens.made(url)
            self._on_record.made()
        self._begin()
        self._tokens.for_socket(number, url, go)

    def opened(self, number: int) -> None:
        """The thread is looked for; until it has been, the socket is of no use."""
        context = self._state.context
        context.breaker.note(Call.SOCKET, self._state.session_id, actions.ACCEPTED, context.now())
        self._former, self._state.number = self._state.number, number
        self._step(self._opened())
        self._renewals.opened()

    def _opened(self) -> happenings.Opened:
        """A session that is not secured is authorized on each socket."""
        return happenings.Opened(urls.registers_as(self._tokens.url))

    def heard(self, number: int, text: str) -> None:
        """What comes on a socket that was replaced was also sent on the one that replaced it."""
        if number == self._state.number:
            self._step(happenings.Heard(text))

    def ended(self, number: int, end: SocketEnd) -> Outcome:
        """One that was refused, by whatever status, may have had a token that is not good: a new one is got first."""
        if number == self._state.number:
            self._state.number = 0
            self._step(happenings.Lost())
            self._lose_former()
        if end.http_status is not None or end.stage is Stage.UPGRADING:
            self._tokens.refused()
        context, outcome = self._state.context, _meaning(end, self._state.context.clock())
        if end.stage is not Stage.OPEN and end.http_status not in TOKEN_REFUSED and not self._state.is_by_page:
            context.breaker.note(Call.SOCKET, self._state.session_id, outcome, context.now())
        is_refused = end.http_status is not None and 400 <= end.http_status < 500 and end.http_status != 429
        return replace(outcome, by_visitor=is_refused and self._state.is_by_page)

    def close(self) -> None:
        """What is still wanted is the next keeper's to say."""
        self._state.is_closed, self._state.conversation = True, None
        self._set_alarm(None)
        self._state.context.owners.drop(self._state.session_id)
        self._state.context.mailbox.forget(self._state.session_id)
        self._tickets.close()

    @property
    def is_shown(self) -> bool:
        """As far as is known."""
        return self._on_record.is_shown

    @property
    def states(self) -> tuple[Mapping[str, Any], ...]:
        """Who types and, once the thread has been looked for, whether there is a contact."""
        c = self._state.conversation
        typing = visitor_events.agent_typing(None, c.agents.typing.agents if c else ())
        is_open = c is not None and c.contacts.open is not None
        return (typing, visitor_events.contact(None, is_open=is_open)) if c and c.thread.ready else (typing,)

    # --- what owners and mailbox want

    @property
    def is_ready(self) -> bool:
        """The thread has been looked for: messages can be sent."""
        return self._state.conversation is not None and self._state.conversation.thread.ready

    def typing(self, typing: bool, on_outcome: Callable[[Outcome], object]) -> None:
        """Show the agent this; ``on_outcome`` hears, later, what came of it. A frame that had to leave is logged."""
        ticket = self._tickets.new(on_outcome)
        if not self._on_record.is_contact_known:
            self._tickets.tell(ticket, Outcome(Kind.NOT_YET, reason="the contact is not on record yet"))
            return
        self._step(happenings.TypingWanted(typing, ticket))
        if self._state.conversation and any(sent.ticket == ticket for sent in self._state.conversation.shown.unproven):
            self._tickets.frame_left(ticket, typing, on_outcome)

    def message(self, message: WaitingMessage) -> None:
        """Send what the visitor sent. What a keeper before may have sent is looked for first."""
        may_have_left, behind_ms = bool(message.left_by), self._state.context.behind_ms()
        wanted = happenings.MessageWanted(message.message_id, message.text, message.at, may_have_left, behind_ms)
        self._know_files()
        self._step(replace(wanted, postback=message.postback, attachments=message.attachments))

    def settled(self, message_id: str) -> None:
        """Somebody else has settled this message."""
        self._step(happenings.MessageSettled(message_id))

    def seen(self) -> None:
        """The visitor has seen the newest message."""
        self._step(happenings.SeenWanted())

    def greeted(self) -> None:
        """A front end has connected that has heard nothing yet."""
        self._know_files()
        self._step(happenings.Greeted())
        self._asking.greeted()

    def signed_in(self) -> None:
        """A page has handed over what signs its visitor in: used at once, or by whoever waits for it.

        At the relay's pace: each may be a call to CXone. What comes sooner waits in the record.
        """
        if self._state.conversation and self._state.number:
            self._renewals.handed_over()
        else:
            self._state.host.signed_in()

    def end(self) -> None:
        """The visitor ends the conversation."""
        self._step(happenings.EndWanted())

    def history(self, before: str) -> None:
        """A front end asks for the messages before this one, or for the newest."""
        self._step(happenings.HistoryWanted(before))

    def transcript(self, email: str) -> None:
        """The visitor wants a transcript: where the channel's settings allow it."""
        if self._state.context.transcripts:
            self._step(happenings.TranscriptWanted(email))
        else:
            self._state.tell(frames.error("not_supported", "CXone's channel has liveChatAllowTranscript=false."))

    # --- the machine

    def _begin(self) -> None:
        """The visitor has a token; with the first one the conversation begins."""
        if self._known is None:
            return
        known, self._known = self._known, None
        context = self._state.context
        if self._state.conversation is None and not self._state.is_closed:
            self._state.conversation = machine.begin(
                context.channel,
                known.visitor,
                known.thread_id,
                livechat=bool(context.livechat),
                seed=uuid.uuid4().hex,
                newest_at=context.clock() - MISSED_MS if known.told_at is None else known.told_at,
                told=(known.told_id,) if known.told_id else (),
                in_flight_until=context.now() + context.policy.in_flight_ms if known.may_be_in_flight else 0,
                tells_anew=not known.is_new,
            )
            context.mailbox.hold(self._state.session_id)
            self._profile = known.profile
            self._step(happenings.ProfileKnown(known.profile))
            self._know_files()
        self._admitted(known.visitor, known.access_until, known.signed_in)

    def _know_files(self) -> None:
        """As the channel's settings were read last."""
        conversation, files = self._state.conversation, self._state.context.files
        if conversation is not None and conversation.catch_up.files != files:
            self._step(happenings.FilesKnown(files))

    def _renewed(self, admission: Admission) -> None:
        self._renewals.renewed()
        self._admitted(admission.access.visitor, admission.access.expires_at, admission.signed_in)

    def _admitted(self, visitor: Visitor, access_until: int, signed_in: SignedIn | None) -> None:
        """Times are told by the wall clock."""
        behind_ms, self._state.is_by_page = self._state.context.behind_ms(), signed_in is not None
        self._renewals.admitted()
        self._asking.answered()
        if signed_in:
            third_party, sign_in_at = signed_in.third_party_token, signed_in.renew_at + behind_ms
            self._step(happenings.Admitted(visitor, access_until + behind_ms, third_party, sign_in_at))
        else:
            self._step(happenings.Admitted(visitor, access_until + behind_ms))

    def _step(self, happening: happenings.Happening) -> None:
        if self._state.conversation is None:
            self._nothing_begun(happening)
            return
        now, policy = self._state.context.now(), self._state.context.policy
        self._state.conversation, due = machine.step(self._state.conversation, happening, now, policy)
        left = iter(due)
        for action in left:
            if isinstance(action, actions.MessageLeaving):
                self._leave(action.message_id, next(left))
            else:
                self._carry_out(action)
        self._set_alarm(wake_at(self._state.conversation, policy))

    def _nothing_begun(self, happening: happenings.Happening) -> None:
        """Nobody has signed in yet."""
        if isinstance(happening, happenings.TypingWanted):
            self._tickets.tell(happening.ticket, Outcome(Kind.NOT_YET, reason="no conversation yet"))
        elif isinstance(happening, (happenings.EndWanted, happenings.HistoryWanted, happenings.TranscriptWanted)):
            self._state.tell(frames.error("not_ready", "Try again once the guest session is open."))

    def _set_alarm(self, at: int | None) -> None:
        if at == self._alarm_at:
            return  # a pong changes nothing about it
        if self._alarm:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, at
        if at is not None:
            seconds = (at - self._state.context.now()) / 1000
            slack = SLACK_S if seconds >= SLOW_S else 0.0
            self._alarm = self._state.context.loop.call_later(seconds, self._woke, slack)

    def _woke(self) -> None:
        self._alarm = self._alarm_at = None
        self._step(happenings.Woke())

    def _carry_out(self, action: actions.Action) -> None:  # noqa: C901  # a table
        match action:
            case actions.SendFrame(text):
                self._state.host.send(self._state.number, text)  # one that does not leave is noticed in time: no pong
            case actions.Ready():
                self._ready()
            case actions.ContactOpened():
                self._on_record.note_contact(is_open=True)
            case actions.ContactClosed():
                self._on_record.note_contact(is_open=False)
            case actions.ShownUnknown():
                self._on_record.doubt_shown()
            case actions.ThreadChanged(thread_id):
                self._on_record.note_thread(thread_id)
            case actions.TypingTold(ticket, outcome):
                self._tickets.tell(ticket, outcome)
            case actions.MessageTaken(message_id):
                self._state.context.mailbox.taken(self._state.session_id, message_id)
            case actions.MessageRefused(message_id, reason):
                self._state.context.mailbox.refused(self._state.session_id, message_id, reason)
            case actions.Tell(frame):
                self._state.tell(frame)
            case actions.Fetch(url):
                self._fetching.event(url)
            case actions.FetchMessage(name, path, token):
                self._fetching.rest(name, lambda: self._state.context.gateway.message(path, token))
            case actions.FetchStream(name, stream):
                self._fetching.rest(name, lambda: self._state.context.gateway.streamed(stream))
            case actions.Reopen(reason):
                self._lose(Outcome(Kind.LOST, reason=f"the gateway is {reason}"))
            case actions.Reauthorize():
                self._tokens.refused()
            case actions.SignInDue():
                self._renewals.due()
            case actions.Stopped(outcome):
                self._lose(outcome)
            case actions.Report(code, about):
                self._report(code, about)

    # --- what it asks for

    def _ready(self) -> None:
        self._on_record.looked()
        self._former = 0
        self._state.host.ready(self._state.number)
        self._state.context.mailbox.fetch(self._state.session_id)

    def _lose(self, outcome: Outcome) -> None:
        number, self._state.number = self._state.number, 0
        self._state.host.lost(number, outcome)
        self._lose_former()

    def _lose_former(self) -> None:
        """The conversation has moved on from that socket: it is of no use by itself."""
        if self._former:
            former, self._former = self._former, 0
            reason = "the socket that replaced it was lost"
            self._state.context.loop.call_soon(lambda: self._state.host.lost(former, Outcome(Kind.LOST, reason=reason)))

    def _leave(self, message_id: str, send: actions.Action) -> None:
        """On record first: whoever takes over looks for what may have left before sending it again (T15).

        That look comes ``settle_ms`` after the record was read. So a late answer of the store sends nothing: another
        keeper may have looked by then, and sent the message itself.
        """
        number, conversation = self._state.number, self._seed()
        leaves_until = self._state.context.now() + self._state.context.policy.leave_within_ms

        def is_on_the_same_socket() -> bool:
            return (number, conversation) == (self._state.number, self._seed())

        def go() -> None:
            if self._state.context.now() >= leaves_until:
                stay()
            elif is_on_the_same_socket():
                self._carry_out(send)

        def stay() -> None:
            if is_on_the_same_socket():
                self._step(happenings.Lost())
                self._lose(Outcome(Kind.LOST, reason="it could not be recorded in time that a message leaves"))

        self._state.context.mailbox.leaving(self._state.session_id, message_id, go, stay)

    def _report(self, code: str, about: str = "") -> None:
        name = code if code in COUNTED else "other"  # a metric for each is paid for
        self._state.context.counters.add(f"Gateway.{name}")
        details = {"session": self._state.session_id, "code": code, "reason": about}
        logger.warning("The gateway reports trouble", extra=details)

    def _seed(self) -> str:
        """Names the conversation: one that began anew is another."""
        return self._state.conversation.seed if self._state.conversation else ""


def _meaning(end: SocketEnd, now: int) -> Outcome:
    """What the end of a socket means here. No guest is ever over: a visitor signs in again as the same."""
    if end.http_status in (429, 503) and "retry-after" in end.headers:
        return Outcome(Kind.THROTTLED, retry_after_ms(end.headers["retry-after"], now), f"status {end.http_status}")
    kind = Kind.LOST if end.close_code is not None else Kind.FAILED
    return Outcome(kind, reason=end.reason)
