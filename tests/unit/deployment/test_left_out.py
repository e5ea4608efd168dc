"""What the local stack leaves out of the template, held on what CloudFormation gets from SAM instead.

Each part has a check of its own on the expanded template. A part without one fails here, and so does a check that would
not see its part gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.stack.deploy import as_the_emulator_takes_it
from local.stack.left_out import LEFT_OUT, Part, summary
from local.template_file import read_template
from tests.support.cloudformation import as_deployed, dangling, names
from tests.support.template import ROOT, TEMPLATE, expand, expanded
from tests.unit.deployment.test_transformed import NETWORKS, PLATFORMS

Deployed = dict[str, Any]
SHIFT = {"DeploymentType": "Canary10Percent5Minutes"}
GIVEN = {platform: given | NETWORKS["private subnets"] | SHIFT for platform, given in PLATFORMS.items()}
HERE = {platform: given | {"KeeperImage": "guest-keeper:local"} for platform, given in PLATFORMS.items()}


def of(deployed: Deployed, resource_type: str) -> dict[str, dict[str, Any]]:
    """Properties by name, of those that CloudFormation makes."""
    return {n: made["Properties"] for n, made in deployed["Resources"].items() if made["Type"] == resource_type}


# --- what would be wrong on AWS, for each part; nothing, or words


def saved_queries(deployed: Deployed) -> Iterator[str]:
    queries, groups = of(deployed, "AWS::Logs::QueryDefinition"), of(deployed, "AWS::Logs::LogGroup")
    told = {query["Name"]["Fn::Sub"].partition("/")[2] for query in queries.values()}
    shown = set(re.findall(r"^\*\*([^*]+)\*\*: ", _section("docs/operations.md", "Saved queries"), re.MULTILINE))
    yield from (f"{name} is in the docs alone" for name in shown - told)
    for name, query in queries.items():
        if not set(names(query["LogGroupNames"])) <= set(groups):
            yield f"{name} reads a log group that is not deployed"


def queues_policy(deployed: Deployed) -> Iterator[str]:
    by_tls: set[str] = set()
    for policy in of(deployed, "AWS::SQS::QueuePolicy").values():
        [statement] = policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
            by_tls |= set(names(policy["Queues"]))
    yield from (f"{queue} may be reached without TLS" for queue in set(of(deployed, "AWS::SQS::Queue")) - by_tls)


def alarms_over_several_metrics(deployed: Deployed) -> Iterator[str]:
    alarms = of(deployed, "AWS::CloudWatch::Alarm")
    written = {n for n, made in TEMPLATE["Resources"].items() if made["Type"] == "AWS::CloudWatch::Alarm"}
    conditions = {n: TEMPLATE["Resources"][n].get("Condition") for n in written}
    unconditional = {name for name in written if conditions[name] is None}
    yield from (f"{name} is not deployed" for name in unconditional - set(alarms))
    for name, alarm in alarms.items():
        queries = {query["Id"]: query for query in alarm.get("Metrics", [])}
        shown = [id_ for id_, query in queries.items() if query.get("ReturnData", True)]
        if queries and len(shown) != 1:
            yield f"{name} compares {len(shown)} series with its threshold, and CloudWatch takes one"
        if len(queries) != len(alarm.get("Metrics", [])):
            yield f"{name} has two metrics of one id"
        for kind in ("MetricStat", "Expression"):
            if sum(kind in query for query in queries.values()) > 10:
                yield f"{name} has more than ten of {kind}, the most that CloudWatch takes"
        for query in queries.values():
            text = json.dumps(query.get("Expression", ""))
            asked = set(re.findall(r"\b[a-z]\w*", re.sub(r"\$\{[^}]*\}|Fn::Sub", "", text)))
            yield from (f"{name} counts with {id_}, which it has not" for id_ in asked - set(queries))


def composite_alarms(deployed: Deployed) -> Iterator[str]:
    composites = of(deployed, "AWS::CloudWatch::CompositeAlarm")
    yield from (f"{name} is not deployed" for name in {"TypingFails", "VisitorsShutOut"} - set(composites))
    for name, composite in composites.items():
        judged = set(names(composite["AlarmRule"]))
        yield from (
            f"{name} judges {one}, which is no alarm" for one in judged - set(of(deployed, "AWS::CloudWatch::Alarm"))
        )


def shifting(deployed: Deployed) -> Iterator[str]:
    groups = of(deployed, "AWS::CodeDeploy::DeploymentGroup")
    for alias in of(deployed, "AWS::Lambda::Alias"):
        function = TEMPLATE["Resources"][alias.removesuffix("Aliaslive")]["Properties"]
        if function.get("DeploymentPreference", {}).get("Enabled") is False:
            continue  # docs/runbook.md says why
        policy = deployed["Resources"][alias].get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate")
        if not policy:
            yield f"{alias} moves at once"
            continue
        group = groups[policy["DeploymentGroupName"]["Ref"]]
        if SHIFT["DeploymentType"] not in json.dumps(group["DeploymentConfigName"]):
            yield f"{alias} does not move as DeploymentType says"


def state_machine_versions(deployed: Deployed) -> Iterator[str]:
    aliases = of(deployed, "AWS::StepFunctions::StateMachineAlias")
    versions = of(deployed, "AWS::StepFunctions::StateMachineVersion")
    if not aliases:
        yield "the state machine has no alias"
    for name, alias in aliases.items():
        preference = alias["DeploymentPreference"]
        if preference["StateMachineVersionArn"]["Ref"] not in versions or preference["Type"] != "CANARY":
            yield f"{name} does not move gradually to the version that is published"
    starters = [*of(deployed, "AWS::Lambda::Function").values(), *of(deployed, "AWS::ECS::TaskDefinition").values()]
    by_alias = re.compile(r'"STATE_MACHINE_ARN"(?:, "Value")?: {"Fn::Sub": "\${(\w+)}:(\w+)"}')
    started = set(by_alias.findall(json.dumps(starters)))
    names_of = {alias["Name"] for alias in aliases.values()}
    yield from (f"nobody starts {machine} by {name}" for machine, name in started if name not in names_of)
    if not started:
        yield "whoever starts the state machine does so past its alias"


def keepers_trust(deployed: Deployed) -> Iterator[str]:
    here = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for name, role in of(deployed, "AWS::IAM::Role").items():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            if "ecs-tasks" in json.dumps(statement["Principal"]) and statement.get("Condition") != here:
                yield f"{name} is for tasks of any account"


CHECKS: dict[str, Callable[[Deployed], Iterator[str]]] = {
    "saved queries": saved_queries,
    "the queues' policy": queues_policy,
    "alarms over several metrics": alarms_over_several_metrics,
    "composite alarms": composite_alarms,
    "gradual shifting of functions": shifting,
    "versions and alias of the state machine": state_machine_versions,
    "the account condition on the keepers' role": keepers_trust,
}


def _section(path: str, title: str) -> str:
    return (ROOT / path).read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]


def by_what(part: Part) -> str:
    return part.what


@pytest.mark.parametrize("platform", GIVEN)
@pytest.mark.parametrize("part", LEFT_OUT, ids=by_what)
class TestEachPart:
    def test_is_whole_on_aws(self, part: Part, platform: str) -> None:
        given = GIVEN[platform]
        assert list(CHECKS[part.what](as_deployed(expanded(**given), given))) == []

    def test_would_be_missed(self, part: Part, platform: str) -> None:
        """The check fails on a template without the part: it is about that part."""
        template, given = read_template(), GIVEN[platform]
        part.take_out(template)
        assert list(CHECKS[part.what](as_deployed(expand(template, given), given))) != []


def test_no_check_is_for_a_part_that_the_emulator_takes_by_now() -> None:
    assert set(CHECKS) == {part.what for part in LEFT_OUT}


def test_nothing_else_is_left_out() -> None:
    """But for the local stack's own addresses and SQS's batch calls, which are added."""
    whole, here = TEMPLATE["Resources"], as_the_emulator_takes_it(ROOT / "template.yaml", "http://here")["Resources"]
    gone = {whole[name]["Type"] for name in set(whole) - set(here)}
    lost = {
        key for name in here for key in set(whole[name].get("Properties", {})) - set(here[name].get("Properties", {}))
    }
    alarms = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
    assert gone <= {"AWS::Logs::QueryDefinition", "AWS::SQS::QueuePolicy"} | alarms
    assert all("Metrics" in whole[n]["Properties"] for n in set(whole) - set(here) if n in _alarms(whole))
    assert lost == {"DeploymentPreference", "AutoPublishAlias"}


def _alarms(resources: dict[str, Any]) -> set[str]:
    return {name for name, made in resources.items() if made["Type"] == "AWS::CloudWatch::Alarm"}


@pytest.mark.parametrize("platform", HERE)
def test_what_is_deployed_here_names_nothing_that_is_left_out(platform: str) -> None:
    template = as_the_emulator_takes_it(ROOT / "template.yaml", "http://here")
    assert dangling(as_deployed(expand(template, HERE[platform]), HERE[platform])) == []


def test_whoever_starts_the_local_stack_is_told() -> None:
    told = " ".join(summary().split())
    assert [part.what for part in LEFT_OUT if part.what not in told] == []


@pytest.mark.parametrize("part", LEFT_OUT, ids=by_what)
def test_the_docs_say_what_and_why(part: Part) -> None:
    assert f"| {part.what} | {part.why} |" in _section("docs/architecture.md", "On one machine")
