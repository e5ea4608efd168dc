"""One visitor's conversation on the gateway: what has happened goes in, what to do comes out. Pure: no clock, no I/O.

    closed ─ Opened ─▶ looking ─ answered ─▶ ready ──▶ contact open: typing is shown
       ▲                                       │  ▲
       └─ Lost, or Reopen (silent, overdue) ◀──┘  └─ looks again when a message's fate is unknown

Nothing is sent on a socket before the thread has been looked for: the gateway replays nothing. A message whose answer
was lost is repeated only after such a look that could have shown it and did not. Times are epoch ms.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from typing_relay.door import frames
from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.codes import LOOK_FAILED, SDK_REFUSED, SENDING_FAILED, TRANSCRIPT_FAILED
from typing_relay.platforms.digital_first.conversation.actions import (
    ACCEPTED,
    ENDED,
    NOT_YET,
    Action,
    ContactClosed,
    ContactOpened,
    Fetch,
    FetchMessage,
    FetchStream,
    MessageLeaving,
    MessageRefused,
    MessageTaken,
    Overdue,
    Ready,
    Reason,
    Reauthorize,
    Reopen,
    Report,
    Send,
    ShownUnknown,
    SignInDue,
    Stopped,
    Tell,
    ThreadChanged,
    TypingTold,
)
from typing_relay.platforms.digital_first.conversation.happenings import (
    Admitted,
    EndWanted,
    Fetched,
    FilesKnown,
    Greeted,
    Happening,
    Heard,
    HistoryWanted,
    Lost,
    MessageWanted,
    NotFetched,
    Opened,
    ProfileKnown,
    RestFetched,
    RestNotFetched,
    SeenWanted,
    TranscriptWanted,
    TypingWanted,
    Woke,
)
from typing_relay.platforms.digital_first.conversation.policy import Policy
from typing_relay.platforms.digital_first.conversation.state import (
    Asked,
    Conversation,
    Doing,
    Page,
    Queued,
    Unproven,
    Untold,
)
from typing_relay.platforms.digital_first.files import NO_FILES, Files
from typing_relay.platforms.digital_first.frames_in import Contact, Message, NotAFrame
from typing_relay.platforms.digital_first.identity import Channel, Visitor, known_as
from typing_relay.platforms.digital_first.streamed import Stream
from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import NOBODY, Agent, AgentsTyping
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.value import changed

#: So many ids of messages are remembered, so that none is told twice or taken for new.
_REMEMBERED = 256
#: So many messages are held back until the thread was looked for; what came before them is found by the look itself.
_MOST_HELD = 50

Step = tuple[Conversation, tuple[Action, ...]]


def begin(
    channel: Channel,
    visitor: Visitor,
    thread_id: str,
    *,
    livechat: bool,
    seed: str,
    newest_at: int = 0,
    told: tuple[str, ...] = (),
    ghosts_until: int = 0,
    tells_anew: bool = False,
) -> Conversation:
    """A conversation without a socket.

    ``thread_id``: a uuid, new for a new session, else the record's. ``seed``: random, never used before.
    ``newest_at``, ``told``: of the conversation as the keeper before left it, as far as they are known; they keep
    old messages from being told again. ``ghosts_until``: so long what a keeper before has sent may still be taken.
    ``tells_anew``: a keeper before has told the visitor something of contact and agent.
    """
    known = Conversation(channel, visitor, thread_id, livechat, seed, newest_at, told, newest_at)
    return replace(known, ghosts_until=ghosts_until, tells_anew=tells_anew)


def step(conversation: Conversation, happening: Happening, now: int, policy: Policy) -> Step:
    """What ``happening`` changes and asks for."""
    turn = _Turn(conversation, now, policy)
    turn.take(happening)
    turn.go_on()
    return turn.now_stands, tuple(turn.actions)


def wake_at(conversation: Conversation, policy: Policy) -> int | None:
    """When ``Woke`` is due; None while only something from outside can change anything."""
    on_its_way = 1 if conversation.sending else 0
    times = [queued.ends_at(policy) for queued in conversation.queue[on_its_way:]]
    if conversation.sign_in_at is not None:
        times.append(conversation.sign_in_at)
    if conversation.agents_typing.wake_at is not None:
        times.append(conversation.agents_typing.wake_at)
    times += _rest_is_due(conversation, policy)
    if conversation.doing is Doing.OPEN:
        times += [conversation.heartbeat_at, conversation.heard_at + policy.dead_ms]
        times += [asked.until for asked in _on_their_way(conversation) if asked]
        times += [unproven.until for unproven in conversation.unproven]
        if conversation.queue and not conversation.registering and not _is_busy(conversation):
            first = conversation.queue[0]
            may_send_at = max(conversation.retry_at, policy.frames.free_at(conversation.frames_until))
            times.append(first.sent_at + policy.settle_ms if first.in_doubt else may_send_at)
        may_end = conversation.end_of is not None and not conversation.ending and not conversation.queue
        may_ask = conversation.history_due and not conversation.history and not _is_busy(conversation)
        free_at = policy.frames.free_at(conversation.frames_until)
        if conversation.seen_due or _owes_fields(conversation) or (conversation.ready and may_ask):
            times.append(free_at)
        if conversation.ready and may_end:
            times.append(free_at if conversation.contact else max(free_at, conversation.opening_until))
        if conversation.refresh_at is not None:
            times.append(conversation.refresh_at)
        if conversation.catch_up_due and conversation.ready:
            times.append(conversation.catch_up_at)
    return min(times, default=None)


class _Turn:
    """One step: the state as it changes, and what is to be done, in order."""

    def __init__(self, conversation: Conversation, now: int, policy: Policy) -> None:
        self.now_stands, self._now, self._policy = conversation, now, policy
        self.actions: list[Action] = []

    def take(self, happening: Happening) -> None:  # noqa: C901  # a table
        """What has happened."""
        match happening:
            case Admitted(visitor, expires_at, third_party_token, sign_in_at):
                self._change(visitor=visitor, token_until=expires_at)
                self._change(third_party_token=third_party_token, sign_in_at=sign_in_at, by_page=sign_in_at is not None)
            case ProfileKnown(profile):
                self._change(profile=profile)
            case FilesKnown(files):
                self._files_known(files)
            case Opened(register_as):
                self._opened(register_as)
            case Heard(text):
                self._heard(text)
            case Fetched(text):
                self._fetched(text)
            case NotFetched():
                self._not_fetched()
            case RestFetched():
                self._rest_fetched(happening)
            case RestNotFetched(name):
                self._rest_not_fetched(name)
            case Lost(was_open):
                self._lost(was_open)
            case TypingWanted(typing, ticket):
                self._typing_wanted(typing, ticket)
            case MessageWanted():
                self._message_wanted(happening)
            case SeenWanted():
                self._seen_wanted()
            case Greeted():
                self._change(catch_up_due=True)
            case EndWanted():
                self._end_wanted()
            case HistoryWanted(before):
                self._history_wanted(before)
            case TranscriptWanted(email):
                self._transcript_wanted(email)
            case Woke():
                pass  # go_on looks at the time

    def go_on(self) -> None:
        """What is due now, whatever has happened."""
        if self.now_stands.queue:
            self._expire_messages()
        if self.now_stands.sign_in_at is not None and self._now >= self.now_stands.sign_in_at:
            self._change(sign_in_at=None)
            self._do(SignInDue())
        if self.now_stands.agents_typing:
            self._agents_type(self.now_stands.agents_typing.expired(self._now))
        self._read_on()
        if self.now_stands.doing is Doing.OPEN:
            self._look_after_socket()
        if self.now_stands.doing is Doing.OPEN:
            self._say_fields()
            self._next_message()
            self._say_end()
            self._next_page()
            self._say_seen()
            self._catch_up()

    # --- the socket

    def _opened(self, register_as: str) -> None:
        self._drop()
        now = self._now
        heartbeat_at = now + self._policy.heartbeat_ms
        self._change(
            doing=Doing.OPEN, ready=False, heard_at=now, heartbeat_at=heartbeat_at, pongs_due=0, looks_failed=0
        )
        self._change(seen_said=None, seen_due=False)
        if register_as:
            event_id = self._request(frames_out.authorize(register_as))
            self._change(registering=Asked(event_id, now, now + self._policy.answer_ms))
        else:
            self._look()

    def _lost(self, was_open: bool) -> None:
        was_closed = self.now_stands.doing is not Doing.OPEN
        self._drop()
        if not was_open:
            self._do(Reauthorize())
        elif not was_closed:
            self._renew_token()

    def _reopen(self, reason: Overdue) -> None:
        self._drop()
        self._renew_token()
        self._do(Reopen(reason))

    def _drop(self) -> None:
        """What was on the socket is lost, or nobody knows."""
        c = self.now_stands
        for unproven in c.unproven:
            self._told(unproven, Outcome(Kind.LOST, reason="the socket was lost"))
        if c.contact and c.may_show:
            self._do(ShownUnknown())
        if c.sending:
            self._doubt_first()
        if any(unproven.typing for unproven in c.unproven):
            self._change(ghosts_until=self._now + self._policy.ghost_ms)
        self._agent_stopped()
        doing = c.doing if c.doing is Doing.STOPPED else Doing.CLOSED
        nothing: dict[str, Any] = dict.fromkeys(("unproven", "held", "fields_said"), ())
        self._change(doing=doing, ready=False, looking=None, sending=None, contact=None, **nothing)
        self._change(queue_position=None, ending=None)
        self._change(registering=None, consumer_token="", refresh_at=None, refreshing=None)
        self._change(untold=tuple(replace(one, asked=None) for one in c.untold))
        if c.history:
            self._no_history("the connection to CXone was lost")
        if c.transcript:
            self._no_transcript("the connection to CXone was lost")

    def _doubt_first(self) -> None:
        first, *others = self.now_stands.queue
        self._change(queue=(replace(first, in_doubt=True), *others))

    def _renew_token(self) -> None:
        spare_ms = 0 if self.now_stands.by_page else self._policy.renew_early_ms  # a page's is used to its end
        if self._now >= self.now_stands.token_until - spare_ms:
            self._do(Reauthorize())

    def _look_after_socket(self) -> None:
        c, now = self.now_stands, self._now
        overdue = self._overdue()
        if overdue:
            return self._reopen(overdue)
        if c.looking and now >= c.looking.until:
            return self._look()
        if c.refresh_at is not None and now >= c.refresh_at:
            event_id = self._request(frames_out.refresh_token(c.consumer_token))
            self._change(refreshing=Asked(event_id, now, now + self._policy.answer_ms), refresh_at=None)
        if c.unproven:
            self._give_up_unproven()
        if c.ending and now >= c.ending.until:
            self._not_ended("unanswered")
        if c.transcript and now >= c.transcript.until:
            self._no_transcript("CXone does not answer")
        if (page := _page_on_its_way(c)) and now >= page.until:
            self._no_history("CXone does not answer")
        if now >= c.heartbeat_at:
            self._beat()
        return None

    def _overdue(self) -> Overdue | None:
        """What the socket owes that costs it its life; a look that is only to be made later is none."""
        c, now = self.now_stands, self._now
        looking = c.looking if self._is_looking() else None
        owed: tuple[tuple[Asked | None, Overdue], ...] = (
            (c.registering, "authorization_overdue"),
            (c.refreshing, "authorization_overdue"),
            (looking, "look_overdue"),
            (c.sending, "message_overdue"),
        )
        if now >= c.heard_at + self._policy.dead_ms:
            return "silent"
        return next((reason for asked, reason in owed if asked and now >= asked.until), None)

    def _give_up_unproven(self) -> None:
        """A gateway that leaves out a pong must not be waited for for ever."""
        left = []
        for unproven in self.now_stands.unproven:
            if self._now < unproven.until:
                left.append(unproven)
            else:
                self._told(unproven, Outcome(Kind.LOST, reason="its heartbeat was not answered"))
                self._change(pongs_due=0)
        self._change(unproven=tuple(left))

    def _beat(self) -> None:
        self._do(Send(frames_out.HEARTBEAT))
        c, heartbeat_at = self.now_stands, self._now + self._policy.heartbeat_ms
        frames_until = self._policy.frames.spend(c.frames_until, self._now)
        self._change(heartbeat_at=heartbeat_at, pongs_due=c.pongs_due + 1, frames_until=frames_until)

    # --- what comes in

    def _heard(self, text: str) -> None:
        if self.now_stands.doing is not Doing.OPEN:
            return
        self._change(heard_at=self._now)
        frame = self._parsed(text)
        if frame:
            self._frame(frame)
        elif self._is_looking() and self.now_stands.looking.event_id in text:  # type: ignore[union-attr]
            self._found_nothing(is_certain=False)  # it is the answer, and reported

    def _fetched(self, text: str) -> None:
        """As if it had been heard, but for what it proves of the socket; nothing more is fetched for it."""
        frame = self._parsed(text)
        is_another = isinstance(frame, frames_in.Event) and isinstance(frame.what, frames_in.EventInS3)
        if (frame is None or is_another) and self._is_looking():
            self._not_fetched()
        elif frame and not is_another and self.now_stands.doing is Doing.OPEN:
            self._frame(frame)

    def _not_fetched(self) -> None:
        """The answer to a look may have been in there."""
        if self._is_looking():
            self._look_failed("event_not_fetched")
        else:
            self._do(Report("event_not_fetched"))

    def _parsed(self, text: str) -> frames_in.Frame | None:
        try:
            return frames_in.parse(text)
        except NotAFrame as bad:
            self._do(Report("not_a_frame", str(bad)))
            return None

    def _frame(self, frame: frames_in.Frame) -> None:  # noqa: C901  # a table
        match frame:
            case frames_in.Pong():
                self._ponged()
            case frames_in.Answer(event_id):
                self._answered(event_id)
            case frames_in.Result(event_id, event_type):
                self._answered(event_id, event_type)
            case frames_in.Failure(code, event_id):
                self._failed(code, event_id)
            case frames_in.FrameLost():
                self._frame_lost()
            case frames_in.ConsumerToken():
                self._authorized(frame)
            case frames_in.UrlToken(event_id, token) if self._is_about_rest(event_id):
                self._fetch_rest(token)
            case frames_in.Recovered():
                self._recovered(frame)
            case frames_in.MoreMessages(event_id) if self._is_page(event_id):
                self._tell_page(frame)
            case frames_in.MoreMessages(event_id):
                self._answered(event_id, "MoreMessagesLoaded")
            case frames_in.NothingThere(event_id, is_empty) if self._is_looked_for_by(event_id):
                if not is_empty:
                    self._do(Report("thread_without_id"))
                self._found_nothing(is_certain=is_empty)
            case frames_in.Event():
                self._event(frame)

    def _authorized(self, consumer: frames_in.ConsumerToken) -> None:
        """Renewed as NICE's client does it, after nine tenths of the token's life, and 20 s at least."""
        c = self.now_stands
        if consumer.event_id not in (asked.event_id for asked in (c.registering, c.refreshing) if asked):
            return
        refresh_at = self._now + max(consumer.expires_s * 900, self._policy.least_refresh_ms)
        self._change(consumer_token=consumer.token, refresh_at=refresh_at, refreshing=None)
        if c.registering:
            known = replace(c.visitor, customer_id=consumer.customer_id or c.visitor.customer_id)
            self._change(registering=None, visitor=known)
            self._look()

    def _is_authorization(self, event_id: str | None) -> bool:
        c = self.now_stands
        return any(asked.event_id == event_id for asked in (c.registering, c.refreshing) if asked)

    def _answered(self, event_id: str, result: str = "") -> None:
        sending = self.now_stands.sending
        if self._is_authorization(event_id):
            self._do(Report("not_authorized", result))
            self._reopen("not_authorized")
        elif sending and sending.event_id == event_id:
            self._taken(self.now_stands.queue[0].message_id)
        elif self.now_stands.ending and self.now_stands.ending.event_id == event_id:
            self._change(ending=None, end_of=None)  # that the contact is closed is an event of its own
        elif self.now_stands.transcript and self.now_stands.transcript.event_id == event_id:
            self._change(transcript=None)
            self._do(Tell(visitor_events.transcript()))
        elif self._is_page(event_id) and not self.now_stands.looking:
            self._do(Report("page_answered_otherwise", result))
            self._no_history("CXone answers otherwise")
        elif self._is_looked_for_by(event_id):
            self._do(Report("look_answered_otherwise", result) if result else Report("look_answered_plainly"))
            self._found_nothing(is_certain=False)
        elif self._is_about_rest(event_id):
            self._no_rest("answered otherwise")

    def _frame_lost(self) -> None:
        """Which one is not said: what is on its way may not have arrived."""
        if self._is_looking():
            return self._look_failed("frame_lost")
        self._do(Report("frame_lost"))
        if self.now_stands.sending:
            self._doubt_first()
        unproven = self.now_stands.unproven
        self._change(sending=None, unproven=())
        if self.now_stands.untold and self.now_stands.untold[0].asked:
            self._no_rest("the gateway lost a frame")
        for one in unproven:
            self._told(one, Outcome(Kind.LOST, reason="the gateway lost a frame"))
        if unproven:
            self._do(ShownUnknown())
        return None

    def _failed(self, code: str, event_id: str | None) -> None:
        c = self.now_stands
        if code == SDK_REFUSED:
            return self._stop(code, event_id)
        if self._is_authorization(event_id) or (c.registering and event_id is None):
            self._do(Report(code))
            return self._reopen("not_authorized")
        if c.looking and _is_about(c.looking, event_id, code in LOOK_FAILED or not c.ready):
            return self._found_nothing() if code in LOOK_FAILED else self._look_failed(code)
        self._do(Report(code))
        self._refused(event_id)
        if c.ending and c.ending.event_id == event_id:
            self._not_ended(code)
        if c.history and c.history.event_id == event_id:
            self._no_history(code)
        if event_id and self._is_about_rest(event_id):
            self._no_rest(code)
        if c.transcript and _is_about(c.transcript, event_id, code in TRANSCRIPT_FAILED):
            self._no_transcript(code)
        if c.sending and _is_about(c.sending, event_id, code in SENDING_FAILED):
            self._message_failed(code)
        return None

    def _stop(self, code: str, event_id: str | None) -> None:
        """The request of this id was not taken; of another one on its way nobody knows."""
        c = self.now_stands
        reason = "the gateway refuses this SDK version: raise DfoSdkVersion"
        self._do(Report(code, reason))
        if c.sending and c.sending.event_id == event_id:
            self._change(sending=None)
        for unproven in c.unproven:
            self._told(unproven, Outcome(Kind.DENIED, reason=reason))
        self._agent_stopped()
        self._change(unproven=(), doing=Doing.STOPPED)
        for queued in c.queue:
            self._do(MessageRefused(queued.message_id, "unconfirmed" if self._may_have_left(queued) else "unavailable"))
        self._change(queue=(), sending=None, looking=None, contact=None, ready=False, ending=None, end_of=None)
        while self.now_stands.history_due:
            self._no_history(code)
        if self.now_stands.transcript:
            self._no_transcript(code)
        self._do(Stopped(Outcome(Kind.DENIED, reason=reason)))

    def _event(self, event: frames_in.Event) -> None:
        what = event.what
        if isinstance(what, frames_in.Unknown) and what.why:
            self._do(Report("event_not_understood", f"{what.event_type}: {what.why}"))
        if isinstance(what, frames_in.EventInS3):
            if event.thread_id in ("", self.now_stands.thread_id):
                self._fetch(what.url)
        elif event.thread_id and event.thread_id != self.now_stands.thread_id:
            return
        elif not event.thread_id and not self._is_about_contact(event):
            self._of_nobody_known(event)
        elif isinstance(what, frames_in.MessageCreated) and not self.now_stands.ready:
            self._taken(what.message.message_id)
            self._change(held=(*self.now_stands.held, event)[-_MOST_HELD:])
        else:
            self._tell(event)

    def _is_about_contact(self, event: frames_in.Event) -> bool:
        """Whether an event that names no thread is about the contact, or the one that was closed last."""
        c = self.now_stands
        known = c.contact.contact_id if c.contact else c.closed_contact
        return event.contact_id != "" and event.contact_id == known

    def _of_nobody_known(self, event: frames_in.Event) -> None:
        """It names no thread, and no contact that is known. What nobody understands is passed on as it is."""
        c = self.now_stands
        if isinstance(event.what, frames_in.QueuePosition) and not (c.contact and c.contact.contact_id):
            self._change(queue_position=event)
            self._tell_queue_position()
        elif isinstance(event.what, frames_in.Unknown):
            self._do(Tell(visitor_events.unnamed(event.frame)))

    def _tell_queue_position(self) -> None:
        """Once it is known whose it is."""
        c = self.now_stands
        if c.queue_position and c.contact:
            held = c.queue_position
            self._change(queue_position=None)
            if "" in (held.contact_id, c.contact.contact_id) or held.contact_id == c.contact.contact_id:
                self._tell(held)

    def _tell(self, event: frames_in.Event) -> None:
        if self._is_news(event):
            if isinstance(event.what, frames_in.AgentTyping):
                self._change(agents_typing=self._typing_after(event.what, event.at))
            is_opened = isinstance(event.what, frames_in.CaseStatusChanged) and self.now_stands.contact is None
            told = dfo_events.told(event, self.now_stands.agents_typing)
            frame = visitor_events.contact(event.frame, is_open=True) if is_opened else told
            if isinstance(event.what, frames_in.MessageCreated):
                self._say(event.what.message, event)
            elif frame:
                self._do(Tell(frame))
            self._note(event.what, event.at)
        if isinstance(event.what, frames_in.MessageCreated):
            self._learn(event.what.contact)

    def _typing_after(self, what: frames_in.AgentTyping, at: int | None) -> AgentsTyping:
        """Without a contact nobody is known to be there who could type."""
        c = self.now_stands
        if not what.typing:
            return c.agents_typing.stopped(what.agent, at, self._now)
        is_doubtful = c.ready and c.contact is None
        life_ms = self._policy.agent_typing_ms
        return c.agents_typing.started(what.agent, at, self._now, life_ms, is_doubtful=is_doubtful)

    def _learn(self, contact: Contact | None) -> None:
        """A message may be the first word of the contact that it is part of."""
        c = self.now_stands
        if c.contact is None and contact and contact.is_open and contact.contact_id not in ("", c.closed_contact):
            self._contact_is(contact)

    def _fetch(self, url: str) -> None:
        """What is being waited for may be in there: it gets the time for it."""
        until = self._now + self._policy.answer_ms
        if self.now_stands.looking:
            self._change(looking=replace(self.now_stands.looking, until=until))
        self._do(Fetch(url))

    def _is_news(self, event: frames_in.Event) -> bool:
        """Events may come twice, or late."""
        c = self.now_stands
        match event.what:
            case frames_in.MessageCreated(message):
                return message.message_id not in c.told
            case frames_in.AgentTyping(True, agent):
                return not c.agents_typing.is_overtaken(agent, event.at)
            case frames_in.CaseCreated(contact):
                is_past = contact.contact_id != "" and contact.contact_id == c.closed_contact
                return not is_past and (c.contact is None or c.contact.contact_id != contact.contact_id)
            case frames_in.CaseStatusChanged(contact, at) if c.contact is None:
                return contact.is_open and (at is None or at >= c.closed_at)
            case frames_in.CaseStatusChanged(contact):
                is_named = c.contact is not None and "" not in (contact.contact_id, c.contact.contact_id)
                return c.contact is not None and (not is_named or contact.contact_id == c.contact.contact_id)
        return True

    def _note(self, what: frames_in.What, at: int | None) -> None:
        match what:
            case frames_in.MessageCreated(message):
                self._remember(message)
                self._taken(message.message_id)
                self._wrote(message, at)
                self._change(unread=self.now_stands.unread + message.from_agent)
            case frames_in.CaseCreated(contact):
                self._change(may_show=False)  # nobody has been told anything in this one
                self._agent_stopped()
                self._contact_is(contact, told=True)
            case frames_in.CaseStatusChanged(contact, closed_at) if not contact.is_open:
                self._contact_is(None, told=True)
                self._change(closed_at=closed_at or 0)
            case frames_in.CaseStatusChanged(contact) if self.now_stands.contact is None:
                known = contact.contact_id or self.now_stands.closed_contact
                self._contact_is(replace(contact, contact_id=known), told=True)
            case frames_in.ThreadArchived():
                self._contact_is(None)
                self._change(thread_over=True)
            case frames_in.AgentChanged(agent):
                self._agent_is(agent)
            case frames_in.QueuePosition(position):
                self._change(position_told=position)

    def _agent_is(self, agent: Agent | None) -> None:
        """Who has the conversation. Another one in its place: who typed before does so no longer."""
        if agent is None or agent != self.now_stands.agent_told:
            self._agents_type(self.now_stands.agents_typing.taken_over(agent))
            self._change(position_told=None)
        self._change(agent_told=agent)

    def _wrote(self, message: Message, at: int | None = None) -> None:
        """A message of an agent ends its typing. ``at``: of the event, whose clock is that of others."""
        if message.from_agent:
            self._agents_type(self.now_stands.agents_typing.stopped(message.agent, at, self._now))

    def _agent_stopped(self) -> None:
        """That an agent types was told, and nobody would say that it is over."""
        self._agents_type(NOBODY)

    def _agents_type(self, typing: AgentsTyping) -> None:
        """The visitor is told if other agents type than before."""
        before = self.now_stands.agents_typing
        self._change(agents_typing=typing)
        if typing.agents != before.agents:
            self._do(Tell(visitor_events.agent_typing(None, typing.agents)))

    def _remember(self, message: Message) -> None:
        c = self.now_stands
        self._change(told=(*c.told, message.message_id)[-_REMEMBERED:], newest_at=max(c.newest_at, message.at or 0))

    # --- messages to the visitor, and their rest

    def _say(self, message: Message, event: frames_in.Event | None) -> None:
        """In order: behind those that are not whole yet."""
        waiting = self.now_stands.untold
        if not waiting and not message.is_part:
            self._do(Tell(dfo_events.said(event, message)))
            return
        self._change(untold=(*waiting, Untold(message, event, self._now + self._policy.rest_ms)))
        if len(waiting) >= self._policy.most_untold:
            self._say_first()

    def _read_on(self) -> None:
        """Tell what is whole, or has waited long enough; ask for the rest of the first that is not."""
        while self.now_stands.untold:
            first = self.now_stands.untold[0]
            is_given_up = self._now >= first.until or first.fetches >= self._policy.most_fetches
            if first.message.is_part and first.message.stream_url == first.message.server_id == "":
                is_given_up = True
            if first.message.is_part and not is_given_up:
                break
            self._say_first()
        if self.now_stands.untold:
            self._ask_for_rest(self.now_stands.untold[0])

    def _say_first(self) -> None:
        first, *others = self.now_stands.untold
        if first.message.is_part:
            self._do(Report("message_not_whole"))
        self._change(untold=tuple(others))
        self._do(Tell(dfo_events.said(first.event, first.message)))

    def _ask_for_rest(self, first: Untold) -> None:
        c = self.now_stands
        if first.asked and self._now >= first.asked.until:
            self._no_rest("unanswered")
        elif first.asked or first.fetch or self._now < first.retry_at:
            pass
        elif first.message.stream_url:
            self._do(FetchStream(self._fetch_begins(first), Stream(first.message.stream_url, first.until)))
        elif c.ready and self._may_send():
            path = frames_out.message_path(c.channel.brand_id, first.message.server_id)
            event_id = self._request(frames_out.generate_authorization_token(c.thread_id, path))
            self._first_untold(replace(first, asked=Asked(event_id, self._now, self._now + self._policy.answer_ms)))

    def _fetch_begins(self, first: Untold) -> str:
        name = f"{self.now_stands.seed}:{self.now_stands.fetches}"
        self._change(fetches=self.now_stands.fetches + 1)
        self._first_untold(replace(first, asked=None, fetch=name))
        return name

    def _fetch_rest(self, token: str) -> None:
        first = self.now_stands.untold[0]
        path = frames_out.message_path(self.now_stands.channel.brand_id, first.message.server_id)
        self._do(FetchMessage(self._fetch_begins(first), path, token))

    def _rest_fetched(self, fetched: RestFetched) -> None:
        """What comes too late was told without it."""
        first = self.now_stands.untold[0] if self.now_stands.untold else None
        if first is None or first.fetch != fetched.name:
            return
        if first.message.stream_url:
            is_said = fetched.is_whole or fetched.text != ""
            message = replace(first.message, text=fetched.text, is_part=not fetched.is_whole)
            tries = self._policy.most_fetches if is_said else first.fetches  # what has come does not come again
            self._first_untold(replace(first, message=message if is_said else first.message, fetches=tries))
            if not is_said:
                self._no_rest("nothing was written")
            return
        try:
            self._first_untold(replace(first, message=frames_in.whole(first.message, fetched.text)))
        except NotAFrame as bad:
            self._no_rest(str(bad))

    def _rest_not_fetched(self, name: str) -> None:
        if self.now_stands.untold and self.now_stands.untold[0].fetch == name:
            self._no_rest("not fetched")

    def _no_rest(self, why: str) -> None:
        """It is asked for again, a few times."""
        first = self.now_stands.untold[0]
        self._do(Report("rest_not_fetched", why))
        retry_at = self._now + self._policy.retry_ms * 2**first.fetches
        self._first_untold(replace(first, asked=None, fetch="", fetches=first.fetches + 1, retry_at=retry_at))

    def _first_untold(self, first: Untold) -> None:
        self._change(untold=(first, *self.now_stands.untold[1:]))

    def _is_about_rest(self, event_id: str) -> bool:
        first = self.now_stands.untold[0] if self.now_stands.untold else None
        return first is not None and first.asked is not None and first.asked.event_id == event_id

    # --- looking for the thread

    def _look(self) -> None:
        event_id = self._request(frames_out.recover(self.now_stands.thread_id, self.now_stands.livechat))
        self._change(looking=Asked(event_id, self._now, self._now + self._policy.answer_ms))

    def _recovered(self, found: frames_in.Recovered) -> None:
        c = self.now_stands
        if c.looking is None or c.looking.event_id != found.event_id:
            return
        if found.thread_id != c.thread_id and not self._adopts(found):
            return
        is_page = self._is_page("") and c.ready
        for message in found.messages:
            self._found(message)
        self._change(unread=_unread(found.messages, c.seen_to))
        self._settle_doubts(c.looking.since, found)
        if found.agent != c.agent_told or c.tells_anew:
            self._do(Tell(visitor_events.agent(None, found.agent)))
            self._agent_is(found.agent)
        contact = found.contact if found.contact and found.contact.is_open else None
        if c.livechat and found.contact and not contact:
            self._change(thread_over=True)
        self._contact_is(contact)
        if found.contact and not contact:
            self._change(closed_contact=found.contact.contact_id, closed_at=0)
        if not found.takes_more:
            self._do(Report("thread_takes_no_more"))
            self._change(thread_over=True)
        self._looked()
        if is_page:
            self._tell_page(found)

    def _found(self, message: Message) -> None:
        if message.message_id not in self.now_stands.told:
            if message.at is None or message.at >= self.now_stands.told_before:
                self._say(message, None)
            self._remember(message)
            if self.now_stands.agents_typing:
                self._wrote(message)
        self._taken(message.message_id, is_looked_for=True)

    def _adopts(self, found: frames_in.Recovered) -> bool:
        """Another thread with an open contact is the conversation from now on. One that is over would be found again
        and again, so it counts as none."""
        if found.contact is None or not found.contact.is_open or not found.takes_more:
            self._do(Report("another_thread_found"))
            self._found_nothing(is_certain=False)
            return False
        found_ids = {message.message_id for message in found.messages}
        self._give_up_doubts(found_ids)
        self._change(thread_id=found.thread_id, thread_over=False, closed_contact="")
        self._do(ThreadChanged(found.thread_id))
        return True

    def _give_up_doubts(self, shown: Set[str] = frozenset()) -> None:
        """Such a look does not show whether these arrived, and no later one will: they are not sent again."""
        left = []
        for queued in self.now_stands.queue:
            if queued.in_doubt and queued.message_id not in shown:
                self._do(MessageRefused(queued.message_id, "unconfirmed"))
            else:
                left.append(queued)
        self._change(queue=tuple(left))

    def _is_looking(self) -> bool:
        """A look is on its way."""
        return self.now_stands.looking is not None and self.now_stands.looking.event_id != ""

    def _is_looked_for_by(self, event_id: str) -> bool:
        looking = self.now_stands.looking
        return looking is not None and looking.event_id != "" and looking.event_id == event_id

    def _found_nothing(self, *, is_certain: bool = True) -> None:
        """There is no such thread or contact yet: no message has arrived in it, unless that is not certain."""
        assert self.now_stands.looking  # noqa: S101
        if is_certain:
            self._settle_doubts(self.now_stands.looking.since, None)
        else:
            self._give_up_doubts()
        self._contact_is(self.now_stands.contact)
        is_page = self._is_page("") and self.now_stands.ready
        self._looked()
        if is_page and is_certain:
            self._tell_page(frames_in.MoreMessages("", ()))
        elif is_page:
            self._no_history("CXone's answer is not understood")

    def _look_failed(self, code: str) -> None:
        """An error that is not known to mean that there is nothing. If it lasts it is taken for that, but for messages
        in doubt: these may have arrived."""
        c = self.now_stands
        self._do(Report(code))
        if c.looks_failed < self._policy.most_refusals:
            pause = Asked("", self._now, self._now + self._policy.retry_ms * 2**c.looks_failed)
            self._change(looking=pause, looks_failed=c.looks_failed + 1)
        else:
            self._contact_is(c.contact)
            self._looked()
            if self._is_page(""):
                self._no_history(code)

    def _looked(self) -> None:
        before = self.now_stands
        self._change(looking=None, looks_failed=0, ready=True, tells_anew=False)
        for event in before.held:
            self._tell(event)
        self._change(held=())
        if not before.ready:
            self._do(Ready())
            if before.contact:
                self._do(ContactOpened(before.contact.contact_id))

    def _settle_doubts(self, since: int, found: frames_in.Recovered | None) -> None:
        """A message in doubt that such a look does not show was not taken; unless the look came too early.

        One that a page with older ones left out could not show, is given up: it may be there.
        """
        left = []
        for queued in self.now_stands.queue:
            if queued.in_doubt and since >= queued.sent_at + self._policy.settle_ms:
                if found and not self._reaches_back(found, queued):
                    self._do(MessageRefused(queued.message_id, "unconfirmed"))
                    continue
                queued = replace(queued, in_doubt=False)
            left.append(queued)
        self._change(queue=tuple(left))

    def _reaches_back(self, found: frames_in.Recovered, queued: Queued) -> bool:
        before = queued.asked_at - self._policy.skew_ms
        return found.is_whole or any(message.at is not None and message.at <= before for message in found.messages)

    # --- the contact

    def _contact_is(self, contact: Contact | None, *, told: bool = False) -> None:
        """``told``: the visitor hears of it by the event itself."""
        before = self.now_stands
        if contact is None and before.contact is not None:
            self._change(closed_contact=before.contact.contact_id, fields_said=(), ending=None, end_of=None)
        if contact is None or before.contact is None or contact.contact_id != before.contact.contact_id:
            self._change(position_told=None)
        may_show = (before.may_show or self._has_ghosts()) and contact is not None  # else nobody is shown anything
        thread_over = before.thread_over and contact is None
        self._change(contact=contact, contact_told=contact is not None, may_show=may_show, thread_over=thread_over)
        if contact is not None:
            self._change(opening_until=0)
        is_news = (contact is not None) != before.contact_told or (before.tells_anew and not before.ready)
        if is_news and not told:
            self._do(Tell(visitor_events.contact(None, is_open=contact is not None)))
        if contact is None:
            self._agent_stopped()
            if before.contact_told:
                self._closed()
        elif before.ready and (before.contact is None or before.contact.contact_id != contact.contact_id):
            self._do(ContactOpened(contact.contact_id))
        self._tell_queue_position()

    def _closed(self) -> None:
        """Nobody is shown typing to anybody. A livechat ends with its contact."""
        for unproven in self.now_stands.unproven:
            self._told(unproven, NOT_YET if unproven.typing else ACCEPTED)
        self._change(unproven=())
        if self.now_stands.livechat:
            self._change(thread_over=True)
        self._do(ContactClosed())

    # --- typing

    def _typing_wanted(self, typing: bool, ticket: str) -> None:
        c = self.now_stands
        if c.doing is Doing.STOPPED:
            self._do(TypingTold(ticket, Outcome(Kind.DENIED, reason="the gateway refuses this relay")))
        elif c.ready and not c.contact and not typing:
            self._do(TypingTold(ticket, ACCEPTED))  # without a contact nobody is shown anything
        elif not c.ready or not c.contact:
            self._do(TypingTold(ticket, NOT_YET))
        elif not typing and not c.unproven and not c.may_show:
            self._do(TypingTold(ticket, ACCEPTED))  # a message, or whoever asked before, has ended it
        elif not typing and c.unproven and not c.unproven[-1].typing:
            self._change(unproven=(*c.unproven, replace(c.unproven[-1], ticket=ticket)))
        else:
            self._show(typing, ticket)

    def _show(self, typing: bool, ticket: str | None) -> None:
        """The answer to the heartbeat after it proves that it arrived. What else comes in may have been on its way."""
        event_id = self._request(frames_out.typing(self.now_stands.thread_id, typing))
        self._beat()
        until, pongs = self._now + self._policy.proof_ms, self.now_stands.pongs_due
        unproven = Unproven(ticket, typing, event_id, until, pongs)
        may_show = self.now_stands.may_show or typing
        self._change(unproven=(*self.now_stands.unproven, unproven), may_show=may_show)

    def _ponged(self) -> None:
        """Heartbeats are answered in their order."""
        c = self.now_stands
        counted = [replace(unproven, pongs=unproven.pongs - 1) for unproven in c.unproven]
        for unproven in counted:
            if unproven.pongs <= 0:
                self._change(may_show=unproven.typing or self._has_ghosts())
                self._told(unproven, ENDED if unproven.overtaken else ACCEPTED)
        left = tuple(unproven for unproven in counted if unproven.pongs > 0)
        self._change(unproven=left, pongs_due=max(0, c.pongs_due - 1))

    def _has_ghosts(self) -> bool:
        return self._now < self.now_stands.ghosts_until

    def _refused(self, event_id: str | None) -> None:
        """An error about typing that was sent."""
        for unproven in self.now_stands.unproven:
            if unproven.event_id == event_id:
                self._told(unproven, Outcome(Kind.FAILED, reason="the gateway answered with an error"))
        left = tuple(unproven for unproven in self.now_stands.unproven if unproven.event_id != event_id)
        if any(unproven.event_id == event_id and not unproven.typing for unproven in self.now_stands.unproven):
            # Nothing has ended what was said before: whoever said it hears that it is shown, and ends it.
            left = tuple(replace(unproven, overtaken=False) for unproven in left)
            self._do(ShownUnknown())
        self._change(unproven=left)

    def _told(self, unproven: Unproven, outcome: Outcome) -> None:
        if unproven.ticket is not None:
            self._do(TypingTold(unproven.ticket, outcome))

    # --- messages

    def _message_wanted(self, wanted: MessageWanted) -> None:
        c = self.now_stands
        if any(queued.message_id == wanted.message_id for queued in c.queue):
            if wanted.may_have_left:
                self._doubt(wanted.message_id)
            return
        if wanted.message_id in c.taken or wanted.message_id in c.told:
            self._do(MessageTaken(wanted.message_id))
        elif c.doing is Doing.STOPPED:
            self._do(MessageRefused(wanted.message_id, "unavailable"))
        elif wanted.attachments and c.files and not c.files.rules.allowed:
            self._do(MessageRefused(wanted.message_id, "no_attachments"))
        elif not _is_sendable(wanted.text + wanted.postback + "".join(file.name for file in wanted.attachments)):
            self._do(MessageRefused(wanted.message_id, "refused"))
        elif len(c.queue) >= self._policy.most_messages:
            self._do(MessageRefused(wanted.message_id, "too_many"))
        else:
            queued = Queued(
                wanted.message_id,
                wanted.text,
                wanted.asked_at,
                postback=wanted.postback,
                attachments=wanted.attachments,
                behind_ms=wanted.behind_ms,
            )
            if wanted.may_have_left:
                queued = replace(queued, in_doubt=True, sent_at=self._now)
            self._change(queue=(*c.queue, queued))

    def _doubt(self, message_id: str) -> None:
        """A message that waits here was sent by another keeper: what an earlier look did not show may be there now."""
        doubted = partial(replace, in_doubt=True, sent_at=self._now)
        self._change(
            queue=tuple(doubted(one) if one.message_id == message_id else one for one in self.now_stands.queue)
        )

    def _next_message(self) -> None:
        c = self.now_stands
        if c.registering or c.looking or c.sending or not c.queue:
            return
        first = c.queue[0]
        if first.in_doubt:
            if self._now >= first.sent_at + self._policy.settle_ms:
                self._look()
        elif first.sends >= self._policy.most_sends:
            self._refuse_first("expired")
            self._next_message()
        elif c.thread_over and first.threads >= self._policy.most_threads:
            self._refuse_first("thread_closed")
            self._next_message()
        elif c.thread_over:
            self._new_thread()
        elif self._now >= c.retry_at and self._may_send():
            self._send_first()

    def _send_first(self) -> None:
        first, *others = self.now_stands.queue
        self._do(MessageLeaving(first.message_id))
        fields = () if self.now_stands.contact else self.now_stands.profile.fields
        c, what = self.now_stands, (first.message_id, first.text, first.postback)
        third_party, device = c.third_party_token, c.profile.device
        event_id = self._request(frames_out.message(c.thread_id, *what, fields, third_party, first.attachments, device))
        self._change(fields_said=fields or self.now_stands.fields_said)
        sent = replace(first, sent_at=self._now, sends=first.sends + 1)
        asked = Asked(event_id, self._now, self._now + self._policy.answer_ms)
        self._change(queue=(sent, *others), sending=asked)
        if self.now_stands.contact and self.now_stands.may_show:  # a message ends the typing
            self._show(False, None)
            self._overtake()
            self._do(ShownUnknown())

    def _overtake(self) -> None:
        """Who waits to hear that typing is shown hears that it is not, once it has been ended for certain."""
        *before, ended = self.now_stands.unproven
        waits = partial(replace, pongs=ended.pongs, until=ended.until, overtaken=True)
        self._change(unproven=(*(waits(one) if one.typing else one for one in before), ended))

    def _new_thread(self) -> None:
        """Named after the one before: whoever takes over in the midst of it finds the same one, and looks first."""
        if self.now_stands.contact:
            self._contact_is(None)
        thread_id = _uuid(f"after:{self.now_stands.thread_id}")
        first, *others = self.now_stands.queue
        self._change(queue=(replace(first, threads=first.threads + 1), *others), queue_position=None)
        self._change(thread_id=thread_id, thread_over=False, agent_told=None, closed_contact="", unread=0)
        self._do(ThreadChanged(thread_id))
        self._look()

    def _message_failed(self, code: str) -> None:
        """Some errors may pass."""
        first, *others = self.now_stands.queue
        if code not in SENDING_FAILED or first.refusals >= self._policy.most_refusals:
            return self._refuse_first("refused")
        retry_at = self._now + self._policy.retry_ms * 2**first.refusals
        queue = (replace(first, refusals=first.refusals + 1), *others)
        return self._change(queue=queue, sending=None, retry_at=retry_at)

    def _taken(self, message_id: str, *, is_looked_for: bool = False) -> None:
        """The contact that it opens is told by an event of its own, which may come later; a look tells both."""
        c = self.now_stands
        left = tuple(queued for queued in c.queue if queued.message_id != message_id)
        if len(left) == len(c.queue):
            return
        if c.queue[0].message_id == message_id:
            self._change(sending=None, retry_at=0)
        self._change(queue=left, taken=(*c.taken, message_id)[-_REMEMBERED:])
        if c.contact is None and not is_looked_for:
            self._change(opening_until=self._now + self._policy.answer_ms)
        self._do(MessageTaken(message_id))

    def _refuse_first(self, reason: Reason) -> None:
        first, *others = self.now_stands.queue
        self._change(queue=tuple(others), sending=None, retry_at=0)
        self._do(MessageRefused(first.message_id, reason))

    def _expire_messages(self) -> None:
        """All but the one on its way, whose answer has a time limit of its own."""
        on_its_way = self.now_stands.queue[:1] if self.now_stands.sending else ()
        left = list(on_its_way)
        for queued in self.now_stands.queue[len(on_its_way) :]:
            if self._now < queued.ends_at(self._policy):
                left.append(queued)
            else:
                self._do(MessageRefused(queued.message_id, "unconfirmed" if queued.in_doubt else "expired"))
        self._change(queue=tuple(left))

    def _may_have_left(self, queued: Queued) -> bool:
        return queued.in_doubt or (self.now_stands.sending is not None and queued is self.now_stands.queue[0])

    # --- the rest

    def _files_known(self, files: Files | None) -> None:
        """Told while they are allowed, and when they are not any more."""
        before = self.now_stands.files
        self._change(files=files)
        if files != before and ((files and files.rules.allowed) or (before and before.rules.allowed)):
            self._tell_files()

    def _tell_files(self) -> None:
        files = self.now_stands.files
        known = files if files and files.rules.allowed else NO_FILES
        self._do(Tell(visitor_events.files(known.upload, known.rules.largest_bytes, known.rules.types)))

    def _seen_wanted(self) -> None:
        c = self.now_stands
        if c.ready and c.contact and c.seen_said != self._newest():
            self._change(seen_due=True)

    def _say_seen(self) -> None:
        """Once for each newest message: to say it again changes nothing (T17)."""
        if self.now_stands.seen_due and self._may_send():
            self._request(frames_out.message_seen(self.now_stands.thread_id))
            if self.now_stands.unread:
                self._do(Tell(visitor_events.unread(0)))
            self._change(seen_due=False, seen_said=self._newest(), seen_to=self._newest(), unread=0)

    def _end_wanted(self) -> None:
        """What is wanted twice is done once."""
        c = self.now_stands
        if c.end_of is None and c.doing is not Doing.STOPPED:
            self._change(end_of=c.contact.contact_id if c.contact else "")
        elif c.doing is Doing.STOPPED:
            self._not_ended("the gateway refuses this relay")

    def _say_end(self) -> None:
        """Once what was sent before has been delivered. On each socket anew, while the same contact is open."""
        c = self.now_stands
        if c.end_of is None or not c.ready or c.ending or c.queue:
            return
        if c.contact is None and self._now < c.opening_until:
            return
        if c.contact is None or c.end_of not in ("", c.contact.contact_id):
            self._change(end_of=None)  # it is over
            self._do(Tell(visitor_events.contact(None, is_open=c.contact is not None)))
        elif not c.contact.contact_id:
            self._not_ended("the contact has no id")
        elif self._may_send():
            event_id = self._request(frames_out.end_contact(c.thread_id, c.contact.contact_id))
            asked = Asked(event_id, self._now, self._now + self._policy.answer_ms)
            self._change(end_of=c.contact.contact_id, ending=asked)

    def _not_ended(self, why: str) -> None:
        """Not tried again by itself."""
        self._change(ending=None, end_of=None)
        self._do(Report("not_ended", why))
        self._do(Tell(frames.error("not_ended", "CXone did not end the conversation. You may try again.")))

    # --- the transcript

    def _transcript_wanted(self, email: str) -> None:
        """Of the contact that is open, or was last. One at a time, and not kept: whoever hears no answer asks again."""
        c = self.now_stands
        contact_id = c.contact.contact_id if c.contact else c.closed_contact
        is_free = self._now >= self._policy.transcripts.free_at(c.transcripts_until)
        if not (c.ready and contact_id and is_free and c.transcript is None and self._may_send()):
            self._do(_no_transcript())
            return
        event_id = self._request(frames_out.send_transcript(contact_id, email))
        asked = Asked(event_id, self._now, self._now + self._policy.answer_ms)
        spent = self._policy.transcripts.spend(c.transcripts_until, self._now)
        self._change(transcript=asked, transcripts_until=spent)

    def _no_transcript(self, why: str) -> None:
        self._change(transcript=None)
        self._do(Report("transcript_failed", why))
        self._do(_no_transcript())

    # --- earlier messages

    def _history_wanted(self, before: str) -> None:
        c = self.now_stands
        if before and not any(page.before == before for page in c.pages):
            self._do(_unknown_page())
        elif before in c.history_due:
            pass  # its answer is everybody's
        elif c.doing is Doing.STOPPED or len(c.history_due) >= self._policy.most_pages_due:
            self._do(_no_history())
        else:
            self._change(history_due=(*c.history_due, before))

    def _next_page(self) -> None:
        """The newest are found by a look; of those that are left of a page nobody needs to be asked."""
        c = self.now_stands
        if not c.history_due or c.history or not c.ready or _is_busy(c):
            return
        before = c.history_due[0]
        page = next((page for page in c.pages if page.before == before), None)
        if page and page.left:
            self._tell_page(frames_in.MoreMessages("", page.left, page.scroll_token, page.oldest_at))
        elif before and page is None:  # forgotten since, for the page of another front end
            self._change(history_due=c.history_due[1:])
            self._do(_unknown_page())
        elif not self._may_send():
            pass
        elif page is None:
            self._look()
            self._change(history=self.now_stands.looking)
        else:
            request = frames_out.load_more(page.thread_id, page.scroll_token, page.oldest_at, page.contact_id)
            event_id = self._request(request)
            self._change(history=Asked(event_id, self._now, self._now + self._policy.answer_ms))

    def _is_page(self, event_id: str) -> bool:
        """The answer to this request is a page that a front end wants; '': of the look that is under way."""
        c = self.now_stands
        if not c.history or not c.history_due:
            return False
        return c.history_due[0] == "" if event_id == "" else c.history.event_id == event_id

    def _tell_page(self, found: frames_in.Recovered | frames_in.MoreMessages) -> None:
        c = self.now_stands
        asked, *others = c.history_due
        details, left = dfo_events.page(found.messages)
        oldest = details[-1]["id"] if details and (left or found.scroll_token) else ""
        before = "" if oldest == asked else oldest  # the same page again and again has an end
        self._do(Tell(visitor_events.history(details, asked, before)))
        former = next((page for page in c.pages if asked and page.before == asked), None)
        others_known = tuple(page for page in c.pages if page.before not in (asked, before) and not page.left)
        contact_id = (c.contact.contact_id if c.contact else c.closed_contact) if c.livechat else ""
        thread_id, contact_id = (former.thread_id, former.contact_id) if former else (c.thread_id, contact_id)
        page = Page(before, thread_id, contact_id, found.scroll_token, found.oldest_at, left)
        known = (*others_known, *((former,) if former and asked != before else ()), *((page,) if before else ()))
        self._change(pages=known[-self._policy.most_pages :], history_due=tuple(others), history=None)

    def _no_history(self, why: str) -> None:
        """Whoever waits for the first page that is due is told; it may be asked for again."""
        self._change(history_due=self.now_stands.history_due[1:], history=None)
        self._do(Report("history_failed", why))
        self._do(_no_history())

    def _catch_up(self) -> None:
        """Tell what every front end is to know, also those that know it: one that has just connected does not."""
        c = self.now_stands
        if not (c.catch_up_due and c.ready and self._now >= c.catch_up_at):
            return
        self._do(Tell(visitor_events.contact(None, is_open=c.contact is not None)))
        self._do(Tell(visitor_events.agent(None, c.agent_told)))
        if c.position_told is not None:
            self._do(Tell(visitor_events.queue(None, c.position_told)))
        self._do(Tell(visitor_events.unread(c.unread if c.contact else 0)))
        if c.files and c.files.rules.allowed:
            self._tell_files()
        if c.agents_typing:
            self._do(Tell(visitor_events.agent_typing(None, c.agents_typing.agents)))
        self._change(catch_up_due=False, catch_up_at=self._now + self._policy.catch_up_ms)

    def _say_fields(self) -> None:
        """The message that opens a contact brings them along; afterwards they may change."""
        c = self.now_stands
        if _owes_fields(c) and self._may_send():
            self._request(frames_out.set_contact_fields(c.thread_id, c.profile.fields))
            self._change(fields_said=c.profile.fields)

    def _newest(self) -> str:
        return self.now_stands.told[-1] if self.now_stands.told else ""

    def _may_send(self) -> bool:
        return self._now >= self._policy.frames.free_at(self.now_stands.frames_until)

    def _request(self, request: frames_out.Request) -> str:
        """Send it; returns its id."""
        c = self.now_stands
        event_id = _uuid(f"{c.seed}:{c.requests}")
        self._change(requests=c.requests + 1, frames_until=self._policy.frames.spend(c.frames_until, self._now))
        self._do(Send(frames_out.encoded(request, event_id, c.channel, known_as(c.visitor, c.profile))))
        return event_id

    def _change(self, **changes: Any) -> None:
        self.now_stands = changed(self.now_stands, **changes)

    def _do(self, action: Action) -> None:
        self.actions.append(action)


def _rest_is_due(c: Conversation, policy: Policy) -> list[int]:
    """When something is to be done about the first message that is not whole."""
    if not c.untold:
        return []
    first = c.untold[0]
    if first.asked:
        return [first.until, first.asked.until]
    if first.fetch or not (first.message.stream_url or c.ready):
        return [first.until]
    may_ask_at = 0 if first.message.stream_url else policy.frames.free_at(c.frames_until)
    return [min(first.until, max(first.retry_at, may_ask_at))]


def _unknown_page() -> Tell:
    return Tell(frames.error("history_unknown", "Nothing is known before that message: ask for the newest."))


def _no_transcript() -> Tell:
    message = "CXone sent no transcript: there is no conversation yet, or too many were asked for, or it failed."
    return Tell(frames.error("transcript_failed", message))


def _no_history() -> Tell:
    return Tell(frames.error("history_failed", "CXone gave no earlier messages. You may ask again."))


def _unread(messages: tuple[Message, ...], seen_to: str) -> int:
    """Of agents' messages, oldest first, those that came after the last that the visitor has seen: so NICE's Android
    app counts them. ``seen_to``: the last of which that was said, which the gateway may not know yet."""
    count = 0
    for message in reversed(messages):
        if message.message_id == seen_to or (message.from_agent and message.is_seen):
            break
        count += message.from_agent
    return count


def _on_their_way(c: Conversation) -> tuple[Asked | None, ...]:
    return (c.registering, c.refreshing, c.looking, c.sending, c.ending, c.transcript, _page_on_its_way(c))


def _page_on_its_way(c: Conversation) -> Asked | None:
    """One that is not asked for by a look, which has a time limit of its own."""
    return c.history if c.history_due and c.history_due[0] else None


def _is_busy(c: Conversation) -> bool:
    """A look, or a message: another look would mix with it."""
    return c.looking is not None or c.sending is not None


def _owes_fields(c: Conversation) -> bool:
    """There is a contact, and CXone does not know its custom fields as they are now."""
    return bool(c.ready and c.contact and c.profile.fields and c.profile.fields != c.fields_said)


def _is_about(asked: Asked, event_id: str | None, is_its_kind: bool) -> bool:
    """An error without an id belongs to the oldest request of its kind; one of each is open at most."""
    return asked.event_id == event_id or (event_id is None and is_its_kind)


def _is_sendable(text: str) -> bool:
    """Half of a surrogate pair is no character: no encoding has it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _uuid(name: str) -> str:
    """A uuid that the gateway cannot tell from a random one, the same for the same name."""
    return str(UUID(bytes=sha256(name.encode()).digest()[:16], version=4))
