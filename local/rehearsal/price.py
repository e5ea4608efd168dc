"""Roughly what a rehearsal costs, at most. Pure."""

from __future__ import annotations

from local.load.bill import Prices
from local.rehearsal.plan import Plan

#: Dollars a month of a stack whatever its load: the table in docs/cost.md, rounded up; a test compares. AWS bills all
#: of it by the hour or less.
FIXED_A_MONTH = 60.0
_HOURS_A_MONTH = 730
#: A deployment with its keepers, an update, a roll back and a deletion, how long each takes, roughly (min).
_MINUTES_A_DEPLOYMENT = {"deploy": 6, "update": 6, "roll back": 6, "delete": 8}
#: What looking at it takes (min): three smoke tests.
_MINUTES_OF_LOOKING = 4
#: How long a type of deployment shifts (min); the state machine and each function do it side by side.
_SHIFTS = {
    "AllAtOnce": 0,
    "Canary10Percent5Minutes": 5,
    "Canary10Percent15Minutes": 15,
    "Linear10PercentEvery1Minute": 10,
    "Linear10PercentEvery3Minutes": 30,
}
#: More bursts than anybody types in a minute.
_BURSTS_A_MINUTE = 6


def minutes(plan: Plan) -> int:
    """Roughly how long it takes in an account."""
    one = sum(_MINUTES_A_DEPLOYMENT.values()) + _MINUTES_OF_LOOKING + plan.minutes + _SHIFTS[plan.shift]
    return round(one * len(plan.platforms))


def dollars(plan: Plan, prices: Prices) -> float:
    """At list prices, without what is yours already (a NAT gateway) and CXone's own."""
    hours = len(plan.platforms) * minutes(plan) / 60
    typing = len(plan.platforms) * plan.visitors * plan.minutes * _BURSTS_A_MINUTE * prices.burst
    return FIXED_A_MONTH / _HOURS_A_MONTH * hours + typing


def an_hour(plan: Plan) -> float:
    """Dollars of stacks that are kept."""
    return len(plan.platforms) * FIXED_A_MONTH / _HOURS_A_MONTH
