"""A rehearsal from beginning to end, in an account that is not there: what is made, what is deleted, what is said."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.deploying.findings import well
from local.rehearsal import play as playing
from local.rehearsal.account import Stacks
from local.rehearsal.ownership import NotOurs
from local.rehearsal.plan import DRY, Plan, Tenant
from local.rehearsal.play import Rehearsal
from local.smoke.checks import Check
from local.smoke.verdicts import Finding as SmokeFinding
from local.smoke.verdicts import Mark
from local.stack.stack import StopRequested
from tests.support.rehearsal_account import FakeAws, FakeStack

NETWORK = {"KeeperImage": "registry/keeper:1", "VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2"}
PLAN = Plan("3fa2", ("v1", "dfo"), DRY, NETWORK)
V1, DFO = "typing-relay-rehearsal-v1-3fa2", "typing-relay-rehearsal-dfo-3fa2"
UPDATE_OF_V1 = f"update {V1} DebounceMs=2500"


class Account:
    """The place of the rehearsal; nothing in it takes time."""

    poll_s = 0.0

    def __init__(self) -> None:
        self.aws = FakeAws()

    def environment(self) -> dict[str, str]:
        return {}

    def template(self, built: Path) -> tuple[Path, Sequence[str]]:
        return built / "template.yaml", ()

    def after_deployment(self, plan: Plan, platform: str, _: Any) -> str:
        return f"wss://{plan.stack(platform)}.example/live"

    def before_deletion(self, _: str) -> None:
        pass


class FrontEnd:
    """A visitor of the stack behind this URL, who is told what is deployed there."""

    def __init__(self, aws: FakeAws, url: str) -> None:
        self._stack = aws.stacks[url.removeprefix("wss://").partition(".")[0]]

    def __enter__(self) -> FrontEnd:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, _: Any) -> None:
        pass

    def wait_for(self, *_: Any) -> dict[str, Any]:
        return {"timings": {"debounce_ms": int(self._stack.parameters["DebounceMs"])}}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account()
    smoke = [Check("handshake", 0.1, SmokeFinding(Mark.WELL, "let in"))]
    monkeypatch.setattr(playing, "run", made.aws.sam)
    monkeypatch.setattr(playing, "Visitor", lambda url, *_: FrontEnd(made.aws, url))
    monkeypatch.setattr(playing, "deployed", lambda *_, **__: SimpleNamespace(tokens=lambda *_: ["token"], origin=None))
    monkeypatch.setattr(playing.smoke_command, "target_of", lambda given: given)
    monkeypatch.setattr(playing, "checks", lambda _: smoke)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    return made


@pytest.fixture
def rehearse(account: Account, tmp_path: Path) -> Callable[..., Rehearsal]:
    def made(plan: Plan = PLAN) -> Rehearsal:
        return Rehearsal(plan, account, tmp_path, lambda _: [well("parameters", "fit")])

    return made


def marks(rehearsal: Rehearsal) -> dict[str, Mark]:
    return {one.step.title: one.mark for one in rehearsal.taken}


def test_all_steps_are_taken_in_order_and_both_stacks_go(rehearse: Callable[..., Rehearsal], account: Account) -> None:
    rehearsal = rehearse()
    assert rehearsal.ask_before()
    assert account.aws.done == []  # a look makes nothing
    rehearsal.play()
    of_each = [
        (f"create {name} DebounceMs=2000", f"update {name} DebounceMs=2500", f"update {name} DebounceMs=2000")
        for name in (V1, DFO)
    ]
    assert account.aws.done == ["build", *of_each[0], *of_each[1], f"delete {V1}", f"delete {DFO}"]
    assert {title for title, mark in marks(rehearsal).items() if mark is Mark.WRONG} == set()
    assert len(rehearsal.taken) == 24


def test_each_step_is_numbered_and_says_its_time_and_verdict(
    rehearse: Callable[..., Rehearsal], capsys: pytest.CaptureFixture[str]
) -> None:
    rehearsal = rehearse()
    rehearsal.ask_before()
    rehearsal.play()
    printed = capsys.readouterr().out
    assert "[ 1/24] preflight" in printed
    assert "[24/24] dfo: what is left" in printed
    assert "✓ versions      Connection 1 → 2, Keystroke 1 → 2, Sender 1 → 2, Sweeper 1 → 2" in printed
    assert len(re.findall(r"^      [✓–] \d+\.\d s$", printed, re.MULTILINE)) == 24


def test_what_is_left_is_named_by_platform(rehearse: Callable[..., Rehearsal]) -> None:
    rehearsal = rehearse()
    rehearsal.play()
    assert rehearsal.left.keys() == {"v1", "dfo"}
    assert any(f"/aws/lambda/{V1}-late" in left.what for left in rehearsal.left["v1"])


@pytest.mark.parametrize("at", [f"create {V1} DebounceMs=2000", UPDATE_OF_V1, f"create {DFO} DebounceMs=2000"])
def test_stopped_at_any_time_it_deletes_what_it_made_and_no_more(
    at: str, rehearse: Callable[..., Rehearsal], account: Account
) -> None:
    def stop(_: str) -> None:
        if account.aws.done[-1] == at:
            raise StopRequested

    account.aws.while_deploying = stop
    assert rehearse().play()
    made = {line.split()[1] for line in account.aws.done if line.startswith("create")}
    gone = {line.split()[1] for line in account.aws.done if line.startswith("delete")}
    assert gone == made
    assert account.aws.done.index(at) == len(account.aws.done) - len(gone) - 1


def test_stopped_in_an_update_it_is_cancelled_before_the_stack_is_deleted(
    rehearse: Callable[..., Rehearsal], account: Account
) -> None:
    """CloudFormation deletes no stack that it is updating."""

    def stop(name: str) -> None:
        if account.aws.done[-1] == UPDATE_OF_V1:
            account.aws.stacks[name].status = "UPDATE_IN_PROGRESS"
            raise StopRequested

    account.aws.while_deploying = stop
    assert rehearse().play()
    assert account.aws.done[-2:] == [f"cancel {V1}", f"delete {V1}"]


def test_stopped_in_a_deletion_it_goes_on_with_it(
    rehearse: Callable[..., Rehearsal], account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first signal may come when all has been seen and the stacks are going."""
    ordered = account.aws.delete_stack

    def stop_once(StackName: str) -> None:  # noqa: N803 AWS's name
        account.aws.delete_stack = ordered  # type: ignore[method-assign]
        raise StopRequested

    account.aws.delete_stack = stop_once  # type: ignore[method-assign]
    rehearsal = rehearse()
    rehearsal.ask_before()
    assert rehearsal.play()
    assert account.aws.done[-2:] == [f"delete {V1}", f"delete {DFO}"]
    assert "[24/24] dfo: what is left" in capsys.readouterr().out


