"""`make preflight` on an account of the emulator's, from one where nothing is ready to one that can be deployed to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from local.deploying.images import REPOSITORY
from local.stack.aws import REGION, Aws
from local.stack.deploy import ROOT
from local.stack.emulator import Emulator

ACCOUNT = "000000000000"  # the emulator's
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}"


@dataclass
class Done:
    """A command that has ended."""

    status: int
    text: str

    def wrong(self) -> list[str]:
        return [line.split(maxsplit=2)[2] for line in self.text.splitlines() if line.startswith("  ✗")]


class Office:
    """Where somebody prepares a deployment: the account, and a samconfig.toml with the values filled in."""

    def __init__(self, emulator: Emulator, aws: Aws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.environment = emulator.client_environment() | {"PATH": f"{folder}:{os.environ['PATH']}"}
        for program in ("sam", "python3.13"):
            (folder / program).write_text("#!/bin/sh\n")
            (folder / program).chmod(0o755)
        ec2 = aws.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
            for n, zone in enumerate("ab")
        ]

    def make_a_way_out(self, **target: str) -> None:
        """For the VPC's main route table, and so for both subnets."""
        ec2 = self.aws.client("ec2")
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        ec2.create_route(RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", **target)

    def push_image(self, tag: str, *processors: str) -> None:
        entries = [
            {"platform": {"architecture": name, "os": "linux"}, "digest": f"sha256:{tag}"} for name in processors
        ]
        index = {"schemaVersion": 2, "manifests": entries}
        self.aws.client("ecr").put_image(
            repositoryName=REPOSITORY,
            imageManifest=json.dumps(index),
            imageManifestMediaType="application/vnd.oci.image.index.v1+json",
            imageTag=tag,
        )

    def preflight(self, given: dict[str, str], **environment: str) -> Done:
        return self._run("preflight", {"SAMCONFIG": str(self._samconfig(given)), **environment})

    def _run(self, command: str, environment: dict[str, str]) -> Done:
        program = [sys.executable, "-m", f"local.commands.{command}"]
        done = subprocess.run(
            program, cwd=ROOT, env=self.environment | environment, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout + done.stderr)

    def _samconfig(self, given: dict[str, str]) -> Path:
        """The project's own, with these values in the places to fill in."""
        text = (ROOT / "samconfig.toml").read_text()
        for name, value in given.items():
            text = text.replace(f"{name}=FILL_IN", f"{name}={value}")
        path = self.folder / "samconfig.toml"
        path.write_text(text)
        return path

    def filled(self, tag: str = "good") -> dict[str, str]:
        return {
            "CxoneOrgId": "acme",
            "KeeperImage": f"{IMAGE}:{tag}",
            "VpcId": self.vpc,
            "SubnetIds": ",".join(subnet["SubnetId"] for subnet in self.subnets),
        }


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("emulator")
    with mock.patch.dict(os.environ, LAMBDA_ACCOUNT_CONCURRENCY="1000"):  # else as many as this machine's memory takes
        started = Emulator(folder, folder / "log")
    started.wait_until_ready()
    yield started
    started.child.stop()


@pytest.fixture
def office(emulator: Emulator, tmp_path: Path) -> Office:
    return Office(emulator, Aws(emulator.endpoint_url), tmp_path)


@pytest.fixture
def ready(office: Office) -> Office:
    """All is there: a NAT gateway, ECS's role, an image."""
    ec2, iam, ecr = (office.aws.client(service) for service in ("ec2", "iam", "ecr"))
    nat: dict[str, Any] = ec2.create_nat_gateway(SubnetId=office.subnets[0]["SubnetId"], ConnectivityType="private")
    office.make_a_way_out(NatGatewayId=nat["NatGateway"]["NatGatewayId"])
    try:
        iam.create_role(RoleName="AWSServiceRoleForECS", AssumeRolePolicyDocument="{}")
        ecr.create_repository(repositoryName=REPOSITORY)
        office.push_image("good", "arm64", "amd64")
        office.push_image("for-pcs", "amd64")
    except iam.exceptions.EntityAlreadyExistsException:
        pass  # another test of this account's made them
    return office


def test_in_a_new_account_all_that_is_missing_is_named_at_once(office: Office) -> None:
    done = office.preflight(office.filled("never-pushed"))
    first, second = (subnet["SubnetId"] for subnet in office.subnets)
    assert done.status == 1
    assert [line.partition(":")[0].partition(" has ")[0] for line in done.wrong()[:2]] == [first, second]
    assert any("no such" in line for line in done.wrong())
    assert "Not ready" in done.text


def test_where_all_is_there_it_is_ready(ready: Office) -> None:
    done = ready.preflight(ready.filled())
    assert (done.wrong(), done.status, done.text.splitlines()[-1]) == ([], 0, "Ready to deploy; 2 to think about.")


def test_one_nat_gateway_for_two_zones_and_for_dynamodb_is_warned_of(ready: Office) -> None:
    warnings = [line.split()[1] for line in ready.preflight(ready.filled()).text.splitlines() if line.startswith("  !")]
    assert warnings == ["NAT", "DynamoDB"]


def test_an_endpoint_of_ones_own_is_seen(ready: Office) -> None:
    ec2 = ready.aws.client("ec2")
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [ready.vpc]}])["RouteTables"]
    ec2.create_vpc_endpoint(
        VpcId=ready.vpc,
        ServiceName=f"com.amazonaws.{REGION}.dynamodb",
        RouteTableIds=[tables[0]["RouteTableId"]],
    )
    assert "DynamoDB" not in ready.preflight(ready.filled()).text


def test_an_image_for_another_processor_is_found_out(ready: Office) -> None:
    [told] = ready.preflight(ready.filled("for-pcs")).wrong()
    assert told == f"{IMAGE}:for-pcs is for amd64; the keeper runs on arm64"


def test_public_subnets_want_public_addresses(ready: Office) -> None:
    ec2 = ready.aws.client("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [ready.vpc]}])["RouteTables"]
    ec2.delete_route(RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=ready.vpc)
    ready.make_a_way_out(GatewayId=gateway)
    assert len([line for line in ready.preflight(ready.filled()).wrong() if "public subnet" in line]) == 2


def test_an_unfilled_file_is_not_ready(ready: Office) -> None:
    done = ready.preflight({})
    assert done.wrong() == [f"{name} is not filled in" for name in ("CxoneOrgId", "KeeperImage", "VpcId", "SubnetIds")]


def test_it_says_which_environments_there_are(ready: Office) -> None:
    done = ready.preflight({}, ENV="staging")
    assert (done.status, "default, production" in done.text) == (2, True)


def test_wrong_credentials_are_named(ready: Office) -> None:
    done = ready.preflight(ready.filled(), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert any("credentials" in line for line in done.wrong())


def test_whoever_may_look_at_nothing_hears_what_to_allow(ready: Office) -> None:
    """The emulator enforces policies, as AWS does: a user without any."""
    iam = ready.aws.client("iam")
    iam.create_user(UserName="newcomer")
    key = iam.create_access_key(UserName="newcomer")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    done = ready.preflight(ready.filled(), **keys)
    assert (done.wrong(), done.status) == ([], 0)
    assert "allow ec2:DescribeSubnets, ec2:DescribeRouteTables" in done.text
