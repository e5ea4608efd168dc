"""A guest on the Digital-First gateway: the conversation's machine, with this keeper's socket, store and owners.

``conversation`` decides; here its actions are carried out. What a conversation must survive its keeper is in
the session's record: who the visitor is, which thread it is, whether a contact is open, and what the agent may see.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from typing_relay.aws.shedding import failure_of
from typing_relay.door import frames
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.talk import Voice
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop, Timer
from typing_relay.keeper.io.sockets import SocketEnd, Stage
from typing_relay.platforms.digital_first import urls
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.api import Streamed
from typing_relay.platforms.digital_first.codes import COUNTED
from typing_relay.platforms.digital_first.conversation import actions, happenings, machine, state
from typing_relay.platforms.digital_first.conversation.policy import Policy
from typing_relay.platforms.digital_first.conversation.waking import wake_at
from typing_relay.platforms.digital_first.files import Files
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.known import Known, channel_of, identity_of, newcomer
from typing_relay.platforms.digital_first.ports import Conversations, Gateway, Mailbox, Owners
from typing_relay.platforms.digital_first.signing_in import Admission, Needed, Why, admit
from typing_relay.platforms.digital_first.weather import Call, Watched, Weather
from typing_relay.platforms.shared import visitor_events
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Conversation, KeptAccess, WaitingMessage
from typing_relay.relay.profile import NOTHING_SAID, decoded
from typing_relay.relay.retry import retry_after_ms
from typing_relay.relay.sign_in import SignedIn, signed_in_of

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: A token this near its end is renewed before a socket is opened with it.
RENEW_EARLY_MS = 60_000
#: Of a record that does not say what the visitor was told (an earlier version's): what is so old counts as told.
MISSED_MS = 120_000
#: Waits as long as between heartbeats end together: thousands of guests do not wake the process one by one.
SLOW_S, SLACK_S = 10.0, 0.1
#: A handshake that ends so says something of its visitor's token, and nothing of the gateway.
TOKEN_REFUSED = (401, 403)
#: How long until a token in use is renewed again that could not be.
RENEW_AGAIN_MS = 10_000
#: How long until a page is asked again for a sign-in before its token ends; until then.
ASK_AGAIN_MS = 30_000
#: What there is to renew is not this keeper's any more.
GONE = Outcome(Kind.LOST, reason="the session is gone")
ANOTHERS = Outcome(Kind.LOST, reason="another keeper holds this guest")
#: While a socket is in use, what a page hands over is used once in so long; twice as long from refusal to refusal.
HAND_OVER_MS, LONGEST_HAND_OVER_MS = 10_000, 300_000
#: Who was just told that what they handed over is refused is not asked again at once.
JUST_ASKED_MS = 10_000
#: How long until the record is told again what it could not be told.
AGAIN_S = 1.0


@dataclass(slots=True)
class Office:
    """What all conversations of this keeper on one channel share.

    ``livechat``: the channel's kind; None: not known yet. Without it no thread can be looked for: what needs it waits
    in ``undecided``.
    """

    keeper: str
    loop: Loop
    store: Jobs
    cxone: Jobs
    contents: Jobs
    sessions: Conversations
    gateway: Gateway
    channel: Channel
    owners: Owners
    mailbox: Mailbox
    counters: Counters
    clock: Callable[[], int]
    policy: Policy = field(default_factory=Policy)
    livechat: bool | None = None
    #: Which files visitors may send there; None: not known.
    files: Files | None = None
    #: Visitors may have a transcript sent to them.
    transcripts: bool = False
    undecided: list[Callable[[], object]] = field(default_factory=list)
    #: The same for another channel ('': for the first), from any thread; None: there is but this one.
    other: Callable[[str], Office] | None = None
    weather: Weather = field(default_factory=Weather)
    _began: int = field(init=False)

    def __post_init__(self) -> None:
        """From here on the rules' time is counted."""
        self._began = self.clock() - round(self.loop.time() * 1000)

    def of(self, channel_id: str) -> Office:
        """The one for this channel; '': the first."""
        return self if self.other is None or channel_id == self.channel.channel_id else self.other(channel_id)

    def for_channel(self, channel: Channel, gateway: Gateway) -> Office:
        """The same, for another channel: its kind is not known yet."""
        another = copy(self)
        another.channel, another.gateway, another.livechat, another.undecided = channel, gateway, None, []
        another.files, another.transcripts = None, False
        return another

    def now(self) -> int:
        """In ms, for the rules: the wall clock may be set back while their timers run on."""
        return self._began + round(self.loop.time() * 1000)

    def behind_ms(self) -> int:
        """How far the wall clock has fallen behind the rules' time."""
        return self.now() - self.clock()

    def decide(self, livechat: bool, files: Files | None = None) -> None:
        """The channel is known: what waits for that goes on."""
        self.livechat, self.files = livechat, files
        undecided, self.undecided = self.undecided, []
        for go_on in undecided:
            go_on()


