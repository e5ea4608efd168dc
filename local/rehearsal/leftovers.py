"""What a rehearsal leaves behind in an account, and how each of it is removed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from local.rehearsal.facts import Left
from local.rehearsal.plan import Plan

_VERSION, _TASK = "AWS::Lambda::Version", "AWS::ECS::TaskDefinition"
#: A state machine's are deleted with it (AWS: DeleteStateMachine).
_MACHINES_VERSION = "AWS::StepFunctions::StateMachineVersion"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that is still there: what and why, and the command that removes it (empty: nothing has to, or can)."""

    what: str
    remove: str = ""


def leftovers(found: Left, plan: Plan, platform: str) -> list[Leftover]:
    """Of one platform's stack, after its deletion."""
    return [*_stack(found, plan, platform), *_parts(found), *_kept(found), *_objects(found, plan.stack(platform))]


def _stack(found: Left, plan: Plan, platform: str) -> Iterator[Leftover]:
    if found.status not in ("", "DELETE_COMPLETE"):
        yield Leftover(f"the stack {plan.stack(platform)}, {found.status}", f"make rehearsal DELETE={plan.run}")


def _parts(found: Left) -> Iterator[Leftover]:
    """What CloudFormation says it kept, but for versions that went with what they are of, and what ``_kept`` lists."""
    is_gone = found.status in ("", "DELETE_COMPLETE")
    listed = {
        *(() if found.functions else (_VERSION,)),
        *((_MACHINES_VERSION,) if is_gone else ()),
        *(() if "task definitions" in found.unasked else (_TASK,)),
    }
    for event in found.parts:
        if event.kind not in listed:
            yield Leftover(
                f"{event.part} ({event.kind}): {event.id}, which the template retains", "in its service's console"
            )


def _kept(found: Left) -> Iterator[Leftover]:
    for name in found.functions:
        yield Leftover(f"the function {name} with its versions", f"aws lambda delete-function --function-name {name}")
    for layer in found.layers:
        name, _, number = layer.rpartition(":")
        command = f"aws lambda delete-layer-version --layer-name {name} --version-number {number}"
        yield Leftover(f"the layer version {layer}", command)
    for group in found.log_groups:
        why = "a late line creates the group again"
        yield Leftover(f"the log group {group} ({why})", f"aws logs delete-log-group --log-group-name {group}")
    for arn, goes in found.secrets.items():
        when = f"in its recovery window, gone on {goes}" if goes else "whole"
        command = f"aws secretsmanager delete-secret --force-delete-without-recovery --secret-id {arn}"
        yield Leftover(f"the secret {arn} ({when})", command)
    for name, is_active in found.task_definitions.items():
        first = f"aws ecs deregister-task-definition --task-definition {name} && " if is_active else ""
        command = f"{first}aws ecs delete-task-definitions --task-definitions {name}"
        yield Leftover(f"the task definition {name}, which costs nothing", command)


def _objects(found: Left, stack: str) -> Iterator[Leftover]:
    if found.objects:
        what = f"{found.objects} objects in SAM's bucket {found.bucket} under {stack}/ (packed code, some MB)"
        yield Leftover(what, f"aws s3 rm --recursive s3://{found.bucket}/{stack}/")


def of_the_account(plan: Plan) -> list[Leftover]:
    """What is the account's, not a stack's, and what AWS keeps by itself."""
    if plan.on_emulator:
        return [Leftover("all of this is gone with the emulator")]
    found = [Leftover("SAM's stack aws-sam-cli-managed-default with its bucket: of the account, other stacks use it")]
    if image := plan.network.get("KeeperImage"):
        found.append(Leftover(f"the image {image}, as it was before"))
        found.append(Leftover("service-linked roles of ECS and Application Auto Scaling, once for the account"))
    found.append(
        Leftover(f"metrics TypingRelay/{plan.stack('*')} (15 months) and traces (30 days): they cost nothing and end")
    )
    return found
