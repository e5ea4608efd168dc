"""What is known of an account, and what that means for a deployment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.deploying.account_rules import account, caller, processor_of, tools
from local.deploying.facts import (
    Caller,
    Facts,
    Image,
    NoCaller,
    NoImage,
    NotEcr,
    OutOfReach,
    Subnet,
    Tools,
    Vpc,
)
from local.deploying.findings import Finding, closing, unseen, well, wrong
from local.deploying.template_rules import complete
from local.smoke.verdicts import Mark
from tests.support.template import TEMPLATE

VPC = "vpc-0abc"
A = Subnet("subnet-0a", VPC, "eu-central-1a", 200, "nat-01")
B = Subnet("subnet-0b", VPC, "eu-central-1b", 200, "nat-02")
WELL = Facts(
    stack="",
    ecs_role=True,
    lambda_limit=1000,
    image=Image(frozenset({"arm64", "amd64"})),
    vpc=Vpc(VPC, resolves_names=True),
    subnets={A.id: A, B.id: B},
)
GIVEN = {
    "CxoneOrgId": "acme",
    "KeeperImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/typing-relay/guest-keeper:0.1.0",
    "VpcId": VPC,
    "SubnetIds": f"{A.id},{B.id}",
}
WHO = Caller("123456789012", "arn:aws:iam::123456789012:user/ops", "eu-central-1")


def found(facts: Facts, **given: str) -> list[Finding]:
    return account(facts, complete(TEMPLATE, {**GIVEN, **given}), WHO, "shop", TEMPLATE)


def wrongs(facts: Facts, **given: str) -> list[Finding]:
    return [finding for finding in found(facts, **given) if finding.mark is Mark.WRONG]


def the_wrong(facts: Facts, **given: str) -> Finding:
    [only] = wrongs(facts, **given)
    return only


def with_subnets(*subnets: Subnet) -> Facts:
    return replace(WELL, subnets={subnet.id: subnet for subnet in subnets})


def test_an_account_where_all_is_there_is_well() -> None:
    assert {finding.mark for finding in found(WELL)} == {Mark.WELL}


class TestSubnets:
    def test_one_without_a_way_out_is_wrong(self) -> None:
        told = the_wrong(with_subnets(A, replace(B, way_out=None)))
        assert ("subnet-0b has no way out" in told.text, "NAT gateway" in told.todo) == (True, True)

    def test_a_route_to_a_gateway_that_is_gone_is_none(self) -> None:
        told = the_wrong(with_subnets(A, replace(B, is_dead=True)))
        assert ("leads nowhere" in told.text, "nat-02" in told.todo) == (True, True)

    def test_a_public_one_wants_public_addresses(self) -> None:
        public = with_subnets(replace(A, way_out="igw-1"), replace(B, way_out="igw-1"))
        assert [finding.todo.partition(",")[0] for finding in wrongs(public)] == ["AssignPublicIp=ENABLED"] * 2
        assert wrongs(public, AssignPublicIp="ENABLED") == []

    @pytest.mark.parametrize("way_out", ["nat-1", "tgw-1", "eni-1", "i-1"])
    def test_whatever_else_a_route_leads_to_may_be_a_way_out(self, way_out: str) -> None:
        assert wrongs(with_subnets(A, replace(B, way_out=way_out))) == []

    def test_one_of_another_vpc_is_wrong(self) -> None:
        told = the_wrong(with_subnets(A, replace(B, vpc="vpc-0def")))
        assert "subnet-0b is in vpc-0def" in told.text

    def test_one_that_is_not_there_is_wrong(self) -> None:
        assert "subnet-0b is not in this account and region" in the_wrong(with_subnets(A)).text

    def test_two_of_one_zone_do_not_survive_its_loss(self) -> None:
        assert "all in one zone" in the_wrong(with_subnets(A, replace(B, zone=A.zone))).text

    def test_a_single_one_does_not_either(self) -> None:
        assert "only one is given" in the_wrong(with_subnets(A), SubnetIds=A.id).text

    @pytest.mark.parametrize(("free", "count"), [(1, 1), (2, 0)])
    def test_a_deployment_needs_addresses_for_new_keepers_beside_the_old(self, free: int, count: int) -> None:
        small = with_subnets(replace(A, free_addresses=2), replace(B, free_addresses=free))
        assert len(wrongs(small, KeeperMinTasks="2")) == count

    def test_placeholders_are_not_looked_for(self) -> None:
        assert wrongs(replace(WELL, subnets={}), SubnetIds="FILL_IN") == []


class TestVpc:
    def test_one_that_is_not_there_is_wrong(self) -> None:
        told = the_wrong(replace(WELL, vpc=None, vpc_is_missing=True))
        assert f"{VPC} is not in this account and region" in told.text

    def test_one_that_resolves_no_names_is_wrong(self) -> None:
        assert "resolves no names" in the_wrong(replace(WELL, vpc=Vpc(VPC, resolves_names=False))).text


class TestImage:
    def test_it_must_be_for_the_tasks_processor(self) -> None:
        told = the_wrong(replace(WELL, image=Image(frozenset({"amd64"}))))
        assert ("is for amd64; the keeper runs on arm64" in told.text, "make image" in told.todo) == (True, True)

    @pytest.mark.parametrize("what", ["repository", "image"])
    def test_one_that_is_not_there_is_to_be_made(self, what: str) -> None:
        told = the_wrong(replace(WELL, image=NoImage(what)))
        assert (f"no such {what}" in told.text, "make image" in told.todo) == (True, True)

    def test_another_registry_is_not_asked(self) -> None:
        [told] = [f for f in found(replace(WELL, image=NotEcr())) if f.mark is Mark.UNSEEN]
        assert "not in ECR" in told.text

    def test_the_processor_is_the_one_that_the_template_names(self) -> None:
        assert processor_of(TEMPLATE) == "arm64"


class TestStack:
    @pytest.mark.parametrize("status", ["", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
    def test_it_is_made_or_updated(self, status: str) -> None:
        assert wrongs(replace(WELL, stack=status)) == []

    @pytest.mark.parametrize(
        ("status", "todo"),
        [
            ("ROLLBACK_COMPLETE", "sam delete --stack-name shop"),
            ("DELETE_FAILED", "sam delete --stack-name shop"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name shop"),
            ("UPDATE_IN_PROGRESS", "wait"),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait"),
        ],
    )
    def test_one_that_takes_no_deployment_is_wrong(self, status: str, todo: str) -> None:
        assert todo in the_wrong(replace(WELL, stack=status)).todo


class TestAccount:
    def test_ecs_that_has_no_role_yet_is_wrong(self) -> None:
        assert "create-service-linked-role" in the_wrong(replace(WELL, ecs_role=False)).todo

    @pytest.mark.parametrize(
        ("keystroke", "handshake", "count"), [("700", "100", 0), ("701", "100", 1), ("0", "451", 1)]
    )
    def test_bounds_must_leave_a_hundred_functions_unreserved(self, keystroke: str, handshake: str, count: int) -> None:
        told = wrongs(WELL, KeystrokeConcurrency=keystroke, HandshakeConcurrency=handshake)
        assert [finding.about for finding in told] == ["concurrency"] * count

    @pytest.mark.parametrize(("limit", "mark"), [(10, Mark.WARNED), (999, Mark.WARNED), (1000, Mark.WELL)])
    def test_a_small_account_is_warned_and_told_what_is_needed(self, limit: int, mark: Mark) -> None:
        """It can be deployed to, and tried; not gone live with."""
        [told] = [f for f in found(replace(WELL, lambda_limit=limit)) if f.about == "concurrency"]
        assert (told.mark, "1000 for 1,000 people typing" in told.todo) == (mark, mark is Mark.WARNED)

    def test_a_certificate_of_another_region_is_wrong(self) -> None:
        arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
        assert "in us-east-1" in the_wrong(WELL, ApiDomainName="t.shop.example", ApiCertificateArn=arn).text

    def test_what_nat_and_endpoints_may_not_be_looked_at_is_said_with_the_permission_for_it(self) -> None:
        hidden = replace(WELL, nats=OutOfReach("UnauthorizedOperation", "a"), endpoints=OutOfReach("Denied", "b"))
        told = [finding for finding in found(hidden) if finding.mark is Mark.UNSEEN]
        assert [(finding.about, finding.todo) for finding in told] == [("NAT", "allow a"), ("DynamoDB", "allow b")]

    def test_what_may_not_be_looked_at_is_said_with_the_permission_for_it(self) -> None:
        no = OutOfReach("AccessDenied", "the:Permission")
        blind = Facts(stack=no, ecs_role=no, lambda_limit=no, image=no, vpc=no, subnets=no)
        told = found(blind)
        assert {finding.mark for finding in told} == {Mark.UNSEEN}
        assert {finding.todo for finding in told} == {"allow the:Permission"}
        assert [finding.about for finding in told] == ["stack", "vpc", "subnets", "image", "ECS", "concurrency"]


@pytest.mark.parametrize(
    ("kind", "todo"),
    [
        ("absent", "aws configure"),
        ("expired", "aws sso login"),
        ("refused", "get-caller-identity"),
        ("no region", "AWS_DEFAULT_REGION"),
        ("unreachable", "proxy"),
    ],
)
def test_each_kind_of_missing_credentials_has_its_own_remedy(kind: str, todo: str) -> None:
    [told] = caller(NoCaller(kind, "words of the SDK"))
    assert (told.mark, told.text, todo in told.todo) == (Mark.WRONG, "words of the SDK", True)


def test_tools_that_are_missing_are_named() -> None:
    lacking = tools(Tools(sam=False, python313=False))
    assert [finding.text for finding in lacking] == [
        "there is no SAM CLI on PATH",
        "sam build needs python3.13 on PATH",
    ]


@pytest.mark.parametrize(
    ("findings", "status"),
    [([well("a", "b")], 0), ([well("a", "b"), unseen("a", "b")], 0), ([unseen("a", "b"), wrong("a", "b", "c")], 1)],
)
def test_only_what_is_wrong_fails_it(findings: list[Finding], status: int) -> None:
    assert closing(findings)[1] == status
