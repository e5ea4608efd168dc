"""`make preflight`: what it prints, as docs/operations.md shows it, and how it exits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local.commands import preflight
from local.deploying.facts import Caller, Facts, Image, Nat, NoCaller, Subnet, Vpc

ROOT = Path(__file__).resolve().parents[4]
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/typing-relay/guest-keeper:1"
VALUES = {
    "CxoneOrgId": "acme",
    "KeeperImage": IMAGE,
    "VpcId": "vpc-0a1b2c",
    "SubnetIds": "subnet-0a1b2c,subnet-0d4e5f",
}
#: The account of the example in docs/operations.md.
EXAMPLE = Facts(
    stack="",
    ecs_role=True,
    lambda_limit=1000,
    image=Image(frozenset({"amd64"})),
    vpc=Vpc("vpc-0a1b2c", resolves_names=True),
    subnets={
        "subnet-0a1b2c": Subnet("subnet-0a1b2c", "vpc-0a1b2c", "eu-central-1a", 200, "nat-1", route_table="rtb-1"),
        "subnet-0d4e5f": Subnet("subnet-0d4e5f", "vpc-0a1b2c", "eu-central-1b", 200, "igw-1"),
    },
    nats={"nat-1": Nat("nat-1", addresses=1)},
)


class Known:
    """An account of which all is known."""

    def __init__(self, who: Caller | NoCaller) -> None:
        self.who = who

    def caller(self) -> Caller | NoCaller:
        return self.who

    def facts(self, *_: Any) -> Facts:
        return EXAMPLE


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(who: Caller | NoCaller, environment: str = "default") -> tuple[int, str]:
        """With the project's own samconfig.toml, filled in."""
        text = (ROOT / "samconfig.toml").read_text()
        for name, value in VALUES.items():
            text = text.replace(f"{name}=FILL_IN", f"{name}={value}")
        path = tmp_path / "samconfig.toml"
        path.write_text(text)
        for program in ("sam", "python3.13"):
            (tmp_path / program).write_text("#!/bin/sh\n")
            (tmp_path / program).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("SAMCONFIG", str(path))
        monkeypatch.setenv("ENV", environment)
        monkeypatch.setattr(preflight, "Account", lambda *_: Known(who))
        status = preflight.main()
        return status, "".join(capsys.readouterr())

    return run


def test_it_prints_what_the_docs_show(look: Any) -> None:
    status, printed = look(Caller("123456789012", "arn:aws:iam::123456789012:user/ops", "eu-central-1"))
    docs = (ROOT / "docs/operations.md").read_text()
    shown = re.search(r"^\$ make preflight\n(.*?)^```", docs, re.MULTILINE | re.DOTALL)
    assert shown
    assert (status, printed) == (1, shown[1])


def test_without_credentials_only_what_needs_none_is_judged(look: Any) -> None:
    status, printed = look(NoCaller("absent", "Unable to locate credentials"))
    assert status == 1
    assert re.findall(r"^  . (\w+)", printed, re.MULTILINE) == ["parameters", "tools", "credentials"]


def test_an_environment_that_is_not_there_is_bad_usage(look: Any) -> None:
    status, printed = look(NoCaller("absent", ""), "staging")
    assert (status, "default, production" in printed) == (2, True)
