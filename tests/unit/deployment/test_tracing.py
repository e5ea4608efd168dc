"""X-Ray, by the parameter Tracing: what CloudFormation is given for each of its values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.cloudformation import as_deployed
from tests.support.template import FUNCTIONS, PARAMETERS, expanded

#: AWS, "AWS X-Ray and Step Functions": what the role of a traced state machine needs.
MACHINE_MAY = [
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
]


def resources(tracing: str | None) -> dict[str, Any]:
    given = {"CxoneOrgId": "acme"} | ({"Tracing": tracing} if tracing else {})
    return {name: made["Properties"] for name, made in as_deployed(expanded(**given), given)["Resources"].items()}


def test_nothing_is_traced_unless_the_parameter_says_so() -> None:
    """One trace a second of each function costs more than what most deployments do in it (docs/cost.md)."""
    assert PARAMETERS["Tracing"]["AllowedValues"] == ["Disabled", "Active"]
    assert resources(None) == resources("Disabled")


def test_disabled_traces_nothing_and_may_write_no_trace() -> None:
    made = resources("Disabled")
    assert [made[name].get("TracingConfig") for name in FUNCTIONS] == [None] * len(FUNCTIONS)
    assert made["TypingBurst"]["TracingConfiguration"] == {"Enabled": False}
    assert "xray" not in json.dumps(made).lower()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_active_traces_each_function_and_lets_it_write_traces(function: str) -> None:
    made = resources("Active")
    assert made[function]["TracingConfig"] == {"Mode": "Active"}
    managed = made[f"{function}Role"]["ManagedPolicyArns"]
    assert [arn for arn in managed if "Xray" in json.dumps(arn)] != []


def test_active_traces_bursts_and_lets_the_state_machine_write_traces() -> None:
    made = resources("Active")
    assert made["TypingBurst"]["TracingConfiguration"] == {"Enabled": True}
    [policy] = made["TypingBurstRole"]["Policies"]
    actions = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    assert [action for action in actions if action.startswith("xray:")] == MACHINE_MAY


@pytest.mark.parametrize("function", FUNCTIONS)
def test_another_value_publishes_another_version(function: str) -> None:
    """Else it would never go live: SAM names a version by what the template says of its function."""
    versions = [{n for n in resources(value) if n.startswith(f"{function}Version")} for value in ("Disabled", "Active")]
    assert versions[0] != versions[1]
