"""Where AWS is: what boto3 would say, and clear words for what cannot be."""

from __future__ import annotations

import boto3
import pytest
from botocore.session import Session
from typing_relay.aws.services import Account, VisitorConnections
from typing_relay.aws.settings import AwsSettingWrong, checked, endpoint, region

#: Host's beginning, variable's end, boto3's name.
SERVICES = [
    ("dynamodb", "DYNAMODB", "dynamodb"),
    ("states", "SFN", "stepfunctions"),
    ("sqs", "SQS", "sqs"),
    ("secretsmanager", "SECRETS_MANAGER", "secretsmanager"),
]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any settings of its own."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(("name", "variable", "service"), SERVICES)
def test_every_region_of_every_partition_has_boto3s_endpoint(name: str, variable: str, service: str):
    session = Session()
    partitions = session.get_available_partitions()
    regions = [each for partition in partitions for each in session.get_available_regions(service, partition)]
    assert len(regions) > 30
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    theirs = {each: session.create_client(service, each, **keys).meta.endpoint_url for each in regions}
    assert {each: endpoint(name, variable, each) for each in regions} == theirs


def test_every_partition_that_boto3_knows_has_its_suffix():
    """Those without a region in its lists too."""
    for partition in Session().get_component("data_loader").load_data("partitions")["partitions"]:
        example = partition["outputs"]["implicitGlobalRegion"]
        assert endpoint("sqs", "SQS", example) == f"https://sqs.{example}.{partition['outputs']['dnsSuffix']}"


@pytest.mark.parametrize("variant", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
@pytest.mark.parametrize(("name", "variable", "service"), SERVICES)
def test_fips_and_dual_stack_are_boto3s_too(
    monkeypatch: pytest.MonkeyPatch, variant: str, name: str, variable: str, service: str
):
    monkeypatch.setenv(variant, "true")
    theirs = boto3.Session().client(service, "us-east-1").meta.endpoint_url
    assert endpoint(name, variable, "us-east-1") == theirs != f"https://{name}.us-east-1.amazonaws.com"


@pytest.mark.parametrize(("name", "variable", "service"), SERVICES)
def test_a_services_own_variable_beats_that_for_all(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, service: str
):
    """The names are boto3's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{variable}", "http://127.0.0.1:2")
    theirs = boto3.Session().client(service, "us-east-1").meta.endpoint_url
    assert endpoint(name, variable, "us-east-1") == theirs == "http://127.0.0.1:2"


def test_endpoints_of_the_environment_can_be_ignored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert endpoint("sqs", "SQS", "us-east-1") == "https://sqs.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    "url", ["localhost:4566", "ftp://aws", "https://", "http://aws:none", "http://aws:99999", "http://aws:0", "//a"]
)
def test_an_endpoint_that_is_no_url_is_refused_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(AwsSettingWrong, match="AWS_ENDPOINT_URL must be a URL like https://host"):
        endpoint("sqs", "SQS", "us-east-1")


def test_an_address_of_connections_that_is_no_url_is_refused_before_the_first_frame():
    with pytest.raises(AwsSettingWrong, match=r"^CONNECTIONS_URL must be a URL"):
        VisitorConnections(Account("us-east-1", None), "wss:/live", None)  # type: ignore[arg-type]


def test_an_address_of_the_keepers_lines_that_is_no_url_is_refused_by_the_name_of_its_own_setting():
    with pytest.raises(AwsSettingWrong, match=r"^KEEPER_CONNECTIONS_URL must be a URL"):
        VisitorConnections(
            Account("us-east-1", None),  # type: ignore[arg-type]
            "wss:/keepers",
            None,  # type: ignore[arg-type]
            "KEEPER_CONNECTIONS_URL",
        )


@pytest.mark.parametrize("url", ["https://aws.example", "http://127.0.0.1:4566", "http://[::1]:4566/path"])
def test_a_url_is_taken_as_it_is(url: str):
    assert checked(url, "X") == url


def test_lambdas_region_comes_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert region() == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert region() == "eu-central-1"


def test_a_profiles_region_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "config").write_text("[profile relay]\nregion = sa-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "relay")
    assert region() == "sa-east-1"


def test_without_a_region_the_message_says_how_to_give_one():
    with pytest.raises(AwsSettingWrong, match="Set AWS_REGION, or AWS_PROFILE"):
        region()
