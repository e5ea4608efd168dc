"""What of template.yaml the AWS emulator does not take: taken out of the template before it is deployed there.

Everything else is deployed as it is. tests/unit/deployment/test_left_out.py holds each part on the template that AWS
gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import fill
from typing import Any

Template = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """`what` is left out and `why`, in plain words. `take_out` removes it from a parsed template, in place."""

    what: str
    why: str
    take_out: Callable[[Template], None]


def take_out_all(template: Template) -> None:
    """Remove from `template` whatever the emulator does not take."""
    for part in LEFT_OUT:
        part.take_out(template)


def summary() -> str:
    """What is left out, for whoever starts a stack on one machine: a few lines."""
    parts = fill("; ".join(part.what for part in LEFT_OUT), 100, initial_indent="  ", subsequent_indent="  ")
    return f"Not deployed here, as the AWS emulator does not take it (docs/architecture.md, On one machine):\n{parts}"


def point(part: Any, old: Any, new: Any) -> None:
    """Put `new` wherever `part` of a template says `old`."""
    for key, inner in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if inner == old:
            part[key] = new
        else:
            point(inner, old, new)


def _of_type(template: Template, resource_type: str) -> Iterator[tuple[str, Template]]:
    """Name and properties of each resource of this type. The caller may remove it."""
    resources = list(template["Resources"].items())
    return ((name, made["Properties"]) for name, made in resources if made["Type"] == resource_type)


def _queries(template: Template) -> None:
    for name, _ in _of_type(template, "AWS::Logs::QueryDefinition"):
        del template["Resources"][name]


def _queue_policy(template: Template) -> None:
    for name, _ in _of_type(template, "AWS::SQS::QueuePolicy"):
        del template["Resources"][name]


def _alarms_over_several_metrics(template: Template) -> None:
    for name, properties in _of_type(template, "AWS::CloudWatch::Alarm"):
        if "Metrics" in properties:
            del template["Resources"][name]


def _composite_alarms(template: Template) -> None:
    for name, _ in _of_type(template, "AWS::CloudWatch::CompositeAlarm"):
        del template["Resources"][name]


def _shifting(template: Template) -> None:
    template["Globals"]["Function"].pop("DeploymentPreference", None)
    for _, properties in _of_type(template, "AWS::Serverless::Function"):
        properties.pop("DeploymentPreference", None)


def _state_machine_versions(template: Template) -> None:
    for name, properties in _of_type(template, "AWS::Serverless::StateMachine"):
        alias = properties.pop("AutoPublishAlias", "")
        properties.pop("DeploymentPreference", None)
        point(template, {"Fn::Sub": f"${{{name}}}:{alias}"}, {"Ref": name})


def _keepers_trust(template: Template) -> None:
    for statement in template["Resources"]["KeeperRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
        statement.pop("Condition", None)


#: Tried one by one on MiniStack 1.5.33: with any of them, it refuses the template, or the stack cannot work.
LEFT_OUT = (
    Part("saved queries", "it does not know AWS::Logs::QueryDefinition", _queries),
    Part("the queues' policy", "it enforces it, refuses whoever comes without TLS, and speaks no TLS", _queue_policy),
    Part("alarms over several metrics", "it refuses metric math", _alarms_over_several_metrics),
    Part("composite alarms", "it does not know AWS::CloudWatch::CompositeAlarm", _composite_alarms),
    Part("gradual shifting of functions", "it has no CodeDeploy; versions and aliases stay", _shifting),
    Part(
        "versions and alias of the state machine",
        "it does not know their types; callers start the state machine itself",
        _state_machine_versions,
    ),
    Part(
        "the account condition on the keepers' role",
        "the local stack takes the role on in the place of ECS, without naming an account",
        _keepers_trust,
    ),
)
