"""Asks AWS what a deployment will find there. Read-only calls; what may not be asked is told as out of reach."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from local.deploying.facts import (
    Caller,
    Facts,
    Image,
    Nat,
    NoCaller,
    NoImage,
    NotEcr,
    OutOfReach,
    RouteTable,
    Subnet,
    TablesEndpoint,
    Vpc,
)
from local.deploying.images import EcrImage, config_of, ecr_image, processors
from local.deploying.template_rules import FILL_IN, asked_for

_PATIENCE = Config(retries={"total_max_attempts": 2}, connect_timeout=3, read_timeout=10)
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_MANIFESTS = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]
#: Where a route may lead, as EC2's answer spells it.
_TARGETS = (
    "NatGatewayId",
    "GatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)
_T = TypeVar("_T")


def _get_json(url: str) -> Any:
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return answer.json()


class Account:
    """The account and region that profile and environment name. `get_json` fetches what ECR gives a URL of."""

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        get_json: Callable[[str], Any] = _get_json,
    ) -> None:
        self._profile, self._region, self._get_json = profile, region, get_json
        self._session: Any = None

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client. BotoCoreError where credentials or region make no sense."""
        if self._session is None:
            self._session = boto3.Session(profile_name=self._profile, region_name=self._region)
        return self._session.client(service, region_name=region, config=_PATIENCE)

    def caller(self) -> Caller | NoCaller:
        """Who this is."""
        try:
            client = self.client("sts")
            if client.meta.region_name in (None, "aws-global"):
                raise NoRegionError
            answer = client.get_caller_identity()
        except NoRegionError:
            return NoCaller("no region", "no region is named")
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
            return NoCaller("absent", str(error))
        except (SSOError, TokenRetrievalError, CredentialRetrievalError) as error:
            return NoCaller("expired", str(error))
        except (ConnectionError, HTTPClientError) as error:
            return NoCaller("unreachable", str(error))
        except BotoCoreError as error:
            return NoCaller("absent", str(error))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return NoCaller("expired" if code in _EXPIRED else "refused", f"AWS refuses the credentials: {code}")
        return Caller(answer["Account"], answer["Arn"], client.meta.region_name)

    def facts(self, stack_name: str, values: Mapping[str, str]) -> Facts:
        """What is there. `values`: all parameters, defaults included."""
        vpc_id, image = _filled(values["VpcId"]), _filled(values["KeeperImage"])
        vpc = _ask("ec2:DescribeVpcs, ec2:DescribeVpcAttribute", lambda: self._vpc(vpc_id)) if vpc_id else None
        subnet_ids = asked_for(values["SubnetIds"])
        needs = "ec2:DescribeSubnets, ec2:DescribeRouteTables"
        network = _ask(needs, lambda: self._subnets(subnet_ids)) if subnet_ids else ({}, {})
        subnets, tables = (network, {}) if isinstance(network, OutOfReach) else network
        vpcs, ways_out = ({}, {}) if isinstance(subnets, OutOfReach) else _beyond(subnets)
        return Facts(
            stack=_ask("cloudformation:DescribeStacks", lambda: self._stack(stack_name)),
            ecs_role=_ask("iam:GetRole", self._ecs_role),
            lambda_limit=_ask("lambda:GetAccountSettings", self._lambda_limit),
            image=self._image(image) if image else None,
            vpc=vpc,
            vpc_is_missing=bool(vpc_id) and vpc is None,
            subnets=subnets,
            route_tables=tables,
            nats=_ask("ec2:DescribeNatGateways", lambda: self._nats(ways_out)) if ways_out else {},
            endpoints=_ask("ec2:DescribeVpcEndpoints", lambda: self._endpoints(vpcs)) if vpcs else (),
        )

    def _stack(self, name: str) -> str:
        try:
            [stack] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return ""
            raise
        return str(stack["StackStatus"])

    def _ecs_role(self) -> bool:
        try:
            self.client("iam").get_role(RoleName="AWSServiceRoleForECS")
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return False
            raise
        return True

    def _lambda_limit(self) -> int:
        return int(self.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])

    def _vpc(self, id_: str) -> Vpc | None:
        ec2 = self.client("ec2")
        if not ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [id_]}])["Vpcs"]:
            return None
        answer = ec2.describe_vpc_attribute(VpcId=id_, Attribute="enableDnsSupport")
        return Vpc(id_, bool(answer["EnableDnsSupport"]["Value"]))

    def _subnets(self, ids: list[str]) -> tuple[dict[str, Subnet], dict[str, RouteTable]]:
        ec2 = self.client("ec2")
        found = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": ids}])["Subnets"]
        vpcs = sorted({subnet["VpcId"] for subnet in found})
        pages = ec2.get_paginator("describe_route_tables").paginate(Filters=[{"Name": "vpc-id", "Values": vpcs}])
        tables = [table for page in pages for table in page["RouteTables"]] if vpcs else []
        subnets = {subnet["SubnetId"]: _subnet(subnet, tables) for subnet in found}
        return subnets, {table["RouteTableId"]: _route_table(table) for table in tables}

    def _nats(self, ids: Collection[str]) -> dict[str, Nat]:
        pages = (
            self.client("ec2")
            .get_paginator("describe_nat_gateways")
            .paginate(Filter=[{"Name": "nat-gateway-id", "Values": sorted(ids)}])
        )
        found = [nat for page in pages for nat in page["NatGateways"] if nat["NatGatewayId"] in ids]
        return {nat["NatGatewayId"]: _nat(nat) for nat in found}

    def _endpoints(self, vpcs: Collection[str]) -> tuple[TablesEndpoint, ...]:
        ec2 = self.client("ec2")
        service = f"com.amazonaws.{ec2.meta.region_name}.dynamodb"
        filters = [{"Name": "vpc-id", "Values": sorted(vpcs)}, {"Name": "service-name", "Values": [service]}]
        pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=filters)
        return tuple(
            _endpoint(endpoint)
            for page in pages
            for endpoint in page["VpcEndpoints"]
            if endpoint["VpcId"] in vpcs and endpoint["ServiceName"] == service and endpoint.get("RouteTableIds")
        )

    def _image(self, uri: str) -> Image | NoImage | NotEcr | OutOfReach:
        named = ecr_image(uri)
        if not named:
            return NotEcr()
        return _ask("ecr:BatchGetImage, ecr:GetDownloadUrlForLayer", lambda: self._in_ecr(named))

    def _in_ecr(self, named: EcrImage) -> Image | NoImage:
        ecr = self.client("ecr", named.region)
        repository = {"registryId": named.account, "repositoryName": named.repository}
        try:
            answer = ecr.batch_get_image(**repository, imageIds=[named.id], acceptedMediaTypes=_MANIFESTS)
        except ClientError as error:
            if error.response["Error"]["Code"] == "RepositoryNotFoundException":
                return NoImage("repository")
            raise
        if not answer["images"]:
            return NoImage("image")
        manifest = json.loads(answer["images"][0]["imageManifest"])
        config = config_of(manifest)
        if processors(manifest) or not config:
            return Image(processors(manifest))
        url = ecr.get_download_url_for_layer(**repository, layerDigest=config)["downloadUrl"]
        return Image(frozenset([str(self._get_json(url).get("architecture", "unknown"))]))


