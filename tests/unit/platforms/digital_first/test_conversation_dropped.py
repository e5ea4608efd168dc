"""The conversation and a gateway in memory, in every order, with the socket dropped at every step (T15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from typing_relay.platforms.digital_first import frames_out
from typing_relay.platforms.digital_first.conversation import happenings, machine
from typing_relay.platforms.digital_first.conversation.actions import (
    Action,
    MessageRefused,
    MessageTaken,
    Reopen,
    SendFrame,
    TypingTold,
)
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.conversation.state import Conversation, Doing
from typing_relay.platforms.digital_first.conversation.waking import wake_at
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.relay.outcomes import Kind

from tests.support.dfo_gateway import Gateway

START = 1_795_600_800_000  # as the messages of the gateway in memory are dated
POLICY = ConversationPolicy()
MOST_STATES = 400_000

#: What the visitor and the agent do, in this order, each at any moment.
Deed = str


@dataclass(frozen=True)
class World:
    """One moment of one history."""

    conversation: Conversation
    gateway: Gateway
    deeds: tuple[Deed, ...]
    drops_left: int
    deaths_left: int = 0
    now: int = START
    is_open: bool = False
    to_gateway: tuple[str, ...] = ()
    to_relay: tuple[str, ...] = ()
    #: A message that was on its way when the socket ended, and until when it may still be taken.
    late: tuple[tuple[str, int], ...] = ()
    wanted: tuple[str, ...] = ()
    ended: tuple[tuple[str, str], ...] = ()
    tickets: int = 0
    told: tuple[str, ...] = ()
    keepers: int = 1

    # --- what can happen next

    def choices(self) -> Iterator[World]:
        if self.late:
            yield self._late_arrives()
        if not self.is_open:
            yield self._happens(happenings.Opened(), now=self.now + 1000)
        elif self.to_gateway:
            yield self._gateway_receives()
        elif self.to_relay:
            yield self._relay_hears()
        elif self.conversation.outgoing.queue or self.conversation.shown.unproven or self.late:
            yield self._time_passes()
        if self.is_open and self.drops_left:
            yield from self._drops()
        if self.deaths_left:
            yield self._keeper_dies()
        if self.deeds:
            yield self._does(self.deeds[0])

    def _gateway_receives(self) -> World:
        gateway, answers = self.gateway.receive(self.to_gateway[0])
        return replace(self, gateway=gateway, to_gateway=self.to_gateway[1:], to_relay=self.to_relay + answers)

    def _relay_hears(self) -> World:
        return replace(self, to_relay=self.to_relay[1:])._happens(happenings.Heard(self.to_relay[0]))

    def _late_arrives(self) -> World:
        gateway, _ = self.gateway.receive(self.late[0][0], late=True)
        return replace(self, gateway=gateway, late=self.late[1:])

    def _time_passes(self) -> World:
        at = wake_at(self.conversation, POLICY)
        assert at is not None
        assert at > self.now, "it would wake for ever"
        late = tuple(entry for entry in self.late if at < entry[1])
        return replace(self, late=late)._happens(happenings.Woke(), now=at)

    def _drops(self) -> Iterator[World]:
        """All that is on its way is lost; or a message among it is still taken, a little later."""
        messages = tuple(text for text in self.to_gateway if '"SendMessage"' in text)
        dropped = replace(self._closed(), drops_left=self.drops_left - 1)
        yield dropped._happens(happenings.Lost())
        if messages:
            late = ((messages[0], self.now + POLICY.settle_ms),)
            yield replace(dropped, late=late)._happens(happenings.Lost())

    def _keeper_dies(self) -> World:
        """Another one takes over with what the store has: messages not yet acknowledged, and where it all stands."""
        old = self.conversation
        ended = {message_id for message_id, _ in self.ended}
        new = machine.begin(CHANNEL, VISITOR, THREAD, livechat=old.livechat, seed=f"keeper-{self.keepers}")
        messages = tuple((text, self.now + POLICY.settle_ms) for text in self.to_gateway if '"SendMessage"' in text)
        world = replace(self._closed(), conversation=new, deaths_left=self.deaths_left - 1, keepers=self.keepers + 1)
        world = replace(world, late=messages, told=tuple(str(ticket) for ticket in range(self.tickets)))
        for message_id in self.wanted:
            if message_id not in ended:
                world = world._happens(happenings.MessageWanted(message_id, "hi", START, may_have_left=True))
        return world

    def _closed(self) -> World:
        return replace(self, is_open=False, to_gateway=(), to_relay=())

    def _does(self, deed: Deed) -> World:
        world = replace(self, deeds=self.deeds[1:])
        if deed == "close":
            gateway, events = self.gateway.close_contact()
            return replace(world, gateway=gateway, to_relay=self.to_relay + events if self.is_open else ())
        if deed in ("type", "stop"):
            ticket = str(self.tickets)
            return replace(world, tickets=self.tickets + 1)._happens(happenings.TypingWanted(deed == "type", ticket))
        return replace(world, wanted=(*self.wanted, deed))._happens(happenings.MessageWanted(deed, "hi", self.now))

    # --- what the conversation does

    def _happens(self, happening: happenings.Happening, now: int | None = None) -> World:
        now = self.now if now is None else now
        conversation, actions = machine.step(self.conversation, happening, now, POLICY)
        world = replace(self, conversation=conversation, now=now)
        if isinstance(happening, happenings.Opened):
            world = replace(world, is_open=True, gateway=world.gateway.connected())
        for action in actions:
            world = world._do(action)
        return world

    def _do(self, action: Action) -> World:
        match action:
            case SendFrame(text):
                assert self.is_open, "sent without a socket"
                return replace(self, to_gateway=(*self.to_gateway, text))
            case Reopen():
                return self._closed()
            case MessageTaken(message_id):
                return replace(self, ended=(*self.ended, (message_id, "taken")))
            case MessageRefused(message_id, reason):
                return replace(self, ended=(*self.ended, (message_id, reason)))
            case TypingTold(ticket, outcome):
                assert outcome.kind in (Kind.ACCEPTED, Kind.LOST, Kind.NOT_YET)
                return replace(self, told=(*self.told, ticket))
        return self

    # --- what must hold

    def check(self) -> None:
        taken = self.gateway.taken
        assert len(set(taken)) == len(taken), f"a message was taken twice: {taken}"
        assert list(taken) == sorted(taken), f"out of order: {taken}"
        ended = [message_id for message_id, _ in self.ended]
        assert len(set(ended)) == len(ended), f"a message ended twice: {self.ended}"
        assert len(set(self.told)) == len(self.told), "a ticket ended twice"
        for message_id, how in self.ended:
            assert how != "taken" or message_id in taken, f"{message_id} was never taken"
            assert how not in ("expired", "refused") or message_id not in taken, f"{message_id} was taken"

    def check_end(self) -> None:
        assert self.conversation.socket.doing is Doing.OPEN
        assert {message_id for message_id, _ in self.ended} == set(self.wanted), "a message never ended"
        assert len(self.told) == self.tickets, "a ticket never ended"

    def mark(self) -> int:
        """Two moments with the same future: what heartbeats alone change does not count."""
        return hash(self)


CHANNEL, VISITOR, THREAD = Channel(1386, "chat_1"), Visitor("v", "c"), "thread"


def begin(deeds: tuple[Deed, ...], *, livechat: bool, drops: int, deaths: int = 0, refuses: int = 0) -> World:
    conversation = machine.begin(CHANNEL, VISITOR, THREAD, livechat=livechat, seed="keeper-0")
    return World(conversation, Gateway(livechat, refuses=refuses), deeds, drops, deaths)


def explore(world: World) -> tuple[int, set[tuple[tuple[str, str], ...]]]:
    """Every history from here on: how many moments there are, and how the messages may end."""
    seen, endings, unexplored = {world.mark()}, set(), [world]
    while unexplored:
        world = unexplored.pop()
        world.check()
        nexts = list(world.choices())
        if not nexts:
            world.check_end()
            endings.add(world.ended)
        for following in nexts:
            if following.mark() not in seen:
                seen.add(following.mark())
                unexplored.append(following)
        assert len(seen) < MOST_STATES, "too many: give it a smaller budget"
    return len(seen), endings


TAKEN = {(("m1", "taken"), ("m2", "taken"))}


@pytest.mark.parametrize("livechat", [False, True])
def test_messages_arrive_once_and_in_order_wherever_the_socket_drops(livechat: bool) -> None:
    """T15."""
    states, endings = explore(begin(("m1", "m2"), livechat=livechat, drops=2))
    assert endings == TAKEN
    assert states > 1_000


@pytest.mark.parametrize("livechat", [False, True])
def test_messages_arrive_once_and_in_order_wherever_the_keeper_dies(livechat: bool) -> None:
    """T15."""
    _, endings = explore(begin(("m1", "m2"), livechat=livechat, drops=1, deaths=1))
    assert {tuple(sorted(ending)) for ending in endings} == TAKEN


@pytest.mark.parametrize("livechat", [False, True])
def test_a_keeper_that_takes_over_finds_the_thread_that_the_one_before_began(livechat: bool) -> None:
    """T15: though it died before that thread was recorded."""
    _, endings = explore(begin(("m1", "close", "m2"), livechat=livechat, drops=0, deaths=1))
    assert {tuple(sorted(ending)) for ending in endings} == TAKEN


@pytest.mark.parametrize("livechat", [False, True])
def test_messages_arrive_once_and_in_order_whenever_the_agent_closes(livechat: bool) -> None:
    """T15: a message to a closed contact opens another."""
    _, endings = explore(begin(("m1", "close", "m2"), livechat=livechat, drops=1))
    assert endings == TAKEN


@pytest.mark.parametrize("livechat", [False, True])
def test_messages_arrive_once_and_in_order_when_some_are_refused_at_first(livechat: bool) -> None:
    """T15: an error that may pass."""
    _, endings = explore(begin(("m1", "m2"), livechat=livechat, drops=1, refuses=2))
    assert endings == TAKEN


@pytest.mark.parametrize("livechat", [False, True])
def test_every_typing_call_ends_once_wherever_the_socket_drops(livechat: bool) -> None:
    """T6, T15: beside a message, the agent closing, and with no typing frame where no contact is."""
    _, endings = explore(begin(("m1", "type", "close", "stop", "type"), livechat=livechat, drops=1))
    assert endings == {(("m1", "taken"),)}


def test_the_gateway_in_memory_catches_a_request_before_the_look() -> None:
    """The judge is no ornament."""
    typing = frames_out.encoded(frames_out.typing(THREAD, True), "e", CHANNEL, VISITOR)
    with pytest.raises(AssertionError, match="before the thread was looked for"):
        Gateway().receive(typing)
