"""The mixed storm in small: 30 bursts; `python -m tests.benchmarks.storm` plays 200."""

from __future__ import annotations

import pytest

from tests.benchmarks.storm import play_storm
from tests.support.relay_stage import RelayStage


@pytest.mark.timeout(300)
def test_in_a_storm_every_indicator_ends_off_and_bursts_that_outlive_their_faults_are_shown(
    stage: RelayStage, capsys: pytest.CaptureFixture[str]
) -> None:
    """T4, T6, T7: 429s, hangs, resets, revoked tokens and killed workers, all at the same time."""
    report = play_storm(stage, visitors=10, bursts=3, sweep=True)
    with capsys.disabled():
        print("\n" + "\n".join(f"  {what:<42} {value}" for what, value in report.rows()))
    assert report.problems() == []
