"""What CloudFormation receives once SAM has expanded template.yaml, for each kind of deployment.

`sam validate`, cfn-lint on the source, and the emulator all pass a template that CloudFormation refuses as a whole: one
whose resources wait for each other in a circle through what SAM makes, or one that names a resource which a condition
leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from itertools import product
from typing import Any

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs

from local.deploying import environments, template_rules
from local.deploying.template_rules import FILL_IN
from local.smoke.verdicts import Mark
from local.template_file import read_template
from tests.support.cloudformation import as_deployed, circles, dangling
from tests.support.template import PARAMETERS, ROOT, TEMPLATE, expand, expanded

#: A value for each parameter that samconfig.toml leaves to be filled in.
FILLED_IN = {
    "CxoneOrgId": "acme",
    "DfoEnvironment": "NA1",
    "DfoBrandId": "1234",
    "DfoChannelId": "chat_1b2c3d",
    "KeeperImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/typing-relay/guest-keeper:1",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "AllowedOrigins": "https://shop.example",
    "AlarmEmail": "ops@shop.example",
}


def filled(*names: str, **more: str) -> dict[str, str]:
    return {name: FILLED_IN[name] for name in names} | more


PLATFORMS = {
    "v1": filled("CxoneOrgId", CxonePlatform="v1"),
    "dfo": filled("DfoEnvironment", "DfoBrandId", "DfoChannelId", CxonePlatform="dfo"),
}
NETWORKS = {
    "no keeper": {},
    "a task without a service": filled("KeeperImage"),
    "private subnets": filled("KeeperImage", "VpcId", "SubnetIds"),
    "an endpoint for DynamoDB": filled("KeeperImage", "VpcId", "SubnetIds", RouteTableIds="rtb-0a1b2c3d,rtb-0e1f2a3b"),
    "public addresses": filled("KeeperImage", "VpcId", "SubnetIds", AssignPublicIp="ENABLED"),
}
EVERYTHING_ELSE = filled(
    "AllowedOrigins",
    "AlarmEmail",
    ApiDomainName="typing.shop.example",
    ApiCertificateArn="arn:aws:acm:us-east-1:123456789012:certificate/1",
    DefaultEndpoint="off",
    KeystrokeConcurrency="300",
    HandshakeConcurrency="100",
    LogLevel="DEBUG",
    Tracing="Active",
    Release="one",
)


def kinds_of_deployment() -> Iterator[tuple[str, dict[str, str]]]:
    """Each platform × network × way to shift × alarms on and off; and once with every other parameter given."""
    shifts, alarms = (PARAMETERS[name]["AllowedValues"] for name in ("DeploymentType", "RollBackByAlarms"))
    for platform, network, shift, alarm in product(PLATFORMS, NETWORKS, shifts, alarms):
        given = PLATFORMS[platform] | NETWORKS[network] | {"DeploymentType": shift, "RollBackByAlarms": alarm}
        yield f"{platform}, {network}, {shift}, alarms {alarm}", given
    for platform, network in product(PLATFORMS, NETWORKS):
        yield f"{platform}, {network}, every parameter", PLATFORMS[platform] | NETWORKS[network] | EVERYTHING_ELSE


def environments_of_samconfig() -> Iterator[tuple[str, dict[str, str]]]:
    """samconfig.toml's, filled in: as they are, and with the lines for Digital-First in place of those for v1."""
    for name in ("default", "production"):
        given = environments.read(ROOT / "samconfig.toml", name).parameters
        as_it_is = {key: FILLED_IN[key] if FILL_IN in value else value for key, value in given.items()}
        yield f"samconfig {name}", as_it_is
        others = {key: value for key, value in as_it_is.items() if key not in PLATFORMS["v1"]}
        yield f"samconfig {name}, dfo", others | PLATFORMS["dfo"]


KINDS = dict(kinds_of_deployment())
ENVIRONMENTS = dict(environments_of_samconfig())
#: What becomes of tables and secrets is held by test_template.py; SAM hands a function's policies on to its versions.
ELSEWHERE = ["W3011"]
#: Two resources of one name, where kinds of deployment are looked at together.
SAME_NAME = "E3019"


