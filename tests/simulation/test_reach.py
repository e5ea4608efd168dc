"""The proof's own coverage: histories enter the rules that they are to prove."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from tests.simulation.generate_dfo import random_dfo_history
from tests.simulation.history import History, parse
from tests.simulation.reach import Reach
from tests.simulation.regressions import DIRECTED, REGRESSIONS
from tests.simulation.runner import play

#: At most this many random ones, this many at a time: measuring makes them several times slower.
HISTORIES, AT_ONCE = 350, 50
#: Of the lines of each file's functions, at least this share is carried out.
FLOOR = {
    "guest.py": 0.79,
    "keeper.py": 0.87,
    "held_sockets.py": 0.84,
    "owners.py": 0.9,
    "mailbox.py": 0.91,
    "channel_context.py": 0.55,  # it is short, and one method is of deployments with several channels
    "talk.py": 0.89,
    "talk_parts": 0.89,
    "conversation": 0.86,
}
#: What no history of Digital-First enters, by reason.
ELSEWHERE = {
    # of v1: a guest session may be over, and a socket is opened by name
    *("guest._ended_elsewhere", "guest._guest_ended", "guest._await_request", "keeper.Keeper._end_guest"),
    "held_sockets.HeldSockets._dial",
    # the gateway refuses the relay's SDK version for good: only an operator helps
    *("socket_life.stop", "outgoing.stopped", "socket.stopped"),
    # nothing is shown or delivered by it
    *("seen.wanted", "state.Incoming.newest", "talk.GatewayTalk.seen"),
    # of fleets: keepers that hold one guest by two messages, for half an hour
    *("keeper.Keeper._keep.<locals>.keep", "guest._look_who_holds"),
    # of deployments with several channels
    "channel_context.ChannelContext.for_channel",
    # no owner begins before its conversation
    "talk.GatewayTalk._nothing_begun",
    # metrics
    *("guest.is_not_held", "keeper.Keeper.gauges", "owners.Owners.__len__", "mailbox.Mailbox.__len__"),
}


@pytest.fixture(scope="module")
def reach() -> Reach:
    """Of the Digital-First histories that are kept, and of as many random ones as it takes, at most ``HISTORIES``."""
    found = Reach()
    kept = [parse(text) for text in (*(one.history for one in REGRESSIONS), *DIRECTED)]
    play_all(found, [history for history in kept if history.dfo])
    for first in range(0, HISTORIES, AT_ONCE):
        if is_enough(found):
            break
        play_all(found, [random_dfo_history(Random(seed)) for seed in range(first, first + AT_ONCE)])
    return found


def play_all(found: Reach, histories: Sequence[History]) -> None:
    found.measure(lambda: [play(history) for history in histories])


def is_enough(found: Reach) -> bool:
    shares = found.shares()
    return found.never_entered() <= ELSEWHERE and all(shares[file] >= floor for file, floor in FLOOR.items())


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("file", FLOOR)
def test_most_lines_of_keeper_and_conversation_are_carried_out(reach: Reach, file: str) -> None:
    """A rule that no history meets is not proven."""
    assert reach.shares()[file] >= FLOOR[file]


@pytest.mark.timeout(1800)
def test_no_function_but_those_known_is_never_entered(reach: Reach) -> None:
    """Releasing, draining, renewing a token, fetching an event: a history of each is played."""
    assert reach.never_entered() - ELSEWHERE == set()
