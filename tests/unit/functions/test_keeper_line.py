"""The keepers' API: whose line comes, and that bad ones are refused."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from typing_relay import runtime
from typing_relay.aws.keeper_lines import Line
from typing_relay.relay.burst import Session
from typing_relay.relay.effects import StartOwner

from tests.support.invocation import Invocation
from tests.support.load_function import load_function


class Lines:
    """Notes which connection leads to which keeper."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, Line]] = []

    def note(self, keeper: str, line: Line) -> None:
        self.noted.append((keeper, line))


class Nudges:
    """Posts to keepers, of which some cannot be reached."""

    def __init__(self, *reached: str) -> None:
        self.reached, self.sent, self.claim = reached, list[tuple[str, Any]](), True

    def send(self, keeper: str, nudge: Any, to_claim: bool = False) -> bool:
        if to_claim and not self.claim:
            return False
        self.sent.append((keeper, nudge))
        return keeper in self.reached


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    noted = Lines()
    monkeypatch.setattr(runtime, "keeper_lines", lambda: noted)
    return noted


@pytest.fixture
def function(lines: Lines) -> ModuleType:
    return load_function("keeper_line")


def event(kind: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """As API Gateway hands it over; only a handshake has headers."""
    context = {"connectionId": "c-1", "eventType": kind}
    return {"requestContext": context} | ({"headers": headers} if headers is not None else {})


@pytest.mark.parametrize("name", ["x-keeper", "X-Keeper"])
def test_a_keepers_line_is_noted(function: ModuleType, lines: Lines, name: str) -> None:
    assert function.handler(event("CONNECT", {name: "keeper-1"}), Invocation()) == {"statusCode": 200}
    assert lines.noted == [("keeper-1", Line("c-1", claims=False))]


def test_a_keeper_that_claims_says_so(function: ModuleType, lines: Lines) -> None:
    function.handler(event("CONNECT", {"X-Keeper": "keeper-1", "X-Keeper-Claims": "bursts"}), Invocation())
    assert lines.noted == [("keeper-1", Line("c-1", claims=True))]


@pytest.mark.parametrize("headers", [{}, {"x-keeper": ""}])
def test_who_does_not_say_which_keeper_it_is_is_not_let_in(
    function: ModuleType, lines: Lines, headers: dict[str, str]
) -> None:
    assert function.handler(event("CONNECT", headers), Invocation()) == {"statusCode": 400}
    assert lines.noted == []


@pytest.mark.parametrize("kind", ["MESSAGE", "DISCONNECT"])
def test_what_it_says_and_that_it_goes_changes_nothing(function: ModuleType, lines: Lines, kind: str) -> None:
    """A keeper's next line may have come before its former one goes."""
    assert function.handler(event(kind), Invocation()) == {"statusCode": 200}
    assert lines.noted == []


# --- nudges


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> Nudges:
    made = Nudges("keeper-1")
    monkeypatch.setattr(runtime, "nudges", lambda: made)
    return made


def test_the_keeper_that_the_record_names_is_nudged(nudges: Nudges) -> None:
    assert runtime.nudge_owner(StartOwner(Session("alice", keeper="keeper-1"), 7)) is True
    assert nudges.sent == [("keeper-1", {"session": "alice", "generation": 7})]


def test_where_no_keeper_is_named_nobody_is_nudged(nudges: Nudges) -> None:
    """The one that takes the guest looks at the record."""
    assert runtime.nudge_owner(StartOwner(Session("alice"), 7)) is True
    assert nudges.sent == []


def test_a_nudge_that_reaches_nobody_is_counted(nudges: Nudges, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next key tries again."""
    counted: list[str] = []
    monkeypatch.setattr(runtime, "count", counted.append)
    assert runtime.nudge_owner(StartOwner(Session("alice", keeper="keeper-2"), 7)) is False
    assert counted == ["NudgesLost"]


def test_a_keeper_that_cannot_be_nudged_to_claim_is_no_lost_nudge(
    nudges: Nudges, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The burst is claimed for it, and then it is nudged."""
    counted: list[str] = []
    monkeypatch.setattr(runtime, "count", counted.append)
    nudges.claim = False
    record = Session("alice", keeper="keeper-1")
    started = [runtime.nudge_owner(StartOwner(record, 7, is_claimed)) for is_claimed in (False, True)]
    assert (started, counted) == ([False, True], [])
