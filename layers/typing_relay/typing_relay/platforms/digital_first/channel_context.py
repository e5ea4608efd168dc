"""What all of a keeper's conversations on one channel share."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.files import Files
from typing_relay.platforms.digital_first.gateway_breaker import GatewayBreaker
from typing_relay.platforms.digital_first.identity import Channel
from typing_relay.platforms.digital_first.ports import Conversations, Gateway, Mailbox, Owners


@dataclass(slots=True)
class ChannelContext:
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
    policy: ConversationPolicy = field(default_factory=ConversationPolicy)
    livechat: bool | None = None
    #: Which files visitors may send there; None: not known.
    files: Files | None = None
    #: Visitors may have a transcript sent to them.
    transcripts: bool = False
    undecided: list[Callable[[], object]] = field(default_factory=list)
    #: The same for another channel ('': for the first), from any thread; None: there is but this one.
    other: Callable[[str], ChannelContext] | None = None
    breaker: GatewayBreaker = field(default_factory=GatewayBreaker)
    _began: int = field(init=False)

    def __post_init__(self) -> None:
        """From here on the rules' time is counted, beginning as the wall clock says: messages have its times."""
        self._began = self.clock() - round(self.loop.time() * 1000)

    def of(self, channel_id: str) -> ChannelContext:
        """The one for this channel; '': the first."""
        return self if self.other is None or channel_id == self.channel.channel_id else self.other(channel_id)

    def for_channel(self, channel: Channel, gateway: Gateway) -> ChannelContext:
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
