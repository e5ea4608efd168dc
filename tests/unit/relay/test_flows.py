"""What the order of effects comes to, where no clause of the simulation tells."""

import pytest

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
