"""What a rehearsal costs at most, and how long it takes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from local.load.bill import prices_of
from local.rehearsal import price
from local.rehearsal.plan import DRY, Plan
from tests.support.template import PARAMETERS, ROOT

PLAN = Plan("3fa2", ("v1", "dfo"), DRY, {"VpcId": "vpc-1"})


def test_the_fixed_price_covers_what_cost_md_counts_whatever_the_load() -> None:
    """But for NAT gateways: a rehearsal makes none, and says that its price has none in it."""
    table = (ROOT / "docs/cost.md").read_text().partition("## Per month, whatever the load")[2]
    rows = re.findall(r"^\| (.*?) \|.*\| ([\d.]+) \|$", table.partition("\n## ")[0], flags=re.MULTILINE)
    made = [float(dollars) for what, dollars in rows if not what.startswith("or NAT gateways")]
    assert len(rows) - 1 == len(made) >= 6
    assert sum(made) <= price.FIXED_A_MONTH


def test_both_platforms_cost_less_than_a_dollar() -> None:
    assert 0 < price.dollars(PLAN, prices_of("v1")) < 1


@pytest.mark.parametrize(
    "more", [{"platforms": ("v1",)}, {"shift": "Canary10Percent5Minutes"}, {"minutes": 15.0}, {"visitors": 500}]
)
def test_what_takes_longer_or_is_more_costs_more(more: dict[str, Any]) -> None:
    changed, prices = replace(PLAN, **more), prices_of("v1")
    is_less = "platforms" in more
    assert (price.dollars(changed, prices) < price.dollars(PLAN, prices)) is is_less
    assert (price.minutes(changed) < price.minutes(PLAN)) is is_less


@pytest.mark.parametrize("shift", PARAMETERS["DeploymentType"]["AllowedValues"])
def test_every_type_of_deployment_has_its_time(shift: str) -> None:
    assert price.minutes(replace(PLAN, shift=shift)) >= price.minutes(PLAN)
