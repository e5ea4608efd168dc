"""What a rehearsal says is left, and how each of it goes."""

from __future__ import annotations

from dataclasses import replace

from local.rehearsal.facts import Event, Left
from local.rehearsal.leftovers import leftovers, of_the_account
from local.rehearsal.plan import DRY, Plan

PLAN = Plan("3fa2", ("v1",), DRY, {"KeeperImage": "registry/keeper:1", "VpcId": "vpc-1"})
NAME = "typing-relay-rehearsal-v1-3fa2"


def said(found: Left) -> str:
    return "\n".join(f"{left.what} | {left.remove}" for left in leftovers(found, PLAN, "v1"))


def test_where_nothing_is_left_nothing_is_said() -> None:
    assert said(Left()) == said(Left(status="DELETE_COMPLETE")) == ""


def test_a_stack_that_stands_goes_by_its_run() -> None:
    assert f"the stack {NAME}, DELETE_FAILED | make rehearsal DELETE=3fa2" in said(Left(status="DELETE_FAILED"))


def test_a_secret_in_its_recovery_window_says_until_when() -> None:
    text = said(Left(secrets={"arn:a": "2026-12-29", "arn:b": ""}))
    assert "the secret arn:a (in its recovery window, gone on 2026-12-29)" in text
    assert "the secret arn:b (whole)" in text
    assert "--force-delete-without-recovery --secret-id arn:b" in text


def test_log_groups_functions_layers_and_objects_are_named_with_their_commands() -> None:
    found = Left(
        log_groups=(f"/aws/lambda/{NAME}-sender",),
        functions=(f"{NAME}-Sender",),
        layers=(f"{NAME}-typing-relay:2",),
        bucket="sams",
        objects=9,
    )
    text = said(found)
    assert f"aws logs delete-log-group --log-group-name /aws/lambda/{NAME}-sender" in text
    assert f"aws lambda delete-function --function-name {NAME}-Sender" in text
    assert f"delete-layer-version --layer-name {NAME}-typing-relay --version-number 2" in text
    assert f"9 objects in SAM's bucket sams under {NAME}/" in text


def test_a_task_definition_that_is_active_is_deregistered_first() -> None:
    text = said(Left(task_definitions={"keeper:1": False, "keeper:2": True}))
    assert "| aws ecs delete-task-definitions --task-definitions keeper:1" in text
    assert "| aws ecs deregister-task-definition --task-definition keeper:2 && aws ecs delete-task" in text


def test_what_cloudformation_kept_is_named_but_for_versions_whose_function_is_gone() -> None:
    version = Event("SenderVersion1", "AWS::Lambda::Version", "arn:1", "DELETE_SKIPPED")
    secret = Event("CxoneSecret", "AWS::SecretsManager::Secret", "arn:s", "DELETE_SKIPPED")
    found = Left(parts=(version, secret))
    assert "SenderVersion1" not in said(found)
    assert "CxoneSecret (AWS::SecretsManager::Secret): arn:s, which the template retains" in said(found)
    assert "SenderVersion1" in said(replace(found, functions=("Sender",)))


def test_the_accounts_own_is_said_to_stay() -> None:
    text = "\n".join(left.what for left in of_the_account(PLAN))
    assert "aws-sam-cli-managed-default" in text
    assert "registry/keeper:1" in text
    assert "metrics TypingRelay/typing-relay-rehearsal-*-3fa2 (15 months)" in text


def test_the_emulator_keeps_nothing() -> None:
    [left] = of_the_account(replace(PLAN, on_emulator=True))
    assert (left.what, left.remove) == ("all of this is gone with the emulator", "")
