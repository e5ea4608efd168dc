"""Gradual deployment, roll-back, and concurrency: what template.yaml says of them, as SAM expands it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.template import FUNCTIONS, PARAMETERS, RESOURCES, ROOT, STATE_MACHINE, TEMPLATE, expanded, properties

FLOODED = {
    "Authorizer": "HandshakeConcurrency",
    "Connection": "HandshakeConcurrency",
    "Keystroke": "KeystrokeConcurrency",
}
SHIFTED = ["Authorizer", "Connection", "KeeperLine", "Keystroke", "Sweeper"]


def of(template: dict[str, Any], type_name: str) -> dict[str, dict[str, Any]]:
    return {name: r for name, r in template["Resources"].items() if r["Type"] == type_name}


def versions(**changed: str) -> list[str]:
    return sorted(of(expanded(**changed), "AWS::Lambda::Version"))


class TestVersions:
    def test_all_callers_go_by_the_alias(self) -> None:
        """What API Gateway and Scheduler call, and are permitted to call."""
        resources = expanded()["Resources"]
        called = json.dumps(
            [
                r["Properties"]
                for r in resources.values()
                if re.match(r"AWS::(ApiGatewayV2|Scheduler)::|AWS::Lambda::Permission", r["Type"])
            ]
        )
        named = set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"([A-Z]\w+)"', called))
        assert {name for name in named if name.endswith("Aliaslive")} == {f"{name}Aliaslive" for name in SHIFTED}
        assert named.isdisjoint(FUNCTIONS)

    def test_a_new_layer_is_a_new_version_of_every_function(self) -> None:
        """Most of the code is in the layer. SAM by itself compares a function's own code only."""
        assert set(versions()).isdisjoint(versions(layer="another"))
        assert len(versions()) == len(FUNCTIONS)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_a_new_setting_is_a_new_version(self, function: str) -> None:
        """Every parameter that a function is told is in its versions' description, and `Release` stands for all."""
        told = (
            TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
            | properties(function)["Environment"]["Variables"]
        )
        settings = set(re.findall(r'"Ref": "(\w+)"|\$\{(\w+)\}', json.dumps(told)))
        settings = {name for pair in settings for name in pair if name in PARAMETERS}
        condition, release, described = properties(function)["VersionDescription"]["Fn::If"]
        text = json.dumps(described)
        assert (condition, release) == ("HasRelease", {"Ref": "Release"})
        assert {n for n in settings - {"Release"} if f"${{{n}}}" not in text and f'"Ref": "{n}"' not in text} == set()

    def test_a_new_release_changes_the_function_too(self) -> None:
        """Lambda publishes no version of a function that is as it was: the deployment would fail."""
        assert TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["RELEASE"] == {"Ref": "Release"}

    def test_the_version_before_is_kept(self) -> None:
        published = of(expanded(), "AWS::Lambda::Version") | of(expanded(), "AWS::StepFunctions::StateMachineVersion")
        assert {(r["DeletionPolicy"], r["UpdateReplacePolicy"]) for r in published.values()} == {("Retain", "Retain")}

    def test_the_keepers_task_definition_before_is_kept(self) -> None:
        """CloudFormation deregisters what it replaces, and ECS updates no service to a deregistered revision."""
        task = RESOURCES["KeeperTask"]
        assert (task["UpdateReplacePolicy"], task["DeletionPolicy"]) == ("Retain", "Delete")
        family = properties("KeeperTask")["Family"]["Fn::Sub"].replace("${AWS::StackName}", "$STACK")
        assert f'--task-definition "{family}:NUMBER"' in (ROOT / "docs/runbook.md").read_text()

    def test_functions_themselves_go_with_the_stack(self) -> None:
        assert {RESOURCES[name].get("DeletionPolicy", "Delete") for name in FUNCTIONS} == {"Delete"}