class GatewayTalk:
    """One guest's. On the loop's thread but for ``make``."""

    def __init__(self, voice: Voice, office: Office) -> None:
        self._voice, self._office = voice, office
        self._conversation: state.Conversation | None = None
        #: The newest open socket; what still comes on others is not heard.
        self._number = 0
        #: The one that it replaces, still open.
        self._former = 0
        #: Made on a worker thread; from ``prepare`` on it is known.
        self._made: Known | None = None
        self._known: Known | None = None
        self._url = ""
        self._profile = NOTHING_SAID
        self._needs_token = False
        #: Typing was shown, or on its way, when this keeper took the guest; since then the thread was looked for.
        self._was_shown = self._has_looked = False
        #: By which the page was last asked to sign its visitor in, which it has not done, and when (ms).
        self._asked: tuple[Mapping[str, Any], ...] = ()
        self._asked_at = 0
        self._is_to_ask_again = False
        #: Nobody is there to chat with: what visitors leave is sent nevertheless.
        self._is_offline = False
        #: The token in use is of the page's, and CXone may refuse it for that.
        self._is_by_page = False
        #: The token in use is to be replaced by another. Which renewals in use wait: for their time, or their turn.
        self._is_sign_in_due = False
        self._waiting_renewals = set[bool]()
        #: Until then (ms) no token in use is renewed: CXone's Retry-After.
        self._throttled_until = 0
        #: Until then (ms) nothing that is handed over is used; how many in a row were refused.
        self._hand_overs_until, self._hand_overs_refused = 0, 0
        #: What the record says; None: not known, or being written. Of what was noted, ``_note`` is the newest.
        self._contact_noted: bool | None = None
        self._note = object()
        self._alarm: Timer | None = None
        self._alarm_at: int | None = None
        self._tickets: dict[str, Callable[[Outcome], object]] = {}
        self._ticket_number = 0
        self._is_closed = False

    # --- what the keeper tells

    def taken(self, record: Session) -> None:
        """Go on as the record's visitor, if it has been one before.

        Who holds the guest already begins anew: another keeper may have spoken meanwhile.
        """
        self._contact_noted, self._note = record.contact_open, object()
        self._was_shown, self._has_looked = record.shown or record.sending is not None, False
        self._url = record.web_socket_url
        if self._conversation is not None:
            self._step(happenings.Lost(was_open=True))
            self._conversation = None
        self._known, self._is_offline = None, False
        self._office = self._office.of(channel_of(record))
        if record.conversation:
            (visitor, thread_id), profile = identity_of(record), decoded(record.profile)
            self._known = Known(
                visitor,
                thread_id,
                record.access_until,
                is_new=False,
                has_ghosts=True,
                told_at=record.told_at,
                told_id=record.told_id,
                profile=profile,
                signed_in=signed_in_of(record.signed_in),
            )
        if self._known and self._number:
            self._begin()
            self._step(self._opened())

    def refreshed(self, record: Session) -> None:
        """A token that came since may say more of the visitor."""
        profile = decoded(record.profile)
        if profile != self._profile:
            self._profile = profile
            if self._conversation is not None:
                self._step(happenings.ProfileKnown(profile))
        if record.sign_in:  # the nudge about it may have been lost
            self.signed_in()

    def make(self) -> guest.Event:
        """Sign the visitor in at the gateway and record it; not while nobody is there to chat with."""
        office, session_id = self._office, self._voice.session_id
        record = office.sessions.get(session_id, office.clock())
        if record is None or record.keeper != office.keeper:  # before a code or refresh token is spent
            return guest.FenceLost()
        office = office.of(channel_of(record))
        if paused := self._paused():
            return guest.NotCreated(paused)
        obstacle = self._obstacle(office.gateway)
        if obstacle:
            return guest.NotCreated(obstacle)
        profile = decoded(record.profile)
        visitor, thread_id = identity_of(record) if record.conversation else newcomer(profile.customer)
        admission = self._admission(office, record, visitor)
        if isinstance(admission, Outcome):
            return guest.NotCreated(admission)
        access = admission.access
        url = office.gateway.socket_url(access.visitor, access)
        ids = access.visitor.visitor_id, access.visitor.customer_id, thread_id
        made = Conversation(*ids, office.channel.channel_id, admission.kept)
        if not office.sessions.open_conversation(session_id, office.keeper, made, office.clock()):
            return guest.FenceLost()
        self._keep(KeptAccess(made.visitor_id, url, access.expires_at))
        self._made = Known(
            access.visitor,
            thread_id,
            access.expires_at,
            is_new=not record.conversation,
            has_ghosts=record.shown or record.sending is not None,
            told_at=record.told_at or 0,  # as it was recorded
            told_id=record.told_id,
            profile=profile,
            channel_id=office.channel.channel_id,
            signed_in=admission.signed_in,
        )
        return guest.Created(made.visitor_id, url)

    def _keep(self, access: KeptAccess) -> None:
        """For the next keeper, on a worker thread. One that finds nothing gets another token."""
        office = self._office
        try:
            office.sessions.keep_access(self._voice.session_id, access, office.clock())
        except Exception as error:
            logger.warning("The session record: access could not be kept: %s", error)
            office.counters.add(failure_of(error))

    def _paused(self) -> Outcome | None:
        """Nobody is sent to the gateway for now, but who has typing there that must end."""
        return None if self.is_shown else self._office.weather.paused(self._voice.session_id, self._office.now())

    def _admission(self, office: Office, record: Session, visitor: Visitor) -> Admission | Outcome:
        """On a worker thread. Where the page is to sign the visitor in, it is asked, and waited for."""
        watched = Watched(office.gateway, office.weather, self._voice.session_id, office.now)
        admission = admit(watched, office.sessions, office.keeper, record, visitor, office.clock())
        if not isinstance(admission, Needed):
            return admission
        known = record.conversation or {"customer": decoded(record.profile).customer}
        office.loop.call_from_thread(partial(self._ask, admission, known))
        if admission.why == "refused":  # not NOT_YET: the next try comes later
            return Outcome(Kind.FAILED, reason="what the page handed over is not good", by_visitor=True)
        return Outcome(Kind.NOT_YET, reason="the page has not signed its visitor in", by_visitor=True)

    def _ask(self, needed: Needed, known: Mapping[str, str]) -> None:
        """Ask the page, and each that connects until one has answered."""
        if self._is_closed:
            return
        why: Why = "ends" if needed.why == "needed" and self._number else needed.why
        if why == "needed" and self._was_just_refused():
            return
        self._office.counters.add(f"SignIns.{why}")
        if not self._asked and needed.setting:
            details = {"session": self._voice.session_id, "setting": needed.setting}
            logger.info("The page is to sign its visitor in", extra=details)
        ids = known.get("visitor", ""), known.get("customer", "")
        asking: tuple[Mapping[str, Any], ...] = (dfo_events.sign_in(why, needed.setting, *ids),)
        if needed.fault:
            asking = (frames.error("sign_in_refused", _sentence(needed.setting, needed.fault)), *asking)
        elif why == "needed" and needed.setting:
            message = _sentence(needed.setting, "the page has to sign its visitor in")
            asking = (frames.error("sign_in_needed", message), *asking)
        self._asked = asking
        self._ask_again()
        if self._number and not self._is_by_page:
            self._asked = ()  # the relay's own sign-in goes on

    def _was_just_refused(self) -> bool:
        is_refused = any(frame.get("code") == "sign_in_refused" for frame in self._asked)
        return is_refused and self._office.now() - self._asked_at < JUST_ASKED_MS

    def _ask_again(self) -> None:
        if self._is_closed:
            return
        self._is_to_ask_again, self._asked_at = False, self._office.now()
        for frame in self._asked:
            self._tell(frame)

    def _obstacle(self, gateway: Gateway) -> Outcome | None:
        """Why no visitor is to be let in: what the channel asks for, or, of a live chat, that nobody is there."""
        channel = gateway.channel()
        if isinstance(channel, Outcome):
            return channel
        setting = channel.not_supported()
        if setting:
            reason = f"the channel's setting {setting} is not supported by this relay"
            refused = frames.error("typing_unavailable", f"CXone's channel has {setting}, which is not supported here.")
            self._office.loop.call_from_thread(partial(self._voice.tell, refused))
            return Outcome(Kind.DENIED, reason=reason)
        if channel.livechat and gateway.is_online() is False:
            self._office.loop.call_from_thread(partial(self._found_offline, channel.offline_form))
            return Outcome(Kind.DENIED, reason="the channel is offline")
        if self._is_offline:
            self._office.loop.call_from_thread(self._found_online)
        return None

    def _found_offline(self, offline_form: bool | None) -> None:
        """The page is told once, and each that connects; what is left meanwhile is handed over."""
        if self._is_closed or self._conversation or self._is_offline:
            return
        self._is_offline = True
        self._asked = (visitor_events.availability(is_online=False, offline_form=offline_form),)
        self._ask_again()
        self._office.mailbox.hold(self._voice.session_id)
        self._office.mailbox.fetch(self._voice.session_id)

    def _found_online(self) -> None:
        if self._is_offline and not self._is_closed:
            self._is_offline = False
            self._tell(visitor_events.availability(is_online=True))

    def prepare(self, number: int, url: str, go: Callable[[str], None]) -> None:
        """With a token that has run out, or was refused, no socket is opened: it is renewed first."""
        if self._made:
            self._office = self._office.of(self._made.channel_id)
        if self._office.livechat is None:
            self._office.undecided.append(lambda: self.prepare(number, url, go))
            return
        if paused := self._paused():
            self._office.loop.call_soon(partial(self._voice.lost, number, paused))
            return
        if self._made:
            self._known, self._made = self._made, None
            self._url, self._needs_token = url, False
            self._contact_noted = False  # as it was recorded
        self._begin()
        if self._conversation and self._is_due(self._conversation):
            self._needs_token = True
        if self._needs_token and self._conversation:
            renew = partial(self._renew_in_turn, number, self._conversation.access.visitor, go)
            self._voice.in_turn(renew, self.is_shown)
        else:
            go(self._url or url)

    def _is_due(self, conversation: state.Conversation) -> bool:
        """Another token is got before a socket is opened. One of a page's is used to its end: there is no other."""
        spare_ms = 0 if self._is_by_page else RENEW_EARLY_MS
        return conversation.access.token_until - spare_ms <= self._office.now()

    def opened(self, number: int) -> None:
        """The thread is looked for; until it has been, the socket is of no use."""
        office = self._office
        office.weather.note(Call.SOCKET, self._voice.session_id, actions.ACCEPTED, office.now())
        self._former, self._number = self._number, number
        self._step(self._opened())
        if self._is_sign_in_due:
            self._renew_in_use()

    def _opened(self) -> happenings.Opened:
        """A session that is not secured is authorized on each socket."""
        return happenings.Opened(urls.registers_as(self._url))

    def heard(self, number: int, text: str) -> None:
        """What comes on a socket that was replaced was also sent on the one that replaced it."""
        if number == self._number:
            self._step(happenings.Heard(text))

    def ended(self, number: int, end: SocketEnd) -> Outcome:
        """One that was refused, by whatever status, may have had a token that is not good: a new one is got first."""
        if number == self._number:
            self._number = 0
            self._step(happenings.Lost(was_open=True))
            self._lose_former()
        if end.http_status is not None or end.stage is Stage.UPGRADING:
            self._needs_token = True
        outcome = _meaning(end, self._office.clock())
        if end.stage is not Stage.OPEN and end.http_status not in TOKEN_REFUSED and not self._is_by_page:
            self._office.weather.note(Call.SOCKET, self._voice.session_id, outcome, self._office.now())
        is_refused = end.http_status is not None and 400 <= end.http_status < 500 and end.http_status != 429
        return replace(outcome, by_visitor=is_refused and self._is_by_page)

    def close(self) -> None:
        """What is still wanted is the next keeper's to say."""
        self._is_closed, self._conversation = True, None
        self._set_alarm(None)
        self._office.owners.drop(self._voice.session_id)
        self._office.mailbox.forget(self._voice.session_id)
        tickets, self._tickets = self._tickets, {}
        for told in tickets.values():
            told(Outcome(Kind.LOST, reason="the guest is held here no more"))

    @property
    def is_shown(self) -> bool:
        """As far as is known: until the thread has been looked for, as the record says."""
        c = self._conversation
        if c is None or not self._has_looked:
            return self._was_shown
        return c.shown.may_show and self._contact_noted is True

    @property
    def states(self) -> tuple[Mapping[str, Any], ...]:
        """Who types and, once the thread has been looked for, whether there is a contact."""
        c = self._conversation
        typing = visitor_events.agent_typing(None, c.agents.typing.agents if c else ())
        is_open = c is not None and c.contacts.open is not None
        return (typing, visitor_events.contact(None, is_open=is_open)) if c and c.thread.ready else (typing,)

    # --- what owners and mailbox want

    @property
    def is_ready(self) -> bool:
        """The thread has been looked for: messages can be sent."""
        return self._conversation is not None and self._conversation.thread.ready

    def typing(self, typing: bool, told: Callable[[Outcome], object]) -> None:
        """Show the agent this; ``told`` hears, later, what came of it. A frame that had to leave is logged."""
        self._ticket_number += 1
        ticket = str(self._ticket_number)
        self._tickets[ticket] = told
        if self._contact_noted is None:  # what is said now the record would not know of
            self._told(ticket, Outcome(Kind.NOT_YET, reason="the contact is not on record yet"))
            return
        self._step(happenings.TypingWanted(typing, ticket))
        if self._conversation and any(sent.ticket == ticket for sent in self._conversation.shown.unproven):
            self._tickets[ticket] = partial(self._typing_ended, typing, self._office.clock(), told)

    def message(self, message: WaitingMessage) -> None:
        """Send what the visitor sent. What a keeper before may have sent is looked for first."""
        may_have_left, behind_ms = bool(message.left_by), self._office.behind_ms()
        told = happenings.MessageWanted(message.message_id, message.text, message.at, may_have_left, behind_ms)
        self._know_files()
        self._step(replace(told, postback=message.postback, attachments=message.attachments))

    def seen(self) -> None:
        """The visitor has seen the newest message."""
        self._step(happenings.SeenWanted())

    def greeted(self) -> None:
        """A front end has connected that has heard nothing yet."""
        self._know_files()
        self._step(happenings.Greeted())
        if self._asked and not self._is_to_ask_again:
            self._is_to_ask_again = True
            wait_ms = self._asked_at + self._office.policy.catch_up_ms - self._office.now()
            self._office.loop.call_later(max(0, wait_ms) / 1000, self._ask_again)

    def signed_in(self) -> None:
        """A page has handed over what signs its visitor in: used at once, or by whoever waits for it.

        At the relay's pace: each may be a call to CXone. What comes sooner waits in the record.
        """
        if self._conversation and self._number:
            self._renew_in_use(self._hand_overs_until - self._office.now(), only_if_handed_over=True)
        else:
            self._voice.signed_in()

    def end(self) -> None:
        """The visitor ends the conversation."""
        self._step(happenings.EndWanted())

    def history(self, before: str) -> None:
        """A front end asks for the messages before this one, or for the newest."""
        self._step(happenings.HistoryWanted(before))

    def transcript(self, email: str) -> None:
        """The visitor wants a transcript: where the channel's settings allow it."""
        if self._office.transcripts:
            self._step(happenings.TranscriptWanted(email))
        else:
            self._tell(frames.error("not_supported", "CXone's channel has liveChatAllowTranscript=false."))

    # --- the machine

    def _begin(self) -> None:
        """The visitor has a token; with the first one the conversation begins."""
        if self._known is None:
            return
        known, self._known = self._known, None
        office = self._office
        if self._conversation is None and not self._is_closed:
            self._conversation = machine.begin(
                office.channel,
                known.visitor,
                known.thread_id,
                livechat=bool(office.livechat),
                seed=uuid.uuid4().hex,
                newest_at=office.clock() - MISSED_MS if known.told_at is None else known.told_at,
                told=(known.told_id,) if known.told_id else (),
                ghosts_until=office.now() + office.policy.ghost_ms if known.has_ghosts else 0,
                tells_anew=not known.is_new,
            )
            office.mailbox.hold(self._voice.session_id)
            self._profile = known.profile
            self._step(happenings.ProfileKnown(known.profile))
            self._know_files()
        self._admitted(known.visitor, known.access_until, known.signed_in)

    def _know_files(self) -> None:
        """As the channel's settings were read last."""
        if self._conversation is not None and self._conversation.catch_up.files != self._office.files:
            self._step(happenings.FilesKnown(self._office.files))

    def _admitted(self, visitor: Visitor, access_until: int, signed_in: SignedIn | None) -> None:
        """Times are told by the wall clock."""
        behind_ms, self._is_by_page = self._office.behind_ms(), signed_in is not None
        self._is_sign_in_due, self._asked = False, ()
        if signed_in:
            third_party, sign_in_at = signed_in.third_party_token, signed_in.renew_at + behind_ms
            self._step(happenings.Admitted(visitor, access_until + behind_ms, third_party, sign_in_at))
        else:
            self._step(happenings.Admitted(visitor, access_until + behind_ms))

    def _step(self, happening: happenings.Happening) -> None:
        if self._conversation is None:
            self._nothing_begun(happening)
            return
        now, policy = self._office.now(), self._office.policy
        self._conversation, due = machine.step(self._conversation, happening, now, policy)
        left = iter(due)
        for action in left:
            if isinstance(action, actions.MessageLeaving):
                self._leave(action.message_id, next(left))
            else:
                self._carry_out(action)
        self._set_alarm(wake_at(self._conversation, policy))

    def _nothing_begun(self, happening: happenings.Happening) -> None:
        """Nobody has signed in yet."""
        if isinstance(happening, happenings.TypingWanted):
            self._told(happening.ticket, Outcome(Kind.NOT_YET, reason="no conversation yet"))
        elif isinstance(happening, (happenings.EndWanted, happenings.HistoryWanted, happenings.TranscriptWanted)):
            self._tell(frames.error("not_ready", "Try again once the guest session is open."))

    def _set_alarm(self, at: int | None) -> None:
        if at == self._alarm_at:
            return  # a pong changes nothing about it
        if self._alarm:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, at
        if at is not None:
            seconds = (at - self._office.now()) / 1000
            slack = SLACK_S if seconds >= SLOW_S else 0.0
            self._alarm = self._office.loop.call_later(seconds, self._woke, slack)

    def _woke(self) -> None:
        self._alarm = self._alarm_at = None
        self._step(happenings.Woke())

    def _carry_out(self, action: actions.Action) -> None:  # noqa: C901  # a table
        match action:
            case actions.Send(text):
                self._voice.send(self._number, text)
            case actions.Ready():
                self._ready()
            case actions.ContactOpened():
                self._note_contact(is_open=True)
            case actions.ContactClosed():
                self._note_contact(is_open=False)
            case actions.ShownUnknown():
                self._doubt_shown()
            case actions.ThreadChanged(thread_id):
                self._note_thread(thread_id)
            case actions.TypingTold(ticket, outcome):
                self._told(ticket, outcome)
            case actions.MessageTaken(message_id):
                self._office.mailbox.taken(self._voice.session_id, message_id)
            case actions.MessageRefused(message_id, reason):
                self._office.mailbox.refused(self._voice.session_id, message_id, reason)
            case actions.Tell(frame):
                self._tell(frame)
            case actions.Fetch(url):
                self._fetch(url)
            case actions.FetchMessage(name, path, token):
                self._fetch_rest(name, lambda: self._office.gateway.message(path, token))
            case actions.FetchStream(name, stream):
                self._fetch_rest(name, lambda: self._office.gateway.streamed(stream))
            case actions.Reopen(reason):
                self._lose(Outcome(Kind.LOST, reason=f"the gateway is {reason}"))
            case actions.Reauthorize():
                self._needs_token = True
            case actions.SignInDue():
                self._sign_in_due()
            case actions.Stopped(outcome):
                self._lose(outcome)
            case actions.Report(code, about):
                self._report(code, about)

    # --- what it asks for

    def _ready(self) -> None:
        assert self._conversation is not None  # noqa: S101
        if self._conversation.contacts.open is None and self._contact_noted is not False:
            self._note_contact(is_open=False)
        self._former, self._has_looked = 0, True
        self._voice.ready(self._number)
        self._office.mailbox.fetch(self._voice.session_id)

    def _told(self, ticket: str, outcome: Outcome) -> None:
        """Later: who hears of it may want more at once."""
        told = self._tickets.pop(ticket, None)
        if told:
            self._office.loop.call_soon(partial(told, outcome))

    def _typing_ended(self, typing: bool, began: int, told: Callable[[Outcome], object], outcome: Outcome) -> None:
        """A line as the sender's (``reporting``): what was said, when, how it ended, how long until that was known."""
        log = logger.info if outcome.kind in (Kind.ACCEPTED, Kind.ENDED) else logger.warning
        ended = {"outcome": outcome.kind, "ms": self._office.clock() - began}
        if outcome.reason:
            ended["reason"] = outcome.reason
        log("cxone typing", extra={"session": self._voice.session_id, "typing": typing, "began": began, **ended})
        told(outcome)

    def _tell(self, frame: Mapping[str, Any]) -> None:
        self._office.counters.add(f"Frames.{frame.get('name', 'unknown')}")
        self._voice.tell(frame)

    def _lose(self, outcome: Outcome) -> None:
        number, self._number = self._number, 0
        self._voice.lost(number, outcome)
        self._lose_former()

    def _lose_former(self) -> None:
        """The conversation has moved on from that socket: it is of no use by itself."""
        if self._former:
            former, self._former = self._former, 0
            reason = "the socket that replaced it was lost"
            self._office.loop.call_soon(lambda: self._voice.lost(former, Outcome(Kind.LOST, reason=reason)))

    def _leave(self, message_id: str, send: actions.Action) -> None:
        """On record first: whoever takes over looks for what may have left before sending it again (T15).

        That look comes ``settle_ms`` after the record was read. So a late answer of the store sends nothing: another
        keeper may have looked by then, and sent the message itself.
        """
        number, conversation = self._number, self._seed()
        leaves_until = self._office.now() + self._office.policy.leave_within_ms

        def is_on_the_same_socket() -> bool:
            return (number, conversation) == (self._number, self._seed())

        def go() -> None:
            if self._office.now() >= leaves_until:
                stay()
            elif is_on_the_same_socket():
                self._carry_out(send)

        def stay() -> None:
            if is_on_the_same_socket():
                self._step(happenings.Lost(was_open=True))
                self._lose(Outcome(Kind.LOST, reason="it could not be recorded in time that a message leaves"))

        self._office.mailbox.leaving(self._voice.session_id, message_id, go, stay)

    def _report(self, code: str, about: str = "") -> None:
        self._office.counters.add(f"Gateway.{code if code in COUNTED else 'other'}")  # a metric for each is paid for
        details = {"session": self._voice.session_id, "code": code, "reason": about}
        logger.warning("The gateway reports trouble", extra=details)

    def _seed(self) -> str:
        """Names the conversation: one that began anew is another."""
        return self._conversation.seed if self._conversation else ""

    def _note_contact(self, *, is_open: bool) -> None:
        """Recorded before anything is said: keys pressed while there was no contact count from now on, if fresh."""
        assert self._conversation is not None  # noqa: S101
        office, session_id = self._office, self._voice.session_id
        self._contact_noted, note = None, object()
        self._note = note
        may_show = is_open and self._conversation.shown.may_show

        def written(record: Session | None) -> None:
            if record and note is self._note:
                self._contact_noted = is_open
            self._taken_up(record)
            if not record:
                self._voice.fenced()

        def again() -> None:
            """As it stands by then; a socket that is lost meanwhile has it noted when the next one is ready."""
            if note is self._note and self._conversation and self._conversation.thread.ready:
                self._note_contact(is_open=self._conversation.contacts.open is not None)

        call = office.sessions.set_contact
        self._write("contact", lambda: call(session_id, office.keeper, is_open, may_show), written, again)

    def _doubt_shown(self) -> None:
        """While the socket is down there is nothing to do: the contact's reopening says the same."""
        office, session_id = self._office, self._voice.session_id
        if self.is_ready:
            call = office.sessions.doubt_shown
            self._write("doubt", lambda: call(session_id, office.keeper), self._taken_up, self._doubt_shown)

    def _note_thread(self, thread_id: str) -> None:
        """A thread that is not on record is nobody's: whoever holds the visitor now goes on in the one that is."""
        call = self._office.sessions.set_thread

        def again() -> None:
            if self._conversation and self._conversation.thread.thread_id == thread_id:
                self._note_thread(thread_id)

        def written(is_noted: bool) -> None:
            if not is_noted:
                self._voice.fenced()

        self._write("thread", lambda: call(self._voice.session_id, self._office.keeper, thread_id), written, again)

    def _taken_up(self, record: Session | None) -> None:
        """What is then wanted is looked at."""
        if record and not self._is_closed:
            self._office.owners.take_up(record)

    def _write(
        self, what: str, call: Callable[[], T], written: Callable[[T], object], again: Callable[[], object]
    ) -> None:
        """What the store could not be told, it is told ``again``."""

        def failed(error: Exception) -> None:
            logger.warning("The session record: %s failed: %s", what, error)
            self._office.counters.add(failure_of(error))
            self._office.loop.call_later(AGAIN_S, again)

        self._office.store.submit(self._voice.session_id, call, written, failed)

    def _fetch(self, url: str) -> None:
        def fetched(answer: str | Outcome) -> None:
            self._step(happenings.NotFetched() if isinstance(answer, Outcome) else happenings.Fetched(answer))

        self._office.cxone.submit(
            ("event", self._voice.session_id),
            lambda: self._office.gateway.event(url),
            fetched,
            lambda error: self._step(happenings.NotFetched()),
        )

    def _fetch_rest(self, name: str, call: Callable[[], str | Streamed | Outcome]) -> None:
        """On threads of its own, as a message that is still being written may take long. When its turn comes it may
        not be wanted any more."""

        def fetch() -> str | Streamed | Outcome:
            c = self._conversation
            is_wanted = c is not None and any(untold.fetch == name for untold in c.incoming.untold)
            return call() if is_wanted else Outcome(Kind.LOST, reason="it is not wanted any more")

        def fetched(answer: str | Streamed | Outcome) -> None:
            match answer:
                case Outcome():
                    self._step(happenings.RestNotFetched(name))
                case Streamed(text, is_whole):
                    self._step(happenings.RestFetched(name, text, is_whole))
                case str():
                    self._step(happenings.RestFetched(name, answer))

        failed: Callable[[Exception], object] = lambda error: self._step(happenings.RestNotFetched(name))  # noqa: E731
        self._office.contents.submit(("rest", self._voice.session_id), fetch, fetched, failed)

    def _sign_in_due(self) -> None:
        """Without a socket it waits for one: whoever opens that may renew the token before."""
        self._is_sign_in_due = True
        if self._number:
            self._renew_in_use()

    def _renew_in_use(self, wait_ms: int = 0, *, only_if_handed_over: bool = False) -> None:
        """The token of the socket in use, which goes on: by what a page handed over or the refresh token, else the page
        is asked. ``only_if_handed_over``: by the first alone. Not before ``wait_ms``, and when its turn comes."""
        if only_if_handed_over not in self._waiting_renewals:
            self._waiting_renewals.add(only_if_handed_over)
            due = partial(self._renewal_due, only_if_handed_over)
            self._office.loop.call_later(max(0, wait_ms) / 1000, due)

    def _renewal_due(self, only_if_handed_over: bool) -> None:
        self._waiting_renewals.discard(only_if_handed_over)
        if self._may_renew_in_use(only_if_handed_over):
            self._waiting_renewals.add(only_if_handed_over)
            self._voice.in_turn(partial(self._renew_in_use_in_turn, only_if_handed_over), self.is_shown)

    def _renew_in_use_in_turn(self, only_if_handed_over: bool) -> None:
        self._waiting_renewals.discard(only_if_handed_over)
        if self._may_renew_in_use(only_if_handed_over) and self._conversation:
            if only_if_handed_over:
                self._hand_over_used()
            self._renew(0, self._conversation.access.visitor, lambda url: None, only_if_handed_over=only_if_handed_over)

    def _may_renew_in_use(self, only_if_handed_over: bool) -> bool:
        """Whether it is still wanted, and now. What is too early is looked at again: at the latest in half a minute, as
        another token may be in use by then."""
        if not self._is_in_use or not (only_if_handed_over or self._is_sign_in_due):
            return False
        wait_ms = self._renewal_waits_ms(only_if_handed_over)
        if wait_ms > 0:
            self._renew_in_use(min(wait_ms, ASK_AGAIN_MS), only_if_handed_over=only_if_handed_over)
        return wait_ms <= 0

    def _renewal_waits_ms(self, only_if_handed_over: bool) -> int:
        paused, now = self._paused(), self._office.now()
        of_page_ms = self._hand_overs_until - now if only_if_handed_over or self._hand_overs_refused else 0
        return max(paused.retry_after_ms if paused else 0, self._throttled_until - now, of_page_ms)

    def _hand_over_used(self) -> None:
        pause_ms = min(HAND_OVER_MS * 2 ** min(self._hand_overs_refused, 16), LONGEST_HAND_OVER_MS)
        self._hand_overs_until = self._office.now() + pause_ms

    @property
    def _is_in_use(self) -> bool:
        """There is a socket, whose token can be renewed while it goes on."""
        return self._conversation is not None and self._number != 0

    def _renew_in_turn(self, number: int, visitor: Visitor, go: Callable[[str], None]) -> None:
        """The turn may come when the guest is held here no more: then the keeper opens nothing."""
        if self._is_closed:
            go(self._url)
        elif paused := self._paused():
            self._voice.lost(number, paused)
        else:
            self._renew(number, visitor, go)

    def _renew(
        self, number: int, visitor: Visitor, go: Callable[[str], None], *, only_if_handed_over: bool = False
    ) -> None:
        """``number``: of the socket that waits for it; 0: none does, as the one in use goes on."""
        office, session_id = self._office, self._voice.session_id

        def renew() -> tuple[Admission, str] | Outcome:
            record = office.sessions.get(session_id, office.clock())
            if record is None:
                return GONE
            if record.keeper != office.keeper:
                return ANOTHERS  # before a code or refresh token is spent
            if only_if_handed_over and not record.sign_in:
                return Outcome(Kind.NOT_YET, reason="it is in use already")
            admission = self._admission(office, record, visitor)
            if isinstance(admission, Outcome):
                return admission
            access = admission.access
            url = office.gateway.socket_url(access.visitor, access)
            if not office.sessions.renew_access(session_id, office.keeper, admission.kept):
                return ANOTHERS
            self._keep(KeptAccess(access.visitor.visitor_id, url, access.expires_at))
            return admission, url

        def renewed(answer: tuple[Admission, str] | Outcome) -> None:
            if isinstance(answer, Outcome):
                office.counters.add(f"TokensNotRenewed.{answer.kind}")
                if number:
                    self._voice.lost(number, answer)
                else:
                    self._not_renewed(answer, only_if_handed_over)
                return
            admission, self._url = answer
            self._needs_token, self._hand_overs_refused = False, 0
            self._admitted(admission.access.visitor, admission.access.expires_at, admission.signed_in)
            go(self._url)

        office.cxone.submit(
            session_id,
            renew,
            renewed,
            lambda error: renewed(Outcome(Kind.LOST, reason=f"{type(error).__name__}: {error}")),
        )

    def _not_renewed(self, answer: Outcome, only_if_handed_over: bool) -> None:
        """The token in use: whether, and when, it is tried again."""
        self._throttled_until = max(self._throttled_until, self._office.now() + answer.retry_after_ms)
        if answer.by_visitor and answer.kind is not Kind.NOT_YET:
            self._hand_overs_refused += 1
            self._hand_over_used()
        if only_if_handed_over and (answer.by_visitor or answer.kind is Kind.NOT_YET):
            return  # it is spent, or there was none
        wait_ms = ASK_AGAIN_MS if answer.by_visitor else RENEW_AGAIN_MS
        if answer not in (GONE, ANOTHERS) and not (answer.by_visitor and self._ends_within(wait_ms)):
            self._renew_in_use(wait_ms, only_if_handed_over=only_if_handed_over)

    def _ends_within(self, ms: int) -> bool:
        """The token in use: it is not asked for again before the next socket. A third party's is: messages carry it."""
        if self._conversation is None:
            return True
        access = self._conversation.access
        return not access.third_party_token and access.token_until <= self._office.now() + ms


def _sentence(setting: str, what: str) -> str:
    return f"CXone's channel has {setting}: {what}." if setting else f"{what[0].upper()}{what[1:]}."


def _meaning(end: SocketEnd, now: int) -> Outcome:
    """What the end of a socket means here. No guest is ever over: a visitor signs in again as the same."""
    if end.http_status in (429, 503) and "retry-after" in end.headers:
        return Outcome(Kind.THROTTLED, retry_after_ms(end.headers["retry-after"], now), f"status {end.http_status}")
    kind = Kind.LOST if end.close_code is not None else Kind.FAILED
    return Outcome(kind, reason=end.reason)
