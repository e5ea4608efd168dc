"""Parameters that are each within their bounds and do not go together. Pure.

CloudFormation's Rules compare for equality alone; what takes arithmetic is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.deploying.findings import Finding, warned, wrong

_ABOUT = "parameters"
#: The first must not be more than the second, or else.
_AT_MOST = (
    ("KeeperMinTasks", "KeeperMaxTasks", "KeeperMaxTasks must be as many, or more"),
    ("FrameRate", "FrameBurst", "raise FrameBurst: frames come in bunches, and those beyond it are refused"),
    ("GuestGraceSeconds", "SessionTtlSeconds", "raise SessionTtlSeconds: a session must outlive its guest's grace"),
    ("MessageDeadlineSeconds", "SessionTtlSeconds", "raise SessionTtlSeconds: a message waits with its session"),
)
#: What a Lambda version's description takes (AWS: CreateFunction, PublishVersion).
_DESCRIPTION = 256
#: What SQS keeps in flight for a queue, and so the most guests of a stack (AWS: "Amazon SQS quotas").
_IN_FLIGHT = 120_000
#: How long the token of `make smoke` is good for, in s.
SMOKE_TOKEN_S = 300


def contradictions(template: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Finding]:
    """`values`: all parameters, defaults included. What is no number has been found by then."""
    numbers = {name: int(value) for name, value in values.items() if value.isdecimal()}
    for less, more, todo in _AT_MOST:
        if less in numbers and more in numbers and numbers[less] > numbers[more]:
            yield wrong(_ABOUT, f"{less} is more than {more}", todo)
    yield from _frames(numbers)
    yield from _guests(numbers)
    yield from _tokens(numbers.get("VisitorTokenMaxSeconds", 0))
    yield from _canary(values)
    yield from _descriptions(template, values)


def _frames(numbers: Mapping[str, int]) -> Iterator[Finding]:
    rate, heartbeat = numbers.get("FrameRate"), numbers.get("HeartbeatMs")
    if rate and heartbeat and rate * heartbeat <= 1000:
        text = f"FrameRate={rate} is used up by the frames of a visitor who types (HeartbeatMs={heartbeat})"
        yield wrong(_ABOUT, text, "raise FrameRate: stops, pings and messages are frames too")


def _guests(numbers: Mapping[str, int]) -> Iterator[Finding]:
    tasks, guests = numbers.get("KeeperMaxTasks", 0), numbers.get("KeeperMaxGuests", 0)
    if tasks * guests > _IN_FLIGHT:
        text = f"{tasks} keepers of {guests} guests are more than the {_IN_FLIGHT} messages that SQS keeps in flight"
        yield warned(_ABOUT, text, "a lower KeeperMaxTasks; beyond that a second stack (docs/operations.md, Scaling)")


def _tokens(seconds: int) -> Iterator[Finding]:
    if 0 < seconds < SMOKE_TOKEN_S:
        text = f"VisitorTokenMaxSeconds={seconds}: each page connects again that often, with a new token"
        yield warned(_ABOUT, text, f"{SMOKE_TOKEN_S} or more; `make smoke` signs a token for {SMOKE_TOKEN_S} s")


def _canary(values: Mapping[str, str]) -> Iterator[Finding]:
    if values["DeploymentType"] != "AllAtOnce" and values["RollBackByAlarms"] == "off":
        text = f"DeploymentType={values['DeploymentType']} with RollBackByAlarms=off: no alarm takes a bad version back"
        yield warned(_ABOUT, text, "only for a fix that must go out while such an alarm fires; then on again")
    if values["DeploymentType"] != "AllAtOnce" and not values["AllowedOrigins"]:
        yield warned(
            _ABOUT, "any page may connect, if it gets a token", "AllowedOrigins, the origins of your own pages"
        )


def _descriptions(template: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Finding]:
    """A version is described by its settings, or by Release."""
    if values["Release"]:
        return
    for name, resource in template["Resources"].items():
        described = resource.get("Properties", {}).get("VersionDescription")
        if resource["Type"] == "AWS::Serverless::Function" and described:
            length = len(_filled_in(described["Fn::If"][2]["Fn::Sub"], values))
            if length > _DESCRIPTION:
                text = f"the settings of {name} are {length} characters, and a description takes {_DESCRIPTION}"
                yield wrong(_ABOUT, text, "Release: any text, a new one whenever a setting changes")
                return


def _filled_in(sub: Any, values: Mapping[str, str]) -> str:
    """The text with parameters in place; of what depends on a condition, each part that it may be."""
    text, own = (sub, {}) if isinstance(sub, str) else sub
    known = {**values, **{name: _longest(part, values) for name, part in own.items()}}
    return re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], text)


def _longest(part: Any, values: Mapping[str, str]) -> str:
    branches = part["Fn::If"][1:]
    texts = (values[b["Ref"]] if "Ref" in b else _filled_in(b["Fn::Sub"], values) for b in branches)
    return max(texts, key=len)
