"""What the order of effects comes to, where no clause of the simulation tells."""

import pytest
from typing_relay.relay.ports import FIRST_KEY_TO_SHOWN, LAST_KEY_TO_ENDED

from tests.simulation.history import parse
from tests.simulation.runner import play
from tests.simulation.world import START


def test_a_record_lives_for_the_sessions_lifetime_after_its_last_key() -> None:
    """DynamoDB's TTL is in seconds since the epoch."""
    world = play(parse("key A 0; key A 5000"))
    pressed_at = (START + 5000) // 1000
    assert world.record.expires_at >= pressed_at + world.policy.session_ttl_s
    assert world.record.expires_at <= pressed_at + 600 + world.policy.session_ttl_s


@pytest.mark.parametrize(("answer", "asks"), [("throttled 1000", 0), ("failed-taken", 1), ("lost 7500", 1)])
def test_after_a_429_cxone_is_asked_nothing_and_after_a_doubt_once(answer: str, asks: int) -> None:
    """T14: a 429 says for certain that the call was not taken."""
    world = play(parse(f"key A 0; call 1 {answer}"))
    assert len([call for call in world.watch.calls if call.typing is None]) == asks


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
    assert max(felt[FIRST_KEY_TO_SHOWN]) <= 500
    assert max(felt[LAST_KEY_TO_ENDED]) <= world.policy.debounce_ms + 500
