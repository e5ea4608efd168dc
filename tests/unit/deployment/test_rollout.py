"""Gradual deployment, roll-back, and concurrency: what template.yaml says of them, as SAM expands it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.cloudformation import as_deployed, waits_for_at_last
from tests.support.template import (
    FUNCTIONS,
    PARAMETERS,
    RESOURCES,
    ROOT,
    STATE_MACHINE,
    TEMPLATE,
    expanded,
    keeper_container,
    properties,
)

FLOODED = {
    "Authorizer": "HandshakeConcurrency",
    "Connection": "HandshakeConcurrency",
    "Keystroke": "KeystrokeConcurrency",
}
CALLED_BY_ALIAS = ["Authorizer", "Connection", "KeeperLine", "Keystroke", "Sweeper"]
#: Called often enough that a version can be tried on a tenth of the calls.
SHIFTED = ["Authorizer", "Connection", "Keystroke"]
CANARY = {"DeploymentType": "Canary10Percent5Minutes"}
KEEPER = {"KeeperImage": "registry/guest-keeper:1", "VpcId": "vpc-0a", "SubnetIds": "subnet-0a,subnet-0b"}


def of(template: dict[str, Any], type_name: str) -> dict[str, dict[str, Any]]:
    return {name: r for name, r in template["Resources"].items() if r["Type"] == type_name}


def rolled_out(given: dict[str, str]) -> dict[str, Any]:
    return as_deployed(expanded(**given), given)


def metrics_of(alarm: str) -> list[dict[str, Any]]:
    """The metrics of an alarm of a canary."""
    metrics = rolled_out(CANARY)["Resources"][alarm]["Properties"]["Metrics"]
    return [metric["MetricStat"]["Metric"] for metric in metrics if "MetricStat" in metric]


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
        aliases = {name for name in named if name.endswith("Aliaslive")}
        assert aliases == {f"{name}Aliaslive" for name in CALLED_BY_ALIAS}
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
        groups = of(expanded(**CANARY), "AWS::CodeDeploy::DeploymentGroup")
        configurations = {json.dumps(group["Properties"]["DeploymentConfigName"]) for group in groups.values()}
        assert sorted(groups) == [f"{name}DeploymentGroup" for name in SHIFTED]
        assert len(configurations) == 1
        assert "Canary10Percent5Minutes" in configurations.pop()

    @pytest.mark.parametrize("function", SHIFTED)
    def test_a_function_is_rolled_back_by_the_errors_of_its_own_new_version(self, function: str) -> None:
        """And not by those of the version before, which its fix may be meant for."""
        group = rolled_out(CANARY)["Resources"][f"{function}DeploymentGroup"]["Properties"]
        alarms = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert alarms[0] == f"New{function}Fails"
        assert set(alarms[1:]) <= {"BurstsNotStarted"}
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        [version] = [name for name in versions(**CANARY) if name.startswith(f"{function}Version")]
        for metric in metrics_of(f"New{function}Fails"):
            assert {d["Name"]: d["Value"] for d in metric["Dimensions"]} == {
                "FunctionName": {"Ref": function},
                "Resource": {"Fn::Sub": f"${{{function}}}:live"},
                "ExecutedVersion": {"Fn::GetAtt": [version, "Version"]},
            }

    def test_the_state_machine_is_rolled_back_by_the_errors_of_the_sender_that_it_calls(self) -> None:
        alias = rolled_out(CANARY)["Resources"]["TypingBurstAliaslive"]["Properties"]
        assert alias["DeploymentPreference"]["Alarms"] == [
            {"Ref": "NewSenderFails"},
            {"Ref": "BurstsFail"},
            {"Ref": "BurstsNotStarted"},
        ]
        [version] = [name for name in versions(**CANARY) if name.startswith("SenderVersion")]
        for metric in metrics_of("NewSenderFails"):
            assert metric["Dimensions"][1]["Value"] == {"Fn::Sub": f"${{Sender}}:${{{version}.Version}}"}

    @pytest.mark.parametrize("changed", [{"RollBackByAlarms": "off"}, {"DeploymentType": "AllAtOnce"}])
    def test_no_alarm_rolls_back_where_none_is_wanted_or_none_could_be_in_time(self, changed: dict[str, str]) -> None:
        resources = rolled_out(CANARY | changed)["Resources"]
        assert [name for name in resources if re.fullmatch(r"New\w+Fails", name)] == []
        assert [r for r in resources.values() if r["Properties"].get("AlarmConfiguration")] == []
        assert "Alarms" not in resources["TypingBurstAliaslive"]["Properties"]["DeploymentPreference"]

    @pytest.mark.parametrize("platform", [{}, {"CxonePlatform": "dfo"}])
    def test_all_parts_move_at_the_same_time(self, platform: dict[str, str]) -> None:
        """CloudFormation updates side by side what does not wait for each other. Whoever waits for an alias waits until
        it has moved, so two canaries, one after the other, would take twice the time.
        """
        template = rolled_out(CANARY | KEEPER | platform)
        moving = {f"{name}Aliaslive" for name in SHIFTED} | {"TypingBurstAliaslive"}
        assert moving <= set(template["Resources"])
        assert {name: waits_for_at_last(name, template) & moving for name in moving} == {n: set() for n in moving}
        assert not waits_for_at_last("KeeperService", template) & moving

    def test_the_state_machine_moves_in_the_same_steps(self) -> None:
        shifting = TEMPLATE["Mappings"]["Shifting"]
        assert set(shifting) == set(PARAMETERS["DeploymentType"]["AllowedValues"])
        for name, step in shifting.items():
            kind, percent, minutes = re.fullmatch(r"(AllAtOnce|Canary|Linear)(\d*)\D*(\d*)\D*", name).groups()  # type: ignore[union-attr]
            assert step["Type"] == {"AllAtOnce": "ALL_AT_ONCE", "Canary": "CANARY", "Linear": "LINEAR"}[kind]
            assert kind == "AllAtOnce" or (step["Percentage"], step["Minutes"]) == (int(percent), int(minutes))

    def test_an_execution_sees_one_version_of_the_sender(self) -> None:
        """Each call by an alias would be cast anew between two versions."""
        (alias,) = of(expanded(), "AWS::StepFunctions::StateMachineAlias").values()
        machine = expanded()["Resources"]["TypingBurst"]["Properties"]
        (version,) = [name for name in versions() if name.startswith("Sender")]
        assert machine["DefinitionSubstitutions"]["SenderVersion"] == {"Ref": version}
        assert STATE_MACHINE["States"]["Reconcile"]["Arguments"]["FunctionName"] == "${SenderVersion}"
        starters = ["Connection", "Keystroke", "Sweeper"]
        told = [properties(name)["Environment"]["Variables"]["STATE_MACHINE_ARN"] for name in starters]
        by_alias = {"Fn::Sub": "${TypingBurst}:" + alias["Properties"]["Name"]}
        assert told == [by_alias] * len(starters)
        assert {"Name": "STATE_MACHINE_ARN", "Value": by_alias} in keeper_container()["Environment"]


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
