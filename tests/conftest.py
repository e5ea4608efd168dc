"""For all tests."""

import gc
from typing import Any

import jwt  # noqa: F401 whole, before typing_relay.door.pyjwt can import it without public keys
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# No test asserts how long anything takes: that is for benchmarks, and a busy machine would fail it.
settings.register_profile("on any machine", deadline=None)
settings.load_profile("on any machine")

#: By default, looking for garbage takes a third of the unit tests' time: libraries hold much.
gc.set_threshold(100_000)

#: These share the running stack, and suffer from each other's load.
ON_STAGE = ("test_crashes", "test_faults", "test_storm", "test_throttled_organisation", "test_typing")


class ByStack(LoadScopeScheduling):
    """Side by side, what shares a running stack stays on one worker, and so does any other file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith("tests/e2e/"):
            return "in the browser"
        if file.startswith("tests/unit/cost/"):
            return "what is counted"
        is_on_stage = file in {f"tests/integration/{name}.py" for name in ON_STAGE}
        return "on the stage" if is_on_stage else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByStack | None:
    """For `--dist loadfile`; the simulation's files are few and long, and may be torn apart."""
    return ByStack(config, log) if config.getvalue("dist") == "loadfile" else None
