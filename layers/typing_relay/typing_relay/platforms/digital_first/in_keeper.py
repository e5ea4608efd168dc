"""What a keeper does in addition on Digital-First: it owns its visitors' bursts and delivers their messages.

All that can be said is said on the sockets held here, so keys and messages come here as nudges, on this keeper's line.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from typing_relay.aws.sessions import DynamoSessions
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests.talk import Talk, TalkHost
from typing_relay.keeper.io.addresses import Addresses
from typing_relay.keeper.io.jobs import Jobs, Workers
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.io.sockets import GuestSocket, SocketLimits, SocketListener
from typing_relay.keeper.visitors.outbox import Outbox
from typing_relay.platforms.digital_first.api import ChannelSettings, DfoApi
from typing_relay.platforms.digital_first.channel_context import ChannelContext
from typing_relay.platforms.digital_first.conversation import policy as conversation_policy
from typing_relay.platforms.digital_first.files import Files
from typing_relay.platforms.digital_first.gateway_breaker import GatewayBreaker
from typing_relay.platforms.digital_first.identity import Channel
from typing_relay.platforms.digital_first.known import channel_of
from typing_relay.platforms.digital_first.line import Line
from typing_relay.platforms.digital_first.mailbox import Mailbox
from typing_relay.platforms.digital_first.offline import OfflineMessages
from typing_relay.platforms.digital_first.owners import Owners
from typing_relay.platforms.digital_first.ports import Gateway
from typing_relay.platforms.digital_first.talk import GatewayTalk
from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.effects import AskBreaker, AskForGuest, Jitter, Latency, ReportLatency, StartOwner, TellBreaker
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Messages, WaitingMessage
from typing_relay.relay.runner import Runner, handled_by

logger = logging.getLogger(__name__)

#: How long until the channel's settings are asked for again: where they are not known, and where they are.
AGAIN_S = 5.0
CHANNEL_S = 60.0


@dataclass(slots=True)
class Dependencies:
    """What a Digital-First keeper is built from. ``clock``: epoch ms; ``sign``: the headers of the line's handshake
    (on a worker thread); ``talk`` the talk of a guest held here."""

    keeper: str
    loop: Loop
    workers: Workers
    #: For the rest of messages, which may take long.
    contents: Jobs
    sessions: DynamoSessions
    messages: Messages
    outbox: Outbox
    api: DfoApi
    channel: Channel
    counters: Counters
    clock: Callable[[], int]
    policy: Policy
    ask_for_guest: Callable[[str], None]
    message_deadline_ms: int
    agent_typing_ms: int
    tls: ssl.SSLContext
    line_url: str
    sign: Callable[[], Mapping[str, str]]
    talk: Callable[[str], Talk | None]
    #: Takes what people perceive: a metric and ms; from any thread.
    report_latency: Callable[[Latency, int], None]
    #: Other channels of the deployment, and the API for any channel.
    other_channels: tuple[Channel, ...] = ()
    api_of: Callable[[Channel], DfoApi] | None = None


class DigitalFirst:
    """Joins conversations, owners, messages and the line. On the loop's thread."""

    def __init__(self, around: Dependencies) -> None:
        self._around = around
        self.runner = self._runner()
        self._owners = Owners(
            around.keeper,
            around.loop,
            around.workers.store,
            self.runner,
            around.policy,
            self._tell_typing,
            around.counters,
        )
        self._mailbox = Mailbox(
            around.loop,
            around.workers.store,
            around.messages,
            around.outbox,
            around.keeper,
            around.clock,
            around.counters,
            random.random,
            self._deliver,
            lambda session_id, message_id: self._with_talk(session_id, lambda talk: talk.settled(message_id)),
        )
        self._addresses = Addresses(around.workers.names, around.loop)
        self._line = Line(
            around.loop,
            around.workers.names,
            self._addresses,
            around.tls,
            around.line_url,
            around.sign,
            self._nudged,
            self._mailbox.look,
            around.counters,
            random.random,
        )
        self._context = ChannelContext(
            around.keeper,
            around.loop,
            around.workers.store,
            around.workers.cxone,
            around.contents,
            around.sessions,
            around.api,
            around.channel,
            self._owners,
            self._mailbox,
            around.counters,
            around.clock,
            conversation_policy.ConversationPolicy(
                message_lifetime_ms=around.message_deadline_ms, agent_typing_ms=around.agent_typing_ms
            ),
        )

        self._context.other, self._context.breaker = self._context_of, GatewayBreaker(self._paused)
        self._contexts = {"": self._context, around.channel.channel_id: self._context}
        self._offline = OfflineMessages(
            around.loop,
            around.workers.cxone,
            around.sessions,
            self._mailbox,
            self._context.breaker,
            self._place_of,
            self._dial,
            around.clock,
            around.message_deadline_ms,
        )
        self._making = threading.Lock()
        #: As they were last learned, by channel.
        self._channels: dict[str, ChannelSettings] = {}

    def start(self) -> None:
        """Learn of the channels, open the line, look for messages."""
        self._ask_for_channel(self._context)
        for channel in self._around.other_channels:
            self._context_of(channel.channel_id)
        self._line.start()
        self._mailbox.start()

    def stop(self) -> None:
        """No nudge comes in any more."""
        self._line.stop()

    def talk_of(self, host: TalkHost) -> Talk:
        """A guest's talk."""
        return GatewayTalk(host, self._context)

    def can_own(self, session_id: str) -> bool:
        """Whether this session's burst can be owned here: its thread has been looked for.

        Until then an owner could only wait; and once there is a contact, what is wanted is looked at anyway.
        """
        talk = self._around.talk(session_id)
        return isinstance(talk, GatewayTalk) and talk.is_ready

    # --- the channels

    def _context_of(self, channel_id: str) -> ChannelContext:
        """Also of a channel that is no longer the deployment's: its conversations go on. From any thread."""
        with self._making:
            context = self._contexts.get(channel_id)
            if context is None and self._around.api_of is not None:
                channel = replace(self._around.channel, channel_id=channel_id)
                context = self._context.for_channel(channel, self._around.api_of(channel))
                self._contexts[channel_id] = context
                self._around.loop.call_from_thread(partial(self._ask_for_channel, context))
        return context or self._context

    def _ask_for_channel(self, context: ChannelContext) -> None:
        self._around.workers.cxone.submit(
            ("channel", context.channel.channel_id),
            context.gateway.channel,
            partial(self._learned, context),
            partial(self._not_learned, context),
        )

    def _learned(self, context: ChannelContext, answer: ChannelSettings | Outcome) -> None:
        if isinstance(answer, Outcome):
            self._not_learned(context, answer)
            return
        self._around.loop.call_later(CHANNEL_S, partial(self._ask_for_channel, context))
        context.transcripts = answer.transcripts
        context.decide(answer.livechat, Files(answer.files, context.gateway.upload_url) if answer.files else None)
        setting, channel_id = answer.not_supported(), context.channel.channel_id
        if setting:
            self._around.counters.add("ChannelNotSupported")
            message = "The channel's setting %s is not supported: no visitor of %s is let in."
            logger.error(message, setting, channel_id)
        if answer != self._channels.get(channel_id):
            self._channels[channel_id] = answer
            known = {"channel": channel_id, "livechat": answer.livechat, "sign_in": answer.demands_sign_in}
            logger.info("channel known", extra=known)

    def _not_learned(self, context: ChannelContext, why: Exception | Outcome) -> None:
        reason = why.reason if isinstance(why, Outcome) else str(why)
        self._around.counters.add("ChannelNotKnown")
        logger.error("The channel's settings could not be read: %s: %s", context.channel.channel_id, reason)
        self._around.loop.call_later(AGAIN_S, partial(self._ask_for_channel, context))

    def _paused(self, ms: int, outcome: Outcome) -> None:
        """From any thread."""

        def report() -> None:
            self._around.counters.add("AddressRefused" if outcome.of_address else "GatewayPaused")
            whom = "the relay's address" if outcome.of_address else "most visitors"
            message = "The gateway turns %s away: no visitor is sent there for %s ms."
            logger.error(message, whom, ms, extra={"outcome": outcome.kind, "reason": outcome.reason})

        self._around.loop.call_from_thread(report)

    # --- what others want of a conversation

    def _nudged(self, nudge: Mapping[str, Any]) -> None:
        """A hint: what is not held here, or makes no sense, is left to time."""
        match nudge:
            case {"session": str(session_id), "generation": int(generation)}:
                if self.can_own(session_id):
                    self._owners.start(session_id, generation)
            case {"messages": str(session_id)}:
                self._mailbox.fetch(session_id)
            case {"seen": str(session_id)}:
                self._with_talk(session_id, lambda talk: talk.seen())
            case {"greeted": str(session_id)}:
                self._with_talk(session_id, lambda talk: talk.greeted())
            case {"end": str(session_id)}:
                # Messages that were sent before it go first, also those that no nudge has told of yet.
                self._mailbox.after_messages(session_id, lambda: self._with_talk(session_id, lambda talk: talk.end()))
            case {"transcript": str(session_id), "about": str(email)}:
                self._with_talk(session_id, lambda talk: talk.transcript(email))
            case {"signed_in": str(session_id)}:
                self._with_talk(session_id, lambda talk: talk.signed_in())
            case {"history": str(session_id)}:
                self._with_talk(session_id, lambda talk: talk.history(str(nudge.get("about", ""))))

    def _with_talk(self, session_id: str, do: Callable[[GatewayTalk], object]) -> None:
        talk = self._around.talk(session_id)
        if isinstance(talk, GatewayTalk):
            do(talk)

    def _tell_typing(self, session_id: str, typing: bool, on_outcome: Callable[[Outcome], object]) -> None:
        talk = self._around.talk(session_id)

        def counted(outcome: Outcome) -> None:
            self._around.counters.add(f"Typing.{outcome.kind}")
            on_outcome(outcome)

        if isinstance(talk, GatewayTalk):
            talk.typing(typing, counted)
        else:
            outcome = Outcome(Kind.NOT_YET, reason="this keeper no longer holds the guest")
            self._around.loop.call_soon(lambda: on_outcome(outcome))

    def _place_of(self, record: Session) -> tuple[Channel, Gateway]:
        """From any thread."""
        context = self._context.of(channel_of(record))
        return context.channel, context.gateway

    def _dial(self, url: str, listener: SocketListener) -> GuestSocket:
        """A socket of its own, beside a guest's."""
        socket = GuestSocket(self._around.loop, url, self._around.tls, SocketLimits(), listener)
        self._addresses.resolve(
            url,
            lambda addresses: socket.connect(addresses, self._addresses.not_reached),
            lambda error: socket.fail(str(error)),
        )
        return socket

    def _deliver(self, session_id: str, message: WaitingMessage) -> None:
        if message.author:
            self._offline.wanted(session_id, message)
            return
        self._with_talk(session_id, lambda talk: talk.message(message))

    # --- owners

    def _runner(self) -> Runner:
        """Carries out what owners ask for on worker threads. Typing needs no breaker: its socket is open."""
        around = self._around
        handlers = dict(
            [
                handled_by(StartOwner, self._start_owner),
                handled_by(AskForGuest, lambda due: around.ask_for_guest(due.session_id)),
                handled_by(AskBreaker, lambda due: 0),
                handled_by(TellBreaker, lambda due: None),
                handled_by(Jitter, lambda due: random.random()),
                handled_by(ReportLatency, lambda due: around.report_latency(due.latency, due.ms)),
            ]
        )
        return Runner(around.sessions, around.clock, handlers)

    def _start_owner(self, due: StartOwner) -> bool:
        """From a worker thread; this keeper may no longer hold the guest when its turn has come."""

        def start() -> None:
            if self.can_own(due.record.session_id):
                self._owners.start(due.record.session_id, due.generation)

        self._around.loop.call_from_thread(start)
        return True
