"""What docs/operations.md says of the rehearsal is so."""

from __future__ import annotations

import re

import yaml

from local.load.bill import prices_of
from local.rehearsal import price
from local.rehearsal.plan import DRY, Plan, steps_of
from tests.support.template import ROOT, expanded

SECTION = (ROOT / "docs/operations.md").read_text().partition("\n## Rehearsal\n")[2].partition("\n## ")[0]
#: Of a type's second word, where IAM's word is another.
_IAM = {
    "ApiGatewayV2": "apigateway",
    "StepFunctions": "states",
    "SecretsManager": "secretsmanager",
    "ApplicationAutoScaling": "application-autoscaling",
}


def test_every_step_is_in_the_table() -> None:
    plan = Plan("3fa2", ("v1",), DRY, {"VpcId": "vpc-1"})
    told = {
        name.strip()
        for row in re.findall(r"^\| ([a-z ,]+) \|", SECTION, re.MULTILINE)
        for name in re.split(", or |,", row)
    }
    assert {step.name for step in steps_of(plan)} | {"load", "delete", "what is left"} <= told


def test_the_role_may_make_every_kind_of_thing_that_the_template_has() -> None:
    """On either platform, as SAM expands it."""
    kinds = {
        resource["Type"].split("::")[1]
        for platform in ("v1", "dfo")
        for resource in expanded(CxonePlatform=platform)["Resources"].values()
    }
    services = {_IAM.get(kind, kind.lower()) for kind in kinds}
    assert len(services) > 10
    assert {service for service in services if f"`{service}:" not in SECTION} == set()


def test_time_and_price_of_the_example_are_what_it_says() -> None:
    plan = Plan("3fa2", ("v1", "dfo"), DRY, {"VpcId": "vpc-1"})
    dollars = sum(price.dollars(plan, prices_of(platform)) for platform in ("v1", "dfo")) / 2
    assert f"About {price.minutes(plan)} minutes and at most ${dollars:.2f} at list prices" in SECTION


def test_the_workflows_variables_are_named() -> None:
    workflow = yaml.load((ROOT / ".github/workflows/rehearsal.yml").read_text(), Loader=yaml.BaseLoader)
    used = set(re.findall(r"vars\.(\w+)", str(workflow)))
    assert len(used) > 5
    assert {name for name in used if name not in SECTION} == set()
