"""What the order of effects comes to, where no clause of the simulation tells."""

from dataclasses import replace
from typing import Any

import pytest
from typing_relay.relay.burst import GuestStatus, Policy, Session
from typing_relay.relay.effects import AskForGuest, Latency, StartOwner
from typing_relay.relay.flows import Became, key_pressed
from typing_relay.relay.ports import Coming, Key
from typing_relay.relay.runner import Runner, handled_by

from tests.simulation.history import parse
from tests.simulation.memory_sessions import MemorySessions
from tests.simulation.runner import VERIFY_MS, play
from tests.simulation.world import START


def test_a_record_lives_for_the_sessions_lifetime_after_its_last_key() -> None:
    """DynamoDB's TTL is in seconds since the epoch."""
    world = play(parse("key A 0; key A 5000"))
    pressed_at = (START + 5000) // 1000
    assert world.record.expires_at >= pressed_at + world.policy.session_ttl_s
    assert world.record.expires_at <= pressed_at + 600 + world.policy.session_ttl_s


def told(history: str) -> list[tuple[int, str]]:
    """What happened: when (ms), and what."""
    story: list[str] = []
    play(parse(history), story)
    return [(int(at), what) for at, what in (line.split(maxsplit=1) for line in story)]


def test_an_owner_reads_no_record_that_its_own_write_has_returned() -> None:
    """T1: it reads to begin with, and when it has slept; not after CXone has taken the `true`."""
    reads = [at for at, what in told("key A 0") if what.startswith("execution 1: Read")]
    assert [at // 1000 for at in reads] == [0, 2]


def test_a_lease_is_renewed_when_less_than_a_second_of_its_waiting_time_is_left() -> None:
    """T8: of the 25 s, 1.5 outlive each wait in a keeper. A burst that is over before costs no renewal."""
    keys = "; ".join(f"key A {at} hold=6000" for at in range(1_000, 26_000, 4_000))
    renewed = [at for at, what in told(f"platform dfo; {keys}") if "SetLease" in what]
    assert [at // 1_000 for at in renewed] == [24]


@pytest.mark.parametrize(("answer", "asks"), [("throttled 1000", 0), ("failed-taken", 1), ("lost 7500", 1)])
def test_after_a_429_cxone_is_asked_nothing_and_after_a_doubt_once(answer: str, asks: int) -> None:
    """T14: a 429 says for certain that the call was not taken."""
    world = play(parse(f"key A 0; call 1 {answer}"))
    assert len([call for call in world.watch.calls if call.typing is None]) == asks


def test_what_cxone_has_forgotten_is_shown_again_once_that_is_known() -> None:
    """T14: the question finds out."""
    keys = "; ".join(f"key A {at}" for at in range(0, 20_000, 1_000))
    world = play(parse(f"{keys}; cxone forgets 3000"))
    assert [call.typing for call in world.watch.calls][:3] == [True, None, True]


def test_the_question_about_a_held_burst_is_asked_at_the_end_of_the_hold_in_which_it_falls_due() -> None:
    """T14: no owner stays awake for it. Asked each 10 s here; a hold is 6 s long, and one watches its end."""
    keys = "; ".join(f"key A {at} hold=6000" for at in range(0, 40_000, 4_000))
    world = play(parse(f"{keys}; cxone forgets 3000"))
    shown, asked, again, *_ = world.watch.calls
    assert (shown.typing, asked.typing, again.typing) == (True, None, True)
    assert VERIFY_MS <= asked.began - shown.began <= VERIFY_MS + 6_500


#: Keys and stops in turn; then a key that waits almost a second, until CXone may hear another signal.
HELD_BACK = "; ".join(f"key A {at}; stop A {at + 100}" for at in range(0, 2_050, 200)) + "; key A 2150 hold=6000"


@pytest.mark.parametrize(
    "history",
    [
        "key A 0 late=1900",
        "key A 0; stop A 20; key A 400 late=1900",  # what began before it had no owner yet
        "key A 0 hold=6000; stop A 100 late=4900",
        "key A 0 hold=6000; stop B 5010; stop A 100 late=4900; stop B 5020",
        HELD_BACK,
    ],
    ids=["a late key", "a late key after a burst", "a late stop", "a late stop between others", "held back"],
)
def test_what_a_front_end_says_moves_no_objective(history: str) -> None:
    """T18: a figure is what the relay took, whatever a frame says of its time, and whatever T17 held back."""
    world = play(parse(history))
    felt = {name: [ms for metric, ms, _ in world.felt if metric == name] for name, *_ in world.felt}
    assert max(felt[Latency.FIRST_KEY_TO_SHOWN]) <= 500
    assert max(felt[Latency.LAST_KEY_TO_ENDED]) <= world.policy.debounce_ms + 500


@pytest.mark.parametrize(
    ("history", "counts_from"),
    [
        ("key A 0; key A 2050", 2050),
        ("key A 0; key A 2050; call 2 slow 700", 2050),
        ("key A 0; key A 2050 late=900", 2950),  # it counts from its arrival
    ],
)
def test_the_first_key_of_a_burst_that_waits_for_the_end_of_the_last_one_is_what_is_felt(
    history: str, counts_from: int
) -> None:
    """T1, T2: not the moment at which its turn came."""
    felt = [(ms, at - START) for name, ms, at in play(parse(history)).felt if name is Latency.FIRST_KEY_TO_SHOWN]
    ms, shown_at = felt[1]
    assert ms == pytest.approx(shown_at - counts_from, abs=10)


NOW = 1_800_000_000_000
POLICY = Policy()


class Presses:
    """A visitor with an open guest; what becomes of a key at NOW."""

    def __init__(self) -> None:
        self.sessions, self.ends = MemorySessions(), NOW // 1000 + 3_600
        self.sessions.create("alice", NOW, self.ends)
        self.sessions.add_connection("alice", Coming("tab", NOW - 60_000, self.ends), NOW, self.ends)
        self.sessions.take_guest("alice", "keeper", NOW)
        self.sessions.open_guest("alice", "keeper", "guest-1", "wss://one", NOW)
        self.sessions.set_guest_status("alice", "keeper", GuestStatus.OPEN, NOW)
        self.started: list[str] = []
        #: Of owners, those that are to claim by themselves are started, or are not.
        self.keeper_claims = True
        known: dict[Any, Any] = dict([handled_by(StartOwner, self._start), handled_by(AskForGuest, lambda due: None)])
        self._runner = Runner(self.sessions, lambda: NOW, known)

    def _start(self, due: StartOwner) -> bool:
        is_started = due.is_claimed or self.keeper_claims
        if is_started:
            self.started.append(due.record.session_id)
        return is_started

    def becomes(self, age_ms: int = 0, hold_ms: int = 0, tab: str = "tab", policy: Policy = POLICY) -> Became:
        return self._runner.run(key_pressed(policy, "alice", tab, Key(NOW - age_ms, hold_ms), self.ends))

    @property
    def record(self) -> Session:
        return self.sessions.records["alice"]


@pytest.mark.parametrize(("keeper_claims", "generation"), [(True, 0), (False, 1)])
def test_where_keepers_own_a_frame_claims_only_for_one_that_does_not(keeper_claims: bool, generation: int) -> None:
    """T9: it is of a version before, or cannot be reached."""
    presses = Presses()
    presses.keeper_claims = keeper_claims
    assert presses.becomes(policy=replace(POLICY, parks=False)) is Became.STARTED
    assert (presses.started, presses.record.generation) == (["alice"], generation)


def test_where_its_keeper_would_not_hear_a_frame_claims_and_the_next_ones_coalesce() -> None:
    """T17, T18: else each would nudge, and none would be counted."""
    presses = Presses()
    presses.sessions.set_guest_status("alice", "keeper", GuestStatus.RECONNECTING, NOW)
    became = [presses.becomes(age_ms, policy=replace(POLICY, parks=False)) for age_ms in (20, 10, 0)]
    assert became == [Became.STARTED, Became.COALESCED, Became.COALESCED]
    assert presses.record.generation == 1


@pytest.mark.parametrize("hold_ms", [0, POLICY.hold_ms])
def test_a_key_as_old_as_it_counts_is_stale(hold_ms: int) -> None:
    """T5: the debounce, or its hold."""
    counts_ms = hold_ms or POLICY.debounce_ms
    became = [Presses().becomes(age_ms, hold_ms) for age_ms in (counts_ms - 1, counts_ms)]
    assert became == [Became.STARTED, Became.STALE]


@pytest.mark.parametrize(
    ("age_ms", "hold_ms", "at", "held"),
    [
        (100, 6_000, NOW - 100, {"tab": (NOW - 100, 6_000)}),
        (100, 1_500, NOW - 100, {}),  # shorter than the debounce: it is none
        (-500, 6_000, NOW, {"tab": (NOW, 6_000)}),  # clocks differ: no key is from the future
    ],
)
def test_a_key_counts_from_when_it_was_pressed_and_as_long_as_it_holds(
    age_ms: int, hold_ms: int, at: int, held: dict[str, tuple[int, int]]
) -> None:
    """T2, T5."""
    presses = Presses()
    assert presses.becomes(age_ms, hold_ms) is Became.STARTED
    assert (presses.record.keys["tab"], presses.record.holds) == (at, held)


def test_a_key_after_the_record_has_expired_is_no_less_a_key() -> None:
    """T11: a visitor may read for a day."""
    presses = Presses()
    del presses.sessions.records["alice"]
    assert presses.becomes() is Became.STARTED
    assert (presses.record.connections, presses.record.keys) == ({"tab"}, {"tab": NOW})


def test_a_coalesced_key_is_one_write_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """T8."""
    presses, writes = Presses(), list[str]()
    presses.sessions.claim("alice", 0, NOW + 1, 0)
    write = presses.sessions.write
    monkeypatch.setattr(presses.sessions, "write", lambda update: (writes.append(update.session_id), write(update))[1])
    assert presses.becomes() is Became.COALESCED
    assert writes == ["alice"]


def test_a_key_of_a_blocked_visitor_starts_no_owner() -> None:
    presses = Presses()
    presses.sessions.records["alice"] = replace(presses.record, blocked_until=NOW // 1000 + 60)
    assert (presses.becomes(), presses.started) == (Became.BLOCKED, [])


def test_a_key_of_a_connection_that_was_forgotten_makes_it_known_again() -> None:
    """Its visitor would hear nothing: API Gateway had said that it was gone."""
    presses = Presses()
    presses.becomes(tab="forgotten")
    assert presses.record.connections == {"tab", "forgotten"}


@pytest.mark.parametrize(("left_ms", "became"), [(1, Became.COALESCED), (0, Became.STARTED)])
def test_a_key_needs_an_owner_from_the_end_of_the_lease_on(left_ms: int, became: Became) -> None:
    """T8, T9."""
    presses = Presses()
    presses.sessions.claim("alice", 0, NOW + left_ms, 0)
    assert presses.becomes() is became


@pytest.mark.parametrize(("left_ms", "became"), [(1, Became.COALESCED), (0, Became.STARTED)])
def test_a_key_starts_an_owner_in_the_millisecond_in_which_it_may(left_ms: int, became: Became) -> None:
    """T17."""
    presses = Presses()
    spent_until = NOW + left_ms + (POLICY.starts.at_once - 1) * POLICY.starts.every_ms
    presses.sessions.claim("alice", 0, NOW - 1, spent_until)
    assert presses.becomes() is became
