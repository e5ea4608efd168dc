"""`make rehearsal`: what is refused before anything is made, what is asked, and the deletion of a run that was kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local.commands import rehearsal
from local.deploying.facts import Caller, NoCaller
from local.deploying.findings import well, wrong
from local.rehearsal import emulated
from local.rehearsal.play import Rehearsal
from tests.support.rehearsal_account import FakeAws, FakeStack

NETWORK = {"KEEPER_IMAGE": "registry/keeper:1", "VPC_ID": "vpc-1", "SUBNET_IDS": "subnet-1,subnet-2"}
SETTINGS = (
    "DELETE",
    "ON",
    "RUN",
    "YES",
    "KEEP",
    "KEEPER",
    "PLATFORMS",
    "CANARY",
    "TENANT",
    "VISITORS",
    "MINUTES",
    "ENV",
)
V1, DFO = "typing-relay-rehearsal-v1-3fa2", "typing-relay-rehearsal-dfo-3fa2"


class Someone:
    """Of an account that answers."""

    who: Caller | NoCaller = Caller("123456789012", "arn:aws:iam::123456789012:user/ops", "eu-central-1")

    def caller(self) -> Caller | NoCaller:
        return self.who


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeAws:
    """An account, in which nobody is asked for anything that was not set up here."""
    made = FakeAws()
    for name in [*SETTINGS, *NETWORK]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rehearsal, "LOCAL", tmp_path)
    monkeypatch.setattr(rehearsal, "Account", Someone)
    monkeypatch.setattr(rehearsal, "AwsAccount", lambda: type("Place", (), {"aws": made, "poll_s": 0.0})())
    monkeypatch.setattr(rehearsal, "look", lambda *_: [well("parameters", "fit")])
    monkeypatch.setattr(Rehearsal, "play", lambda _: made.done.append("played"))
    return made


def run(monkeypatch: pytest.MonkeyPatch, **given: str) -> int:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return rehearsal.main()


def test_account_region_stacks_price_and_the_tag_are_said_before_anything_is_made(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, RUN="3fa2", YES="1", **NETWORK) == 0
    printed = capsys.readouterr().out
    for said in (
        "account 123456789012, eu-central-1",
        V1,
        DFO,
        "at most $0.",
        "minutes",
        "typing-relay-rehearsal=3fa2",
    ):
        assert said in printed
    assert aws.done == ["played"]


def test_where_nobody_can_answer_it_must_be_said_that_it_is_meant(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, **NETWORK) == 2
    assert "YES=1 if that is meant" in capsys.readouterr().err
    assert aws.done == []


@pytest.mark.parametrize(("answer", "status", "done"), [("yes", 0, ["played"]), ("no", 2, []), ("", 2, [])])
def test_at_a_terminal_it_asks(
    answer: str, status: int, done: list[str], aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal.sys, "stdin", type("Terminal", (), {"isatty": lambda _: True})())
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert run(monkeypatch, **NETWORK) == status
    assert aws.done == done


def test_a_preflight_that_finds_something_ends_it(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rehearsal, "look", lambda *_: [wrong("subnets", "no way out", "a route to a NAT gateway")])
    assert run(monkeypatch, YES="1", **NETWORK) == 1
    printed = capsys.readouterr().out
    assert "→ a route to a NAT gateway" in printed
    assert "Nothing was made." in printed
    assert aws.done == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "where do the keepers run?"),
        ({**NETWORK, "PLATFORMS": "v3"}, "PLATFORMS must be"),
        ({**NETWORK, "ENV": "nowhere"}, "has no environment 'nowhere'"),
        ({"DELETE": "all"}, "DELETE must be four hex digits"),
        ({"DELETE": "", **NETWORK}, "DELETE must be four hex digits"),
        ({"ON": "emulator", "MINUTES": "-1"}, "MINUTES must be"),
    ],
)
def test_bad_settings_are_refused_with_the_usage_before_anything_is_started(
    given: dict[str, str],
    told: str,
    aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(emulated, "Emulator", None)
    assert run(monkeypatch, **given) == 2
    printed = capsys.readouterr().err
    assert told in printed
    assert "make rehearsal ON=emulator" in printed
    assert aws.done == []


def test_without_credentials_it_says_how_to_sign_in(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Someone, "who", NoCaller("expired", "the token has expired"))
    assert run(monkeypatch, YES="1", **NETWORK) == 2
    assert "aws sso login" in capsys.readouterr().err
    assert aws.done == []


class TestDelete:
    def test_both_stacks_of_the_run_go(
        self, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in (V1, DFO):
            aws.stacks[name] = FakeStack(name, {"typing-relay-rehearsal": "3fa2"}, {})
        assert run(monkeypatch, DELETE="3fa2") == 0
        assert aws.done == [f"delete {V1}", f"delete {DFO}"]
        assert "account 123456789012, eu-central-1" in capsys.readouterr().out

    def test_where_there_is_none_that_is_well(
        self, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(monkeypatch, DELETE="3fa2") == 0
        assert capsys.readouterr().out.count("there is none") == 2
        assert aws.done == []

    def test_a_stack_without_the_runs_tag_is_left_alone(
        self, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        aws.stacks[V1] = FakeStack(V1, {"application": "typing-relay"}, {})
        assert run(monkeypatch, DELETE="3fa2") == 1
        assert "left alone" in capsys.readouterr().err
        assert aws.done == []

    def test_one_that_stays_is_said_to_and_fails_the_command(
        self, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aws.stacks[V1] = FakeStack(V1, {"typing-relay-rehearsal": "3fa2"}, {})

        def fail(StackName: str) -> None:  # noqa: N803 AWS's name
            aws.done.append(StackName)
            aws.stacks[V1].deleting = ["DELETE_FAILED"]

        monkeypatch.setattr(aws, "delete_stack", fail)
        assert run(monkeypatch, DELETE="3fa2") == 1


def test_every_setting_of_the_usage_is_read() -> None:
    folders = ("rehearsal", "commands", "deploying")
    root = Path(rehearsal.__file__).parents[1]
    said = "".join(path.read_text() for folder in folders for path in (root / folder).glob("*.py"))
    named: set[Any] = set(re.findall(r"\b([A-Z][A-Z0-9_]{2,})\b", rehearsal.USAGE)) - {"AWS", "CXone"}
    assert len(named) > 20
    assert {name for name in named if f'"{name}"' not in said} == set()
