"""What NAT gateways and routes mean for a deployment: one zone's loss, connections, and DynamoDB by the byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.deploying.facts import Facts, Nat, RouteTable, Subnet, TablesEndpoint
from local.deploying.findings import Finding
from local.deploying.nat_rules import nat
from local.deploying.template_rules import complete
from local.smoke.verdicts import Mark
from tests.support.template import TEMPLATE

A = Subnet("subnet-0a", "vpc-0a", "eu-central-1a", 200, "nat-01", route_table="rtb-0a")
B = Subnet("subnet-0b", "vpc-0a", "eu-central-1b", 200, "nat-02", route_table="rtb-0b")
#: A NAT gateway in each zone, and an endpoint that somebody else made for both tables.
WELL = Facts(
    stack="",
    ecs_role=True,
    lambda_limit=1000,
    subnets={A.id: A, B.id: B},
    route_tables={
        "rtb-0a": RouteTable("rtb-0a", is_main=False, subnets=frozenset({A.id})),
        "rtb-0b": RouteTable("rtb-0b", is_main=False, subnets=frozenset({B.id})),
    },
    nats={"nat-01": Nat("nat-01", 1), "nat-02": Nat("nat-02", 1)},
    endpoints=(TablesEndpoint("vpce-1", frozenset({"rtb-0a", "rtb-0b"})),),
)
NO_ENDPOINT = replace(WELL, endpoints=())


def found(facts: Facts, **given: str) -> list[Finding]:
    return nat(facts, complete(TEMPLATE, {"SubnetIds": f"{A.id},{B.id}", **given}), "shop")


def the_one(facts: Facts, **given: str) -> Finding:
    [only] = found(facts, **given)
    return only


def test_one_for_each_zone_and_an_endpoint_is_well() -> None:
    assert the_one(WELL).mark is Mark.WELL


def test_subnets_that_need_no_nat_are_not_judged() -> None:
    """Public ones, or a transit gateway whose far end is not ours to see."""
    public = {id_: replace(subnet, way_out="igw-1") for id_, subnet in {A.id: A, B.id: B}.items()}
    assert found(replace(NO_ENDPOINT, subnets=public)) == []


class TestSharedGateway:
    SHARED = replace(WELL, subnets={A.id: A, B.id: replace(B, way_out="nat-01")})

    def test_one_for_two_zones_is_warned_of(self) -> None:
        told = the_one(self.SHARED)
        assert (told.mark, "nat-01 is the way out of eu-central-1a and eu-central-1b" in told.text) == (
            Mark.WARNED,
            True,
        )

    def test_a_regional_one_is_in_both_zones(self) -> None:
        assert the_one(replace(self.SHARED, nats={"nat-01": Nat("nat-01", 2, is_regional=True)})).mark is Mark.WELL

    def test_two_subnets_of_one_zone_may_share_one(self) -> None:
        same_zone = {A.id: A, B.id: replace(B, way_out="nat-01", zone=A.zone)}
        assert the_one(replace(WELL, subnets=same_zone)).mark is Mark.WELL


class TestConnections:
    @pytest.mark.parametrize(
        ("addresses", "guests_a_task", "mark"),
        [(1, "1100", Mark.WELL), (1, "1101", Mark.WARNED), (2, "1101", Mark.WELL)],
    )
    def test_an_address_has_fifty_five_thousand_to_one_host(
        self, addresses: int, guests_a_task: str, mark: Mark
    ) -> None:
        """100 tasks of 1,100 guests are 110,000: what two gateways of one address each have."""
        facts = replace(WELL, nats={"nat-01": Nat("nat-01", addresses), "nat-02": Nat("nat-02", addresses)})
        assert the_one(facts, KeeperMaxTasks="100", KeeperMaxGuests=guests_a_task).mark is mark

    def test_the_warning_says_how_many_there_are_and_would_be(self) -> None:
        told = the_one(WELL, KeeperMaxTasks="100", KeeperMaxGuests="2000")
        assert ("200,000 guests" in told.text, "110,000" in told.text) == (True, True)

    def test_a_gateway_that_adds_addresses_by_itself_has_enough(self) -> None:
        regional = Nat("nat-01", 1, is_regional=True, adds_addresses=True)
        facts = replace(WELL, nats={"nat-01": regional}, subnets={A.id: A, B.id: replace(B, way_out="nat-01")})
        assert the_one(facts, KeeperMaxTasks="200", KeeperMaxGuests="2000").mark is Mark.WELL

    def test_a_parameter_that_is_no_number_is_for_the_templates_own_check(self) -> None:
        assert the_one(WELL, KeeperMaxTasks="many").mark is Mark.WELL


class TestEndpoint:
    def test_without_one_the_tables_to_give_are_named(self) -> None:
        told = the_one(NO_ENDPOINT)
        assert (told.mark, told.about, "RouteTableIds=rtb-0a,rtb-0b" in told.todo) == (Mark.WARNED, "DynamoDB", True)

    def test_one_for_a_part_of_the_subnets_leaves_the_others_to_pay(self) -> None:
        told = the_one(replace(WELL, endpoints=(TablesEndpoint("vpce-1", frozenset({"rtb-0a"})),)))
        assert "RouteTableIds=rtb-0b," in told.todo

    def test_the_stacks_own_is_enough(self) -> None:
        assert the_one(NO_ENDPOINT, RouteTableIds="rtb-0a,rtb-0b").mark is Mark.WELL

    def test_the_one_that_this_stack_made_before_is_not_in_its_way(self) -> None:
        own = TablesEndpoint("vpce-2", frozenset({"rtb-0a", "rtb-0b"}), stack="shop")
        assert the_one(replace(WELL, endpoints=(own,)), RouteTableIds="rtb-0a,rtb-0b").mark is Mark.WELL

    def test_this_stacks_own_goes_when_it_is_asked_for_no_longer(self) -> None:
        own = TablesEndpoint("vpce-2", frozenset({"rtb-0a", "rtb-0b"}), stack="shop")
        assert the_one(replace(WELL, endpoints=(own,))).mark is Mark.WARNED

    def test_a_table_that_has_one_takes_no_second(self) -> None:
        """CloudFormation would fail: the route is there."""
        told = the_one(WELL, RouteTableIds="rtb-0a")
        assert (told.mark, "by vpce-1 already" in told.text) == (Mark.WRONG, True)

    def test_a_table_of_other_subnets_would_cut_these_off(self) -> None:
        table = RouteTable("rtb-0a", is_main=False, subnets=frozenset({A.id, "subnet-of-others"}))
        facts = replace(NO_ENDPOINT, route_tables={**NO_ENDPOINT.route_tables, "rtb-0a": table})
        told = the_one(facts, RouteTableIds="rtb-0a,rtb-0b")
        assert (told.mark, "also that of subnet-of-others" in told.text) == (Mark.WRONG, True)

    def test_the_vpcs_main_table_is_everybodys(self) -> None:
        table = RouteTable("rtb-0a", is_main=True, subnets=frozenset())
        facts = replace(NO_ENDPOINT, route_tables={**NO_ENDPOINT.route_tables, "rtb-0a": table})
        assert "every subnet of the VPC that names no route table" in the_one(facts, RouteTableIds="rtb-0a,rtb-0b").text

    def test_a_table_of_another_vpc_is_wrong(self) -> None:
        told = the_one(WELL, RouteTableIds="rtb-0f")
        assert (told.mark, "rtb-0f is not a route table" in told.text) == (Mark.WRONG, True)

    def test_placeholders_are_not_looked_for(self) -> None:
        assert the_one(WELL, RouteTableIds="FILL_IN").mark is Mark.WELL