class TestShifting:
    def test_functions_move_as_the_parameter_says(self) -> None:
        groups = of(expanded(DeploymentType="Canary10Percent5Minutes"), "AWS::CodeDeploy::DeploymentGroup")
        configurations = {json.dumps(group["Properties"]["DeploymentConfigName"]) for group in groups.values()}
        assert sorted(groups) == [f"{name}DeploymentGroup" for name in SHIFTED]
        assert len(configurations) == 1
        assert "Canary10Percent5Minutes" in configurations.pop()

    def test_alarms_that_tell_take_them_back(self) -> None:
        for group in of(expanded(), "AWS::CodeDeploy::DeploymentGroup").values():
            condition, on, off = group["Properties"]["AlarmConfiguration"]["Fn::If"]
            assert (condition, off) == ("RollsBackByAlarms", {})
            assert [alarm["Name"]["Ref"] for alarm in on["Alarms"]] == [
                "FunctionsFail",
                "BurstsFail",
                "BurstsNotStarted",
            ]
            assert "DEPLOYMENT_STOP_ON_ALARM" in group["Properties"]["AutoRollbackConfiguration"]["Events"]

    def test_the_state_machine_moves_in_the_same_steps(self) -> None:
        shifting = TEMPLATE["Mappings"]["Shifting"]
        assert set(shifting) == set(PARAMETERS["DeploymentType"]["AllowedValues"])
        for name, step in shifting.items():
            kind, percent, minutes = re.fullmatch(r"(AllAtOnce|Canary|Linear)(\d*)\D*(\d*)\D*", name).groups()  # type: ignore[union-attr]
            assert step["Type"] == {"AllAtOnce": "ALL_AT_ONCE", "Canary": "CANARY", "Linear": "LINEAR"}[kind]
            assert kind == "AllAtOnce" or (step["Percentage"], step["Minutes"]) == (int(percent), int(minutes))

    def test_an_execution_sees_one_version_of_the_sender(self) -> None:
        """Each call by an alias would be cast anew between two versions."""
        (alias,) = of(expanded(), "AWS::StepFunctions::StateMachineAlias")
        machine = expanded()["Resources"]["TypingBurst"]["Properties"]
        (version,) = [name for name in versions() if name.startswith("Sender")]
        assert machine["DefinitionSubstitutions"]["SenderVersion"] == {"Ref": version}
        assert STATE_MACHINE["States"]["Reconcile"]["Arguments"]["FunctionName"] == "${SenderVersion}"
        starters = ["Connection", "Keystroke", "Sweeper"]
        told = [properties(name)["Environment"]["Variables"]["STATE_MACHINE_ARN"] for name in starters]
        assert told == [{"Ref": alias}] * len(starters)
        assert {"Name": "STATE_MACHINE_ARN", "Value": {"Ref": alias}} in properties("KeeperTask")[
            "ContainerDefinitions"
        ][0]["Environment"]


class TestConcurrency:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_is_bounded_where_strangers_call_and_nowhere_else(self, function: str) -> None:
        """A flood must not take what ends the typing; a bound on sender or sweeper would itself keep typing on."""
        reserved = properties(function).get("ReservedConcurrentExecutions")
        parameter = FLOODED.get(function)
        assert (reserved["Fn::If"][1] if reserved else None) == ({"Ref": parameter} if parameter else None)

    @pytest.mark.parametrize("parameter", sorted(set(FLOODED.values())))
    def test_is_not_reserved_by_default(self, parameter: str) -> None:
        """AWS keeps 100 unreserved; in an account with a limit of ten, any reservation fails the deployment."""
        conditions = TEMPLATE["Conditions"]
        used = {
            json.dumps(properties(f)["ReservedConcurrentExecutions"]["Fn::If"])
            for f, p in FLOODED.items()
            if p == parameter
        }
        (condition, _, otherwise) = json.loads(used.pop())
        assert not used
        assert PARAMETERS[parameter]["Default"] == 0
        assert conditions[condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, 0]}]}
        assert otherwise == {"Ref": "AWS::NoValue"}

    def test_what_the_docs_recommend_leaves_half_to_what_ends_the_typing(self) -> None:
        docs = (ROOT / "docs/operations.md").read_text()
        recommended = {name: int(re.search(rf"`{name}=(\d+)`", docs)[1]) for name in set(FLOODED.values())}  # type: ignore[index]
        assert sum(recommended[parameter] for parameter in FLOODED.values()) <= 500


def test_the_runbook_names_parts_and_parameters_that_there_are() -> None:
    text = (ROOT / "docs/runbook.md").read_text()
    parts = set(re.findall(r"\$\(id (\w+)\)", text)) - {"function"}
    given = set(re.findall(r"\b([A-Z]\w+)=[\w\"…]", text)) - {"STACK"}
    assert len(parts) > 4
    assert parts <= set(expanded()["Resources"])
    assert {name for name in given if not name.isupper()} <= set(PARAMETERS)