def _filled(value: str) -> str:
    return "" if FILL_IN in value else value


def _ask(needs: str, question: Callable[[], _T]) -> _T | OutOfReach:
    try:
        return question()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return OutOfReach(code, needs if "Denied" in code or "Unauthorized" in code else "")
    except (BotoCoreError, requests.RequestException) as error:
        return OutOfReach(type(error).__name__)


def _beyond(subnets: Mapping[str, Subnet]) -> tuple[set[str], set[str]]:
    """The subnets' VPCs, and the NAT gateways that their routes lead to."""
    ways_out = {subnet.way_out for subnet in subnets.values() if subnet.way_out and not subnet.is_dead}
    return {subnet.vpc for subnet in subnets.values()}, {way for way in ways_out if way.startswith("nat-")}


def _route_table(table: Mapping[str, Any]) -> RouteTable:
    joined = table.get("Associations", [])
    named = frozenset(association["SubnetId"] for association in joined if "SubnetId" in association)
    return RouteTable(table["RouteTableId"], any(association.get("Main") for association in joined), named)


def _nat(nat: Mapping[str, Any]) -> Nat:
    """Of an address that is just being added its status says so; older answers have none."""
    usable = [a for a in nat.get("NatGatewayAddresses", []) if a.get("Status", "succeeded") == "succeeded"]
    return Nat(
        id=nat["NatGatewayId"],
        addresses=max(len(usable), 1),
        is_regional=nat.get("AvailabilityMode") == "regional",
        adds_addresses=nat.get("AutoScalingIps") == "enabled",
    )


def _endpoint(endpoint: Mapping[str, Any]) -> TablesEndpoint:
    tags = {tag["Key"]: tag["Value"] for tag in endpoint.get("Tags", [])}
    stack = tags.get("aws:cloudformation:stack-name", "")
    return TablesEndpoint(endpoint["VpcEndpointId"], frozenset(endpoint["RouteTableIds"]), stack)


def _subnet(subnet: Mapping[str, Any], tables: list[Mapping[str, Any]]) -> Subnet:
    table = _table_of(subnet, tables)
    route = _default_route(table)
    return Subnet(
        id=subnet["SubnetId"],
        vpc=subnet["VpcId"],
        zone=subnet["AvailabilityZone"],
        free_addresses=subnet["AvailableIpAddressCount"],
        way_out=next((route[key] for key in _TARGETS if route.get(key)), None),
        is_dead=route.get("State") == "blackhole",
        route_table=table.get("RouteTableId", ""),
    )


def _table_of(subnet: Mapping[str, Any], tables: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The subnet's own route table, or else its VPC's main one."""
    joined = [(association, table) for table in tables for association in table.get("Associations", [])]
    own = [table for association, table in joined if association.get("SubnetId") == subnet["SubnetId"]]
    main = [t for association, t in joined if association.get("Main") and t["VpcId"] == subnet["VpcId"]]
    return next(iter([*own, *main]), {})


def _default_route(table: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((r for r in table.get("Routes", []) if r.get("DestinationCidrBlock") == "0.0.0.0/0"), {})
