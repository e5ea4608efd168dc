"""What CloudFormation does with an expanded template before it makes anything: values, conditions, references. Pure.

Sources: AWS CloudFormation User Guide, "Conditions", "DependsOn attribute". CloudFormation makes a resource after
whatever the resource names by Ref, Fn::GetAtt, Fn::Sub or DependsOn. It refuses a template in which that order goes in
a circle, and one that names something which its conditions leave out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.deploying.template_rules import complete, holds

_NOTHING = {"Ref": "AWS::NoValue"}
#: Attributes of a resource that may name others.
_NAMING = ("Properties", "UpdatePolicy", "Metadata")


def as_deployed(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The expanded template as CloudFormation acts on it, for these parameters and the defaults of the others.

    Conditions are evaluated: each Fn::If is its branch, and what a condition leaves out is gone. Parameters and
    mappings are replaced by their values. Left are the sections Resources and Outputs.
    """
    values = complete(template, given)
    conditions = {name: _is_true(name, template["Conditions"], values) for name in template["Conditions"]}
    decide = _Decided(conditions, _typed(template["Parameters"], values), template.get("Mappings", {}))
    kept: dict[str, Any] = {"AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"]}
    for section in ("Resources", "Outputs"):
        kept[section] = {
            name: decide.part({key: inner for key, inner in part.items() if key != "Condition"})
            for name, part in template.get(section, {}).items()
            if "Condition" not in part or conditions[part["Condition"]]
        }
    return kept


def _typed(parameters: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The values as a property gets them: a number for Number, a list for a list."""
    as_type = {"Number": lambda value: int(value), "CommaDelimitedList": lambda value: value.split(",")}
    return {name: as_type.get(parameters[name]["Type"], str)(values[name]) for name in parameters}


def _is_true(name: str, conditions: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    return holds(_spelled_out(conditions[name], conditions), values)


def _spelled_out(expression: Any, conditions: Mapping[str, Any]) -> Any:
    """The expression with each {"Condition": name} replaced by what that condition says."""
    if isinstance(expression, dict) and "Condition" in expression:
        return _spelled_out(conditions[expression["Condition"]], conditions)
    if isinstance(expression, dict):
        return {key: _spelled_out(inner, conditions) for key, inner in expression.items()}
    return [_spelled_out(inner, conditions) for inner in expression] if isinstance(expression, list) else expression


class _Decided:
    """Replaces what is known before anything is made."""

    def __init__(self, conditions: Mapping[str, bool], values: Mapping[str, Any], mappings: Mapping[str, Any]) -> None:
        self._conditions, self._values, self._mappings = conditions, values, mappings

    def part(self, part: Any) -> Any:
        """`part` with its Fn::If, parameters and mappings replaced, and without what is AWS::NoValue."""
        if isinstance(part, list):
            return [inner for inner in map(self.part, part) if inner != _NOTHING]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            [(key, inner)] = part.items()
            replaced = self._function(key, inner)
            if replaced is not None:
                return replaced
        decided = {key: self.part(inner) for key, inner in part.items()}
        return {key: inner for key, inner in decided.items() if inner != _NOTHING}

    def _function(self, key: str, inner: Any) -> Any:
        """The value of an intrinsic function that is known already; None for anything else."""
        if key == "Fn::If":
            return self.part(inner[1] if self._conditions[inner[0]] else inner[2])
        if key == "Ref":
            return self._values.get(inner, {"Ref": inner})
        if key == "Fn::FindInMap":
            name, first, second = (self.part(step) for step in inner)
            return self._mappings[name][first][second]
        return self._sub(inner) if key == "Fn::Sub" else None

    def _sub(self, inner: Any) -> Any:
        text, own = (inner, {}) if isinstance(inner, str) else (inner[0], self.part(inner[1]))
        known = self._values | {name: value for name, value in own.items() if not isinstance(value, dict)}
        left = {name: value for name, value in own.items() if isinstance(value, dict)}
        text = re.sub(r"\$\{(\w+)\}", lambda found: str(known.get(found[1], found[0])), text)
        if "${" not in text:
            return text
        return {"Fn::Sub": [text, left] if left else text}


def names(part: Any) -> Iterator[str]:
    """The logical ids and pseudo parameters that `part` names by Ref, Fn::GetAtt or Fn::Sub."""
    if isinstance(part, list):
        for inner in part:
            yield from names(inner)
    if not isinstance(part, dict):
        return
    for key, inner in part.items():
        if key == "Ref":
            yield inner
        elif key == "Fn::GetAtt":
            yield (inner if isinstance(inner, str) else inner[0]).split(".")[0]
        elif key == "Fn::Sub":
            text, own = (inner, {}) if isinstance(inner, str) else inner
            yield from (name for name in re.findall(r"\$\{([^!.}][^.}]*)[^}]*\}", text) if name not in own)
            yield from names(own)
        else:
            yield from names(inner)


def waits_for(resource: Mapping[str, Any]) -> set[str]:
    """What this resource names: CloudFormation makes those that are resources first."""
    explicit = resource.get("DependsOn", [])
    first = {explicit} if isinstance(explicit, str) else set(explicit)
    return first.union(*(names(resource.get(attribute, {})) for attribute in _NAMING))


def waits_for_at_last(name: str, template: Mapping[str, Any]) -> set[str]:
    """All resources that CloudFormation makes or updates before this one."""
    resources = template["Resources"]
    return _reached(name, {other: waits_for(resource) for other, resource in resources.items()})


def circles(template: Mapping[str, Any]) -> list[list[str]]:
    """Each group of resources that wait for each other, sorted; empty where CloudFormation finds an order."""
    resources = template["Resources"]
    before = {name: waits_for(resource) & set(resources) for name, resource in resources.items()}
    while free := {name for name, others in before.items() if not others & set(before)}:
        before = {name: others for name, others in before.items() if name not in free}
    reached = {name: _reached(name, before) for name in before}
    groups = {tuple(sorted(n for n in before if n in reached[name] and name in reached[n])) for name in before}
    return sorted(list(group) for group in groups if group)


def _reached(start: str, before: Mapping[str, set[str]]) -> set[str]:
    """What `start` waits for, directly or not."""
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        new = (before[ahead.pop()] & set(before)) - reached
        reached |= new
        ahead += new
    return reached


def dangling(template: Mapping[str, Any]) -> list[str]:
    """Each place that names something which is not deployed, as "who → what", sorted."""
    there = set(template["Resources"]) | set(template.get("Parameters", {}))
    naming = {name: waits_for(resource) for name, resource in template["Resources"].items()}
    naming |= {f"output {name}": set(names(output)) for name, output in template.get("Outputs", {}).items()}
    return sorted(
        f"{who} → {what}"
        for who, named in naming.items()
        for what in named
        if what not in there and not what.startswith("AWS::")
    )