def test_what_is_to_be_kept_stays_also_when_it_is_stopped(rehearse: Callable[..., Rehearsal], account: Account) -> None:
    rehearsal = rehearse(replace(PLAN, keeps=True))
    rehearsal.play()
    assert [line for line in account.aws.done if line.startswith("delete")] == []
    assert rehearsal.made == ["v1", "dfo"]


def test_a_deployment_that_fails_leaves_its_platforms_steps_out_and_the_other_goes_on(
    rehearse: Callable[..., Rehearsal], account: Account
) -> None:
    account.aws.fails[V1] = "ROLLBACK_COMPLETE"
    rehearsal = rehearse()
    rehearsal.play()
    found = marks(rehearsal)
    assert found["v1: deploy"] is Mark.WRONG
    assert {found[f"v1: {name}"] for name in ("alarms", "smoke", "update", "roll back")} == {Mark.UNSEEN}
    assert found["dfo: roll back"] is Mark.WELL
    assert f"delete {V1}" in account.aws.done


def test_a_build_that_fails_makes_nothing(
    rehearse: Callable[..., Rehearsal], account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "run", lambda *_: (1, "no python3.13"))
    rehearsal = rehearse()
    rehearsal.play()
    assert (account.aws.done, rehearsal.made) == ([], [])


def test_a_stack_of_the_same_name_that_is_another_runs_is_neither_changed_nor_deleted(
    rehearse: Callable[..., Rehearsal], account: Account
) -> None:
    account.aws.stacks[V1] = FakeStack(V1, {"typing-relay-rehearsal": "0000"}, {})
    rehearsal = rehearse()
    rehearsal.play()
    assert marks(rehearsal)["v1: deploy"] is Mark.WRONG
    assert not [line for line in account.aws.done if V1 in line]