@cache
def deployed(kind: str) -> dict[str, Any]:
    given = (KINDS | ENVIRONMENTS)[kind]
    return as_deployed(expanded(**given), given)


@cache
def all_forms_of_all_resources() -> dict[str, Any]:
    """One template with every resource of every kind of deployment; where kinds differ, the forms are numbered."""
    forms: dict[str, list[Any]] = {}
    for kind in KINDS:
        for name, resource in deployed(kind)["Resources"].items():
            if resource not in forms.setdefault(name, []):
                forms[name].append(resource)
    numbered = {
        name if number == 1 else f"{name}{number}": form
        for name, all_of_it in forms.items()
        for number, form in enumerate(all_of_it, 1)
    }
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": numbered}


def faults_of(template: dict[str, Any], ignoring: str = "") -> list[str]:
    found = cfnlint.api.lint(json.dumps(template), config=ManualArgs(ignore_checks=[*ELSEWHERE, ignoring]))
    return [f"{match.rule.id} {match.path}: {match.message}" for match in found]


@pytest.mark.parametrize("kind", KINDS | ENVIRONMENTS)
class TestCloudFormation:
    def test_finds_an_order_in_which_to_make_the_resources(self, kind: str) -> None:
        assert circles(deployed(kind)) == []

    def test_finds_everything_that_a_resource_or_an_output_names(self, kind: str) -> None:
        assert dangling(deployed(kind)) == []

    def test_is_given_parameters_that_go_together(self, kind: str) -> None:
        """Else the other tests would be about deployments that nobody can make."""
        given = (KINDS | ENVIRONMENTS)[kind]
        wrong = [f.text for f in template_rules.check(TEMPLATE, given) if f.mark is Mark.WRONG]
        assert [text for text in wrong if not text.startswith("no keeper will run")] == []


@pytest.mark.parametrize("kind", ENVIRONMENTS)
def test_every_property_is_one_that_cloudformation_knows_and_of_its_type(kind: str) -> None:
    """cfn-lint on the expanded template with the parameters' values in their places, by AWS's own resource schemas."""
    assert faults_of(deployed(kind)) == []


def test_so_is_every_property_of_every_kind_of_deployment() -> None:
    """As cfn-lint takes seconds for a template: each resource once in each form that any kind gives it."""
    assert faults_of(all_forms_of_all_resources(), ignoring=SAME_NAME) == []


def test_a_property_of_one_kind_of_deployment_alone_would_be_seen() -> None:
    """The test above fails on a template with one."""
    together = deepcopy(all_forms_of_all_resources())
    together["Resources"]["KeeperService2"]["Properties"]["Hurry"] = True
    [fault] = faults_of(together, ignoring=SAME_NAME)
    assert "KeeperService2" in fault
    assert "Hurry" in fault


class TestWhatStoppedEveryDeployment:
    """The two faults that the source and the emulator let pass: the tests above would see each."""

    def test_a_roll_back_alarm_on_functions_that_wait_for_the_alias(self) -> None:
        template = read_template()
        resources = {name: made.get("Properties") for name, made in template["Resources"].items()}
        resources["TypingBurst"]["DeploymentPreference"]["Alarms"] = [{"Ref": "FunctionsFail"}]
        for function in ("Connection", "Keystroke", "Sweeper"):
            resources[function]["Environment"]["Variables"]["STATE_MACHINE_ARN"] = {"Ref": "TypingBurstAliaslive"}
        given = PLATFORMS["v1"]
        [circle] = circles(as_deployed(expand(template, given), given))
        assert circle == ["Connection", "FunctionsFail", "Keystroke", "Sweeper", "TypingBurstAliaslive"]

    def test_a_condition_on_an_api_that_sam_drops(self) -> None:
        """SAM's translator gives no attributes to what it makes of a WebSocketApi."""
        template = read_template()
        for name in ("KeeperApi", "KeeperLine"):
            template["Resources"][name]["Condition"] = "IsDigitalFirst"
        given = PLATFORMS["v1"]
        assert "KeeperApiConnectIntegration → KeeperLineAliaslive" in dangling(
            as_deployed(expand(template, given), given)
        )
