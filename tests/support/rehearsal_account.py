"""An account of AWS with nothing but what a rehearsal asks of it, and a SAM that deploys into it. In memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.rehearsal.plan import CHANGED, FUNCTION, TOLD_BY, told
from tests.support.template import RESOURCES, TEMPLATE

_MADE_OF = {FUNCTION: "AWS::Lambda::Function"}


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "operation")


@dataclass
class FakeStack:
    """``deleting``: the statuses that it goes through next. ``versions``: of each function."""

    name: str
    tags: dict[str, str]
    parameters: dict[str, str]
    status: str = "CREATE_COMPLETE"
    deleting: list[str] = field(default_factory=list)
    versions: dict[str, list[int]] = field(default_factory=dict)


class FakeAws:
    """``done``: what was changed, in order. ``fails``: the status in which a stack's deployment ends."""

    def __init__(self) -> None:
        self.stacks: dict[str, FakeStack] = {}
        self.done: list[str] = []
        self.fails: dict[str, str] = {}
        self.while_deploying: Callable[[str], None] = lambda _: None
        self.exceptions = self
        self.ResourceNotFoundException = ClientError

    def client(self, _: str) -> Any:
        return self

    # --- SAM

    def sam(self, command: Sequence[str], _environment: Mapping[str, str], log: Path) -> tuple[int, str]:
        """In the place of ``programs.run``."""
        log.write_text("its output")
        if command[1] == "build":
            into = Path(command[command.index("--build-dir") + 1])
            into.mkdir(parents=True, exist_ok=True)
            (into / "template.yaml").write_text((Path(__file__).parents[2] / "template.yaml").read_text())
            self.done.append("build")
            return 0, ""
        return self._deploy(command)

    def _deploy(self, command: Sequence[str]) -> tuple[int, str]:
        name = command[command.index("--stack-name") + 1]
        tags, parameters = _pairs(command, "--tags"), _pairs(command, "--parameter-overrides")
        former = self.stacks.get(name)
        self.done.append(f"{'update' if former else 'create'} {name} {CHANGED}={parameters[CHANGED]}")
        stack = former or FakeStack(name, tags, parameters, "CREATE_IN_PROGRESS")
        self.stacks[name] = stack
        self.while_deploying(name)
        if name in self.fails:
            stack.status = self.fails[name]
            return 1, "Error: it failed"
        for function in [logical for logical, part in RESOURCES.items() if part["Type"] == FUNCTION]:
            kept = stack.versions.setdefault(function, [])
            if not kept or function in told(TEMPLATE, CHANGED):
                kept.append(len(kept) + 1)
        stack.parameters, stack.tags = parameters, tags
        stack.status = "UPDATE_COMPLETE" if former else "CREATE_COMPLETE"
        return 0, "done"

    # --- CloudFormation

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 AWS's name
        name = StackName.removeprefix("id of ")
        stack = self.stacks.get(name)
        if stack and stack.deleting:
            stack.status = stack.deleting.pop(0)
        if not stack or stack.status == "DELETE_COMPLETE":
            raise refused("ValidationError", f"Stack with id {name} does not exist")
        tags = [{"Key": key, "Value": value} for key, value in stack.tags.items()]
        outputs = {"Version": "0.1.0", "WebSocketUrl": f"wss://{name}.example/live", "CxoneSecretArn": "arn:secret"}
        return {
            "Stacks": [
                {
                    "StackName": name,
                    "StackId": f"id of {name}",
                    "StackStatus": stack.status,
                    "Tags": tags,
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
                }
            ]
        }

    def delete_stack(self, StackName: str) -> None:  # noqa: N803 AWS's name
        name = StackName.removeprefix("id of ")
        self.done.append(f"delete {name}")
        self.stacks[name].deleting = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]

    def cancel_update_stack(self, StackName: str) -> None:  # noqa: N803 AWS's name
        name = StackName.removeprefix("id of ")
        self.done.append(f"cancel {name}")
        self.stacks[name].deleting = ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]

    # --- what is asked page by page, and the rest

    def get_paginator(self, call: str) -> Any:
        self._call = call
        return self

    def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:
        if self._call == "list_stack_resources":
            yield {"StackResourceSummaries": self._parts(given["StackName"].removeprefix("id of "))}
        elif self._call == "list_versions_by_function":
            name, function = given["FunctionName"].split("/")
            kept = self.stacks[name].versions[function]
            yield {"Versions": [{"Version": "$LATEST"}, *({"Version": str(number)} for number in kept)]}
        elif self._call == "describe_alarms":
            names = [part["PhysicalResourceId"] for stack in self.stacks for part in self._parts(stack)]
            state = {"StateValue": "OK", "AlarmActions": ["topic"]}
            yield {"MetricAlarms": [{"AlarmName": name, **state} for name in names]}
        elif self._call == "filter_log_events":
            yield {"events": [{"message": '{"message": "CXone created no guest"}'}, {"message": "no JSON"}]}
        elif self._call == "describe_log_groups":
            yield {"logGroups": [{"logGroupName": f"{given['logGroupNamePrefix']}late"}]}
        else:
            kinds = {"describe_stack_events": "StackEvents", "list_layer_versions": "LayerVersions"}
            yield {kinds.get(self._call, "taskDefinitionArns"): []}

    def _parts(self, name: str) -> list[dict[str, str]]:
        if name not in self.stacks or not self.stacks[name].versions:
            return []
        return [
            {
                "LogicalResourceId": logical,
                "ResourceType": _MADE_OF.get(part["Type"], part["Type"]),
                "PhysicalResourceId": f"{name}/{logical}",
            }
            for logical, part in RESOURCES.items()
        ]

    def get_alias(self, FunctionName: str, Name: str) -> dict[str, str]:  # noqa: N803 AWS's names
        name, function = FunctionName.split("/")
        return {"FunctionVersion": str(self.stacks[name].versions[function][-1])}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 AWS's name
        name = FunctionName.split("/")[0]
        if self.stacks[name].status == "DELETE_COMPLETE":
            raise refused("ResourceNotFoundException", "no such function")
        return {"Environment": {"Variables": {TOLD_BY: self.stacks[name].parameters[CHANGED]}}}

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 AWS's name
        raise refused("ResourceNotFoundException", SecretId)


def _pairs(command: Sequence[str], option: str) -> dict[str, str]:
    rest = command[command.index(option) + 1 :]
    end = next((number for number, word in enumerate(rest) if re.match(r"--", word)), len(rest))
    return dict(pair.split("=", 1) for pair in rest[:end])
