"""What is asked of AWS before a deployment, and how its answers are taken. botocore's Stubber is the edge."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from botocore.stub import Stubber

from local.deploying.account import Account
from local.deploying.facts import Facts, Image, Nat, NoCaller, NoImage, NotEcr, OutOfReach, RouteTable, TablesEndpoint
from local.deploying.template_rules import complete
from tests.support.template import TEMPLATE

URI = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/typing-relay/guest-keeper:0.1.0"
VALUES = complete(TEMPLATE, {"KeeperImage": URI, "VpcId": "vpc-0a", "SubnetIds": "subnet-0a"})


class Stubbed(Account):
    """An account whose clients answer as told, service by service, in order: (call, answer or error code)."""

    def __init__(self, answers: dict[str, list[tuple[str, Any]]], config: Any = None) -> None:
        super().__init__(get_json=lambda _: config)
        self._clients = {service: self._stubbed(service, calls) for service, calls in answers.items()}

    @staticmethod
    def _stubbed(service: str, calls: list[tuple[str, Any]]) -> Any:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client = boto3.client(service, region_name="eu-central-1", **keys)
        stubber = Stubber(client)
        for call, answer in calls:
            if isinstance(answer, str):
                stubber.add_client_error(call, answer, answer)
            else:
                stubber.add_response(call, answer)
        stubber.activate()
        return client

    def client(self, service: str, region: str | None = None) -> Any:
        return self._clients[service]


class Broken(Account):
    """An account for which no client can be made, or used."""

    def __init__(self, error: BotoCoreError) -> None:
        super().__init__()
        self._error = error

    def client(self, service: str, region: str | None = None) -> Any:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoCredentialsError(), "absent"),
        (ProfileNotFound(profile="shop"), "absent"),
        (UnauthorizedSSOTokenError(), "expired"),
        (EndpointConnectionError(endpoint_url="https://sts"), "unreachable"),
    ],
)
def test_credentials_that_cannot_be_used_are_told_apart(error: BotoCoreError, kind: str) -> None:
    assert Broken(error).caller() == NoCaller(kind, str(error))


@pytest.mark.parametrize(("code", "kind"), [("ExpiredToken", "expired"), ("InvalidClientTokenId", "refused")])
def test_credentials_that_aws_refuses_are_told_apart(code: str, kind: str) -> None:
    told = Stubbed({"sts": [("get_caller_identity", code)]}).caller()
    assert told == NoCaller(kind, f"AWS refuses the credentials: {code}")


def test_without_a_region_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert Account().caller() == NoCaller("no region", "no region is named")


def image_of(calls: list[tuple[str, Any]], config: Any = None, uri: str = URI) -> Any:
    nobody = [("get_role", "AccessDenied")]
    account = Stubbed(
        {
            "ecr": calls,
            "iam": nobody,
            "lambda": [("get_account_settings", "AccessDeniedException")],
            "cloudformation": [("describe_stacks", "AccessDenied")],
        },
        config,
    )
    return account.facts("shop", VALUES | {"KeeperImage": uri, "VpcId": "", "SubnetIds": ""}).image


def manifest(content: dict[str, Any]) -> list[tuple[str, Any]]:
    return [("batch_get_image", {"images": [{"imageManifest": json.dumps(content)}], "failures": []})]


def test_an_index_says_for_which_processors_the_image_is() -> None:
    index = {"manifests": [{"platform": {"architecture": "arm64"}}, {"platform": {"architecture": "amd64"}}]}
    assert image_of(manifest(index)) == Image(frozenset({"arm64", "amd64"}))


def test_of_a_single_image_its_description_says_so() -> None:
    single = manifest({"config": {"digest": "sha256:" + "a" * 64}})
    url = ("get_download_url_for_layer", {"downloadUrl": "https://layer", "layerDigest": "sha256:" + "a" * 64})
    assert image_of([*single, url], {"architecture": "amd64"}) == Image(frozenset({"amd64"}))


@pytest.mark.parametrize(
    ("answer", "image"),
    [
        ("RepositoryNotFoundException", NoImage("repository")),
        ({"images": [], "failures": [{"failureCode": "ImageNotFound"}]}, NoImage("image")),
        ("AccessDeniedException", OutOfReach("AccessDeniedException", "ecr:BatchGetImage, ecr:GetDownloadUrlForLayer")),
        ("ServerException", OutOfReach("ServerException")),
    ],
)
def test_an_image_that_is_not_there_is_not_one_that_may_not_be_seen(answer: Any, image: Any) -> None:
    assert image_of([("batch_get_image", answer)]) == image


def test_another_registry_is_not_asked() -> None:
    assert image_of([], uri="ghcr.io/shop/keeper:1") == NotEcr()


def test_what_is_not_filled_in_is_not_asked() -> None:
    assert image_of([], uri="FILL_IN") is None


SUBNETS = {
    "Subnets": [
        {
            "SubnetId": f"subnet-0{name}",
            "VpcId": "vpc-0a",
            "AvailabilityZone": f"eu-central-1{name}",
            "AvailableIpAddressCount": 200,
        }
        for name in "ab"
    ]
}
TABLES = {
    "RouteTables": [
        {
            "RouteTableId": "rtb-0a",
            "VpcId": "vpc-0a",
            "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-01"}],
            "Associations": [{"SubnetId": "subnet-0a"}],
        },
        {
            "RouteTableId": "rtb-0m",
            "VpcId": "vpc-0a",
            "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-02"}],
            "Associations": [{"Main": True}],
        },
    ]
}
DYNAMODB = "com.amazonaws.eu-central-1.dynamodb"


def network_of(nats: Any, endpoints: Any) -> Facts:
    ec2 = [
        *(("describe_subnets", SUBNETS), ("describe_route_tables", TABLES)),
        *(("describe_nat_gateways", nats), ("describe_vpc_endpoints", endpoints)),
    ]
    account = Stubbed(
        {
            "ec2": ec2,
            "iam": [("get_role", "AccessDenied")],
            "lambda": [("get_account_settings", "AccessDeniedException")],
            "cloudformation": [("describe_stacks", "AccessDenied")],
        }
    )
    return account.facts("shop", VALUES | {"KeeperImage": "", "VpcId": "", "SubnetIds": "subnet-0a,subnet-0b"})


def test_of_a_nat_gateway_its_usable_addresses_count() -> None:
    """One without a status is as old as the gateway; one that is just being added carries nothing yet."""
    addresses = [{"PublicIp": "1.1.1.1"}, {"Status": "succeeded"}, {"Status": "associating"}]
    regional = {"NatGatewayId": "nat-02", "AvailabilityMode": "regional", "AutoScalingIps": "enabled"}
    answer = {"NatGateways": [{"NatGatewayId": "nat-01", "NatGatewayAddresses": addresses}, regional]}
    assert network_of(answer, {"VpcEndpoints": []}).nats == {
        "nat-01": Nat("nat-01", 2),
        "nat-02": Nat("nat-02", 1, is_regional=True, adds_addresses=True),
    }


def test_of_the_vpcs_endpoints_those_count_that_are_gateways_to_dynamodb() -> None:
    of_vpc = {"VpcId": "vpc-0a", "RouteTableIds": ["rtb-0a"]}
    own = {"Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "shop"}]}
    endpoints = [
        {"VpcEndpointId": "vpce-1", "ServiceName": DYNAMODB, **of_vpc, **own},
        {"VpcEndpointId": "vpce-2", "ServiceName": "com.amazonaws.eu-central-1.s3", **of_vpc},
        {"VpcEndpointId": "vpce-3", "ServiceName": DYNAMODB, "VpcId": "vpc-0a"},
    ]
    found = network_of({"NatGateways": []}, {"VpcEndpoints": endpoints})
    assert found.endpoints == (TablesEndpoint("vpce-1", frozenset({"rtb-0a"}), "shop"),)


def test_each_subnet_goes_by_its_own_table_or_the_main_one() -> None:
    found = network_of({"NatGateways": []}, {"VpcEndpoints": []})
    assert not isinstance(found.subnets, OutOfReach)
    assert {id_: (s.route_table, s.way_out) for id_, s in found.subnets.items()} == {
        "subnet-0a": ("rtb-0a", "nat-01"),
        "subnet-0b": ("rtb-0m", "nat-02"),
    }
    assert found.route_tables == {
        "rtb-0a": RouteTable("rtb-0a", is_main=False, subnets=frozenset({"subnet-0a"})),
        "rtb-0m": RouteTable("rtb-0m", is_main=True, subnets=frozenset()),
    }


def test_whoever_may_not_see_nat_gateways_and_endpoints_hears_which_permission_shows_them() -> None:
    found = network_of("UnauthorizedOperation", "UnauthorizedOperation")
    assert found.nats == OutOfReach("UnauthorizedOperation", "ec2:DescribeNatGateways")
    assert found.endpoints == OutOfReach("UnauthorizedOperation", "ec2:DescribeVpcEndpoints")
