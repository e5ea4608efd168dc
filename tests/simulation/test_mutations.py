"""The proof can fail: each deliberate mutation of the relay is caught."""

from __future__ import annotations

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation, finding_of

SAMPLE = MUTATIONS[::12]
REST = (pytest.param(one, marks=pytest.mark.whole_proof) for one in MUTATIONS if one not in SAMPLE)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutation", [*SAMPLE, *REST], ids=lambda mutation: mutation.name)
def test_a_relay_broken_on_purpose_is_caught(mutation: Mutation) -> None:
    """Also when the proof itself is changed: it must stay able to see this."""
    assert finding_of(mutation) is not None
