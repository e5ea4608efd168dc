"""How template.yaml scales the keepers, and how many guests a task holds. docs/keeper.md has the measurements."""

import pytest
from typing_relay.keeper.guests.custody import Terms

from tests.support.template import PARAMETERS, of_type, properties


def test_scales_by_guests_held_by_cpu_and_by_guests_waiting() -> None:
    policies = {
        name: policy["TargetTrackingScalingPolicyConfiguration"]
        for name, policy in of_type("AWS::ApplicationAutoScaling::ScalingPolicy").items()
        if policy["PolicyType"] == "TargetTrackingScaling"
    }
    held, cpu = policies.pop("KeeperScalingByGuestsHeld"), policies.pop("KeeperScalingByCpu")
    assert policies == {}
    assert held["CustomizedMetricSpecification"]["MetricName"] == "GuestsHeldPercent"
    assert cpu["PredefinedMetricSpecification"] == {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    assert properties("KeeperQueueGrows")["AlarmActions"] == [{"Ref": "KeeperScalingByQueue"}]


@pytest.mark.parametrize("policy", ["KeeperScalingByGuestsHeld", "KeeperScalingByCpu"])
def test_half_of_the_tasks_can_take_over_what_all_held(policy: str) -> None:
    """Two zones, one lost: the others hold, and work, twice as much, and a tenth is left for the taking over."""
    assert 2 * properties(policy)["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] <= 90


@pytest.mark.parametrize("policy", ["KeeperScalingByGuestsHeld", "KeeperScalingByCpu"])
def test_tasks_are_added_sooner_than_taken_away(policy: str) -> None:
    """Whoever is taken away hands its guests to others, each of which opens a new socket."""
    tracking = properties(policy)["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["ScaleOutCooldown"] < tracking["ScaleInCooldown"]


def test_guests_of_the_default_are_as_many_in_the_program() -> None:
    """Whoever starts it elsewhere is given what was measured."""
    assert PARAMETERS["KeeperMaxGuests"]["Default"] == Terms().max_guests


def test_all_tasks_of_the_default_hold_as_many_guests_as_one_address_of_a_nat_has_connections() -> None:
    """55,000 to one host (AWS: NAT gateway basics)."""
    most = PARAMETERS["KeeperMaxTasks"]["Default"] * PARAMETERS["KeeperMaxGuests"]["Default"]
    assert 50_000 <= most <= 55_000
