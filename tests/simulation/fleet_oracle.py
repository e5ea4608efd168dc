"""Where a fleet has come to in the end, told from the outside: none of custody's rules is used to judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_relay.relay.burst import GuestStatus, Session

from tests.simulation.invariants import Violated

if TYPE_CHECKING:
    from tests.simulation.fleet import FleetWorld
    from tests.simulation.fleet_keepers import FleetKeeper

#: T2, T4, T9 of the burst at the end.
SHOWN_MS, OVER_MS = 1_500, 4_000
#: T16 of what an agent does at the end.
TOLD_MS = 1_000
#: Where CXone is out of reach for this long, typing shown to a former visitor's agent is taken back no more: that is
#: not promised (docs/guarantees.md), so that no place is held for it.
GIVEN_UP_MS = 900_000


def check(world: FleetWorld) -> None:
    """Raises Violated where a visitor is not held as it must be, or something is left of one who is gone."""
    for visitor, tabs in world.visitors().items():
        holders = [keeper for keeper in world.keepers if keeper.keeper.holds(visitor)]
        asking = [message for message in world.queue.messages if message.session_id == visitor]
        record = world.sessions.get(visitor, world.now)
        stands = f"record {world.in_brief(record)}; held by {[k.name for k in holders]}; {len(asking)} messages"
        if tabs:
            _check_held(world, visitor, holders, asking, record, stands)
            world.front.check_settled(visitor)
        elif holders or asking or (record and record.keeper):
            raise Violated("custody", f"{visitor} is gone and something is left: {stands}")
        if world.is_shown(visitor) and world.history.longest_refusal_ms() < GIVEN_UP_MS:
            raise Violated("T4", f"{visitor} is shown typing: {stands}")
    for keeper in world.keepers:
        held = set(keeper.custody._held), set(keeper.keeper._hands)
        if held[0] != held[1]:
            raise Violated("custody", f"{keeper.name} has the messages of {held[0]} and holds {held[1]}")
        if keeper.openings.under_way or len(keeper.openings):
            raise Violated("custody", f"{keeper.name} has places among its openings that nobody has")


def _check_held(
    world: FleetWorld, visitor: str, holders: list[FleetKeeper], asking: list[Any], record: Session | None, stands: str
) -> None:
    is_open = record is not None and record.guest_status is GuestStatus.OPEN
    if not is_open or [keeper.name for keeper in holders] != [record.keeper if record else ""]:
        raise Violated("T9", f"{visitor} is there and nobody holds it: {stands}")
    [holder] = holders
    if not holder.keeper._hands[visitor].held.socket:
        raise Violated("T9", f"{visitor} has no open socket: {stands}")
    mine = holder.custody._held.get(visitor)
    if len(asking) != 1 or mine is None or world.queue.in_flight(mine.receipt) is not asking[0]:
        raise Violated("custody", f"{holder.name} holds {visitor} without a message of its own in flight: {stands}")


def _probe_agents(world: FleetWorld, visitors: list[str]) -> None:
    """T16: all is calm, and what agents do is told at once."""
    for kinds, agent_typing in ((("agent types",), True), (("agent writes", "agent stops"), False)):
        for visitor in visitors:
            for kind in kinds:
                world.agent(kind, visitor)
        world.run_until(world.now + TOLD_MS)
        for visitor in visitors:
            world.front.check_told(visitor, agent_typing=agent_typing)


def probe(world: FleetWorld) -> None:
    """T9: keys in a tab that was there are shown; T4: so is their end."""
    there = {visitor: tabs[-1] for visitor, tabs in world.visitors().items() if tabs}
    for visitor in there if world.dfo else ():
        world.open_contact(visitor)
    world.run_until(world.now + TOLD_MS)
    _probe_agents(world, list(there))
    for tab in there.values():
        world.key(tab)
    world.run_until(world.now + SHOWN_MS)
    dark = [visitor for visitor in there if not world.is_shown(visitor)]
    if dark:
        raise Violated("T9", f"all is calm, and keys of a tab that was there are not shown: {dark}")
    world.run_until(world.now + OVER_MS)
    lit = [visitor for visitor in there if world.is_shown(visitor)]
    if lit:
        raise Violated("T4", f"all is calm, and the end of a burst is not shown: {lit}")
