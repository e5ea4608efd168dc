"""What template.yaml itself says about parameters: their patterns and bounds, and its Rules. Pure.

CloudFormation would say the same, one thing at a time and after the upload.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.deploying.contradictions import contradictions
from local.deploying.findings import Finding, well, wrong

FILL_IN = "FILL_IN"
_ABOUT = "parameters"
#: Which parameters are for one of CXone's interfaces only. DfoSdkVersion has a default and is harmless.
OF_PLATFORM = {
    "v1": ("CxoneBaseUrl", "CxoneOrgId", "CxoneSocketHostSuffixes"),
    "dfo": (
        *("DfoEnvironment", "DfoBrandId", "DfoChannelId", "DfoChannelIds"),
        *("DfoGatewayUrl", "DfoChatUrl", "DfoAuthorizeUrl", "DfoFileHosts", "DfoVisitorDetails"),
    ),
}
#: A registry's host, a repository, and a tag or a digest.
_IMAGE = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?(/[a-z0-9._-]+)+(:[\w.-]+|@sha256:[0-9a-f]{64})")
_KEEPER = ("KeeperImage", "VpcId", "SubnetIds")


def complete(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """The given parameters, and the template's defaults for the others; one without either is missing."""
    defaults = {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p}
    return defaults | dict(given)


def check(template: Mapping[str, Any], given: Mapping[str, str]) -> list[Finding]:
    """Of the parameters alone, before anybody asks AWS."""
    found = [*_values(template, given), *_rules(template, given), *_together(template, given)]
    return found or [well(_ABOUT, f"{len(given)} given; they fit the template and each other")]


def asked_for(ids: str) -> list[str]:
    """The ids in a parameter that is a list, without blanks and placeholders."""
    return [id_.strip() for id_ in ids.split(",") if id_.strip() and FILL_IN not in id_]


def unfilled(given: Mapping[str, str]) -> list[str]:
    """Parameters that still hold the placeholder."""
    return [name for name, value in given.items() if FILL_IN in value]


def _values(template: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[Finding]:
    for name in unfilled(given):
        yield wrong(_ABOUT, f"{name} is not filled in", _what(template, name))
    for name, value in given.items():
        if name not in template["Parameters"]:
            yield wrong(_ABOUT, f"{name} is no parameter of the template", "take it out, or fix its spelling")
        elif FILL_IN not in value and (why := _misfit(template["Parameters"][name], value)):
            yield wrong(_ABOUT, f"{name}={value} {why}", _what(template, name))


def _what(template: Mapping[str, Any], name: str) -> str:
    description = template["Parameters"].get(name, {}).get("Description", "")
    return f"samconfig.toml, {name}: {description}".rstrip(": ")


def _misfit(rule: Mapping[str, Any], value: str) -> str:
    """Why CloudFormation would refuse the value; empty if it would not."""
    because = rule.get("ConstraintDescription", "")
    if "AllowedValues" in rule and value not in [str(allowed) for allowed in rule["AllowedValues"]]:
        return because or f"must be one of: {', '.join(str(v) for v in rule['AllowedValues'] if v != '')}"
    if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
        return because or f"must match {rule['AllowedPattern']}"
    if "MaxLength" in rule and len(value) > int(rule["MaxLength"]):
        return f"must have {rule['MaxLength']} characters at most"
    if rule["Type"] == "Number":
        low, high = rule.get("MinValue", float("-inf")), rule.get("MaxValue", float("inf"))
        if not re.fullmatch(r"-?\d+(\.\d+)?", value) or not low <= float(value) <= high:
            return because or f"must be a number from {low} to {high}"
    return ""


def _rules(template: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[Finding]:
    values = complete(template, given)
    for rule in template["Rules"].values():
        if "RuleCondition" in rule and not holds(rule["RuleCondition"], values):
            continue
        for assertion in rule["Assertions"]:
            if not holds(assertion["Assert"], values):
                yield wrong(_ABOUT, assertion["AssertDescription"], "samconfig.toml, parameter_overrides")


def holds(expression: Any, values: Mapping[str, str]) -> bool:
    """What a rule's expression says of these values. KeyError for a function that is not known here."""
    [(function, operands)] = expression.items()
    return {
        "Fn::Equals": lambda: _value(operands[0], values) == _value(operands[1], values),
        "Fn::Not": lambda: not holds(operands[0], values),
        "Fn::And": lambda: all(holds(operand, values) for operand in operands),
        "Fn::Or": lambda: any(holds(operand, values) for operand in operands),
        "Fn::Contains": lambda: _value(operands[1], values) in _value(operands[0], values).split(","),
    }[function]()


def _value(operand: Any, values: Mapping[str, str]) -> str:
    return values.get(operand["Ref"], "") if isinstance(operand, dict) else str(operand)


def _together(template: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[Finding]:
    """What the template would deploy, and nobody means."""
    values = complete(template, given)
    platform = values["CxonePlatform"]
    for other, names in OF_PLATFORM.items():
        strangers = [name for name in names if given.get(name)]
        if platform != other and platform in OF_PLATFORM and strangers:
            todo = f"take it out, or set CxonePlatform={other}"
            yield wrong(_ABOUT, f"{', '.join(strangers)}: for {other}, but CxonePlatform is {platform}", todo)
    if values["CxoneBaseUrl"] and values["CxoneOrgId"]:
        yield wrong(_ABOUT, "CxoneBaseUrl and CxoneOrgId are both given: the URL wins", "take one of them out")
    missing = [name for name in _KEEPER if not values.get(name)]
    if missing and not (missing == ["KeeperImage"] and values["VpcId"]):  # of that one, the template's own rule speaks
        todo = "fill them in; `make image` makes the image. Without a keeper agents see nobody type"
        yield wrong(_ABOUT, f"no keeper will run: {', '.join(missing)} not given", todo)
    yield from _keeper(values)
    yield from contradictions(template, values)


def _keeper(values: Mapping[str, str]) -> Iterator[Finding]:
    """Of a keeper that is to run: what of its image and subnets is wrong whatever the account says."""
    image, subnets = values["KeeperImage"], values["SubnetIds"]
    if values["VpcId"] and image and FILL_IN not in image and not _IMAGE.fullmatch(image):
        yield wrong(_ABOUT, f"KeeperImage={image} is no image URI", "`make image` prints it: REGISTRY/NAME:TAG")
    if re.search(r",\s", subnets):
        yield wrong(_ABOUT, f"SubnetIds={subnets} has blanks after commas", "SubnetIds=subnet-…,subnet-…")
    if FILL_IN not in subnets and len(set(asked_for(subnets))) == 1:
        yield wrong(_ABOUT, "SubnetIds names a single subnet", "two in different zones survive the loss of a zone")
