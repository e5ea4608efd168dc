"""Offline messages: what visitors leave while nobody is there to chat with. Each is sent on a socket of its own.

Nobody is let in while a channel is offline, so there is no conversation. CXone gives such a message no id, so no look
shows whether it arrived: once it may have left it is never sent again, and without an answer it is ``unconfirmed``.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop, Timer
from typing_relay.keeper.io.sockets import Sending, SocketEnd, SocketListener
from typing_relay.keeper.io.turnstile import Turnstile
from typing_relay.platforms.digital_first import frames_in, frames_out, urls
from typing_relay.platforms.digital_first.frames_in import NotAFrame
from typing_relay.platforms.digital_first.gateway_breaker import GatewayBreaker, WatchedGateway
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.known import identity_of, newcomer
from typing_relay.platforms.digital_first.parsing.frames import parse
from typing_relay.platforms.digital_first.ports import Conversations, Gateway, Mailbox, Socket
from typing_relay.platforms.digital_first.signing_in import is_by_page
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import EXPIRED, TOO_MANY, UNAVAILABLE, UNCONFIRMED, WaitingMessage
from typing_relay.relay.profile import decoded
from typing_relay.relay.rate import Rate

logger = logging.getLogger(__name__)

#: Each is a token and a socket, from the relay's address: this many at once, and a second.
AT_ONCE, PER_SECOND = 4, 4.0
#: How long an answer is waited for.
ANSWER_S = 10.0
#: The pause before the next try when nothing was sent; doubled from try to try.
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 2_000, 30_000
#: T17: a stranger may name any address. A visitor leaves one message, and perhaps another.
PER_SESSION = Rate(at_once=3, every_ms=300_000)
#: This many sessions' budgets are kept; then those that are whole again are forgotten.
MOST_BUDGETS = 1_000


@dataclass(frozen=True, slots=True)
class WayIn:
    """A socket that may be opened, and for whom."""

    channel: Channel
    visitor: Visitor
    url: str = field(repr=False)


class OfflineMessages:
    """On the loop's thread. ``place_of`` gives a record's channel, on any thread; ``dial`` opens a socket; ``clock``:
    epoch ms."""

    def __init__(
        self,
        loop: Loop,
        jobs: Jobs,
        sessions: Conversations,
        mailbox: Mailbox,
        breaker: GatewayBreaker,
        place_of: Callable[[Session], tuple[Channel, Gateway]],
        dial: Callable[[str, SocketListener], Socket],
        clock: Callable[[], int],
        lifetime_ms: int,
    ) -> None:
        self.loop, self.jobs, self.mailbox, self.dial = loop, jobs, mailbox, dial
        self._sessions, self._breaker, self._place_of = sessions, breaker, place_of
        self._clock, self._lifetime_ms = clock, lifetime_ms
        self.turns = Turnstile(loop, AT_ONCE, PER_SECOND)
        #: (session id, message id) of those in hand.
        self._in_hand: set[tuple[str, str]] = set()
        self._spent: dict[str, int] = {}

    def wanted(self, session_id: str, message: WaitingMessage) -> None:
        """Send it; the mailbox hears what came of it. One that may have left before is not sent again."""
        key = (session_id, message.message_id)
        if key in self._in_hand:
            return
        if message.left_by:
            self.mailbox.refused(*key, UNCONFIRMED)
        elif not self._is_within_budget(session_id):
            self.mailbox.refused(*key, TOO_MANY)
        else:
            self._in_hand.add(key)
            Errand(self, session_id, message).wait_for_turn()

    def forget(self, session_id: str, message_id: str) -> None:
        """It is not in hand any more."""
        self._in_hand.discard((session_id, message_id))

    def is_over(self, message: WaitingMessage) -> bool:
        """Nothing waits longer to be delivered."""
        return self._clock() >= message.at + self._lifetime_ms

    def way_in(self, session_id: str) -> WayIn | Outcome:
        """On a worker thread. A visitor who has no conversation is a newcomer, of whom nothing is kept."""
        record = self._sessions.get(session_id, self._clock())
        if record is None:
            return Outcome(Kind.DENIED, reason="the session is gone")
        if paused := self._breaker.paused(session_id, self._now()):
            return paused
        channel, gateway = self._place_of(record)
        settings = gateway.channel()
        if isinstance(settings, Outcome):
            return settings
        if settings.not_supported() or is_by_page(settings, record):
            return Outcome(Kind.DENIED, reason="the relay cannot sign visitors in here by itself")
        visitor, _ = identity_of(record) if record.conversation else newcomer(decoded(record.profile).customer)
        access = WatchedGateway(gateway, self._breaker, session_id, self._now).authorize(visitor)
        if isinstance(access, Outcome):
            return access
        return WayIn(channel, access.visitor, gateway.socket_url(access.visitor, access))

    def _now(self) -> int:
        return round(self.loop.time() * 1000)

    def _is_within_budget(self, session_id: str) -> bool:
        now, spent = self._now(), self._spent.get(session_id, 0)
        if now < PER_SESSION.free_at(spent):
            return False
        if len(self._spent) >= MOST_BUDGETS:
            self._spent = {known: until for known, until in self._spent.items() if until > now}
        self._spent[session_id] = PER_SESSION.spend(spent, now)
        return True


class Errand:
    """One message's way to CXone; hears its socket."""

    def __init__(self, post: OfflineMessages, session_id: str, message: WaitingMessage) -> None:
        self._post, self._session_id, self._message = post, session_id, message
        self._way: WayIn | None = None
        self._socket: Socket | None = None
        self._timer: Timer | None = None
        self._pauses = 0
        self._has_turn = self._is_over = False
        #: The requests that an answer is waited for; '': there is none.
        self._registering = self._asked = ""

    def wait_for_turn(self) -> None:
        """To be one of those that are sent now."""
        self._post.turns.enter(self._begin)

    def _begin(self) -> bool:
        if not self._is_over and self._post.is_over(self._message):
            self._end(partial(self._refused, EXPIRED))
        if self._is_over:
            return False
        self._has_turn = True
        way_in = partial(self._post.way_in, self._session_id)
        key = ("offline message", self._session_id)
        self._post.jobs.submit(key, way_in, self._may_go_in, self._failed)
        return True

    def _failed(self, error: Exception) -> None:
        self._may_go_in(Outcome(Kind.LOST, reason=f"{type(error).__name__}: {error}"))

    def _may_go_in(self, answer: WayIn | Outcome) -> None:
        if self._is_over:
            return
        if isinstance(answer, WayIn):
            self._way = answer
            self._socket = self._post.dial(answer.url, self)
        elif answer.kind is Kind.DENIED and not answer.retry_after_ms:
            self._end(partial(self._refused, UNAVAILABLE, answer.reason))
        else:
            self._again(answer.reason, answer.retry_after_ms)

    # --- its socket

    def opened(self) -> None:
        """A session that is not secured is authorized on it first."""
        assert self._way  # noqa: S101
        version = urls.registers_as(self._way.url)
        if version:
            self._registering = str(uuid.uuid4())
            self._wait(self._unanswered)
            self._send(frames_out.authorize(version), self._registering)
        else:
            self._leave()

    def text(self, text: str) -> None:
        """What is no answer to this errand does not matter to it."""
        try:
            frame = parse(text)
        except NotAFrame:
            return
        match frame:
            case frames_in.ConsumerToken(event_id) if event_id == self._registering != "":
                self._registering = ""
                self._leave()
            case frames_in.Answer(event_id) | frames_in.Result(event_id) if event_id == self._asked != "":
                self._end(self._taken)
            case frames_in.Failure(code, event_id) if self._asked and event_id in (self._asked, None):
                self._end(partial(self._refused, "refused", code))
            case frames_in.Failure(code, event_id) if self._registering and event_id in (self._registering, None):
                self._again(code)

    def ended(self, end: SocketEnd) -> None:
        """Also one that could not be opened."""
        self._socket = None
        if self._asked:
            self._end(partial(self._refused, UNCONFIRMED, end.reason))
        else:
            self._again(end.reason)

    # --- its message

    def _leave(self) -> None:
        """On record first, as every message: another keeper may have sent it."""
        self._set_timer(None)
        go = partial(self._go, self._socket)
        self._post.mailbox.leaving(self._session_id, self._message.message_id, go, self._stay)

    def _go(self, socket: Socket | None) -> None:
        author = self._message.author
        if self._is_over or self._socket is not socket or author is None:
            return  # it was lost meanwhile: nothing has left, and the next try is due
        self._asked = str(uuid.uuid4())
        self._wait(self._unanswered)
        if not self._send(frames_out.offline_message(author, self._message.text), self._asked):
            self._asked = ""
            self._again("the socket takes nothing")

    def _stay(self) -> None:
        """The mailbox hands it over again, if it still waits: somebody may have sent it."""
        if not self._is_over:
            self._end(lambda: None)

    def _unanswered(self) -> None:
        if self._asked:
            self._end(partial(self._refused, UNCONFIRMED, "unanswered"))
        else:
            self._again("unanswered")

    def _send(self, request: frames_out.Request, event_id: str) -> bool:
        assert self._way  # noqa: S101
        assert self._socket  # noqa: S101
        text = frames_out.encoded(request, event_id, self._way.channel, self._way.visitor)
        return self._socket.send_text(text, lambda: None) is Sending.QUEUED

    # --- how it ends

    def _taken(self) -> None:
        self._post.mailbox.taken(self._session_id, self._message.message_id)

    def _refused(self, reason: str, why: str = "") -> None:
        logger.warning("An offline message: %s", reason, extra={"session": self._session_id, "reason": why})
        self._post.mailbox.refused(self._session_id, self._message.message_id, reason)

    def _again(self, why: str, at_least_ms: int = 0) -> None:
        """Nothing of it has left."""
        logger.info("An offline message waits", extra={"session": self._session_id, "reason": why})
        self._drop_socket()
        self._leave_turn()
        pause_ms = min(FIRST_PAUSE_MS * 2 ** min(self._pauses, 8), LONGEST_PAUSE_MS)
        self._pauses += 1
        self._set_timer(self._post.loop.call_later(max(pause_ms, at_least_ms) / 1000, self._next_try))

    def _next_try(self) -> None:
        self._timer = None
        self.wait_for_turn()

    def _end(self, tell: Callable[[], object]) -> None:
        self._is_over = True
        self._drop_socket()
        self._leave_turn()
        self._post.forget(self._session_id, self._message.message_id)
        tell()

    def _leave_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._post.loop.call_soon(self._post.turns.leave)

    def _drop_socket(self) -> None:
        self._set_timer(None)
        self._registering = self._asked = ""
        socket, self._socket = self._socket, None
        if socket:
            socket.close()

    def _wait(self, then: Callable[[], object]) -> None:
        self._set_timer(self._post.loop.call_later(ANSWER_S, then))

    def _set_timer(self, timer: Timer | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = timer
