"""Tries follow each other without a pause."""

import pytest
from typing_relay.aws import client


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of the pauses set their own."""
    monkeypatch.setattr(client, "LONGEST_PAUSE_S", 0.0)