def test_a_stack_that_lost_its_tag_meanwhile_is_not_deleted(
    rehearse: Callable[..., Rehearsal], account: Account
) -> None:
    """Somebody made it their own."""

    def lose(name: str) -> None:
        if account.aws.done[-1].startswith(f"create {DFO}"):
            account.aws.stacks[V1].tags = {"application": "typing-relay"}

    account.aws.while_deploying = lose
    rehearsal = rehearse()
    rehearsal.play()
    assert marks(rehearsal)["v1: delete"] is Mark.WRONG
    assert f"delete {V1}" not in account.aws.done
    assert f"delete {DFO}" in account.aws.done


def test_a_preflight_that_finds_something_stops_before_anything_is_made(account: Account, tmp_path: Path) -> None:
    from local.deploying.findings import wrong

    rehearsal = Rehearsal(PLAN, account, tmp_path, lambda _: [wrong("subnets", "no way out", "a route")])
    assert not rehearsal.ask_before()
    assert account.aws.done == []


def test_a_version_that_did_not_go_live_is_found(
    rehearse: Callable[..., Rehearsal], account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SAM compares templates, not values: without a version's description no visitor would see an update."""
    monkeypatch.setattr(FakeAws, "get_alias", lambda *_, **__: {"FunctionVersion": "1"})
    rehearsal = rehearse()
    rehearsal.play()
    found = marks(rehearsal)
    assert (found["v1: update"], found["v1: roll back"]) == (Mark.WRONG, Mark.UNSEEN)


def test_an_error_of_aws_is_a_finding_of_its_step(
    rehearse: Callable[..., Rehearsal], account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> dict[str, Any]:
        raise playing.ClientError({"Error": {"Code": "AccessDenied", "Message": "lambda:GetAlias"}}, "GetAlias")

    monkeypatch.setattr(FakeAws, "get_alias", refuse)
    monkeypatch.setattr(account.aws, "ResourceNotFoundException", KeyError)
    rehearsal = rehearse()
    rehearsal.play()
    assert marks(rehearsal)["v1: deploy"] is Mark.WRONG
    assert f"delete {V1}" in account.aws.done


def test_at_a_tenant_a_load_is_made(rehearse: Callable[..., Rehearsal]) -> None:
    tenants = {"v1": Tenant({"CxoneOrgId": "acme"})}
    rehearsal = rehearse(replace(PLAN, platforms=("v1",), tenants=tenants))
    rehearsal.play()
    assert marks(rehearsal)["v1: load"] is Mark.WELL


class TestDeletion:
    def test_no_stack_but_the_runs_own_is_deleted(self) -> None:
        aws = FakeAws()
        aws.stacks["typing-relay"] = FakeStack("typing-relay", {"typing-relay-rehearsal": "3fa2"}, {})
        with pytest.raises(NotOurs):
            Stacks(aws, "3fa2", 0).delete("typing-relay", print)
        assert aws.done == []

    def test_one_that_is_not_there_is_gone(self) -> None:
        assert Stacks(FakeAws(), "3fa2", 0).delete(V1, print) is None

    def test_one_that_another_change_holds_is_waited_for(self) -> None:
        aws, heard = FakeAws(), []
        aws.stacks[V1] = FakeStack(
            V1, PLAN.tags, {}, deleting=["UPDATE_ROLLBACK_IN_PROGRESS"] * 3 + ["UPDATE_ROLLBACK_COMPLETE"]
        )
        assert Stacks(aws, "3fa2", 0).delete(V1, heard.append) is None
        assert aws.done == [f"delete {V1}"]
        assert heard[0] == "UPDATE_ROLLBACK_IN_PROGRESS"

    def test_one_that_cannot_be_deleted_is_handed_back_and_not_tried_for_ever(self) -> None:
        aws = FakeAws()
        aws.stacks[V1] = FakeStack(V1, PLAN.tags, {})
        aws.delete_stack = lambda StackName: aws.stacks[V1].deleting.append("DELETE_FAILED")  # type: ignore[method-assign] # noqa: N803
        end = Stacks(aws, "3fa2", 0).delete(V1, lambda _: None)
        assert end is not None
        assert end.status == "DELETE_FAILED"

    def test_a_change_set_that_nobody_executed_has_no_tags_and_goes_by_its_name(self) -> None:
        """SAM makes the stack with the change set; what is interrupted there holds nothing."""
        aws = FakeAws()
        aws.stacks[V1] = FakeStack(V1, {}, {}, "REVIEW_IN_PROGRESS")
        assert Stacks(aws, "3fa2", 0).delete(V1, lambda _: None) is None
        assert aws.done == [f"delete {V1}"]
