"""What the settings of `make rehearsal` mean, and what is said of those that make no sense."""

from __future__ import annotations

import pytest

from local.rehearsal.plan import DRY, Credentials, Plan, Tenant
from local.rehearsal.settings import BadSetting, is_on_emulator, plan_of, run_of
from tests.support.template import TEMPLATE

NETWORK = {"KEEPER_IMAGE": "registry/keeper:1", "VPC_ID": "vpc-1", "SUBNET_IDS": "subnet-1,subnet-2"}
GATEWAY = {
    "DFO_GATEWAY_URL": "wss://gateway.example",
    "DFO_CHAT_URL": "https://chat.example",
    "DFO_AUTHORIZE_URL": "https://login.example",
    "DFO_BRAND_ID": "7",
    "DFO_CHANNEL_ID": "chat_a",
}
V1 = {"CXONE_BASE_URL": "https://acme.example", "CXONE_SECRET_ARN": "arn:aws:secretsmanager:x:1:secret:y"}


def plan(configured: dict[str, str] | None = None, /, **given: str) -> Plan:
    return plan_of(given, configured or {}, TEMPLATE, "3fa2")


def test_without_a_tenant_both_platforms_meet_one_that_refuses() -> None:
    made = plan(**NETWORK)
    assert (made.platforms, made.tenants, made.run) == (("v1", "dfo"), DRY, "3fa2")
    assert (made.shift, made.keeps, made.on_emulator) == ("AllAtOnce", False, False)


def test_the_network_comes_from_samconfig_where_the_environment_is_silent() -> None:
    configured = {"KeeperImage": "FILL_IN", "VpcId": "vpc-9", "SubnetIds": "subnet-9", "AssignPublicIp": "ENABLED"}
    made = plan(configured, KEEPER_IMAGE="registry/keeper:1", VPC_ID="vpc-1")
    assert made.network == {
        "KeeperImage": "registry/keeper:1",
        "VpcId": "vpc-1",
        "SubnetIds": "subnet-9",
        "AssignPublicIp": "ENABLED",
    }


def test_no_tenant_comes_from_samconfig() -> None:
    """A rehearsal types at nobody who was not named for it."""
    assert plan({"CxoneOrgId": "live"}, **NETWORK).tenants == DRY


def test_a_rehearsal_without_keepers_needs_no_network() -> None:
    made = plan(KEEPER="0", **{"VPC_ID": "vpc-1"})
    assert (made.network, made.has_keeper) == ({}, False)


def test_on_the_emulator_keepers_are_processes_and_the_tenants_its_own_whatever_is_named() -> None:
    simulated = {"v1": Tenant({"CxoneBaseUrl": "http://127.0.0.1:1"}), "dfo": Tenant({}, contacts=True)}
    made = plan_of({"ON": "emulator", **V1, **GATEWAY}, {}, TEMPLATE, "3fa2", simulated)
    assert made.tenants == simulated
    assert "VpcId" not in made.network
    assert made.has_keeper


def test_a_tenant_of_v1_is_its_address_and_credentials() -> None:
    tenant = plan(**NETWORK, **V1, CXONE_SOCKET_HOST_SUFFIXES="sockets.example").tenants["v1"]
    assert tenant.parameters == {"CxoneBaseUrl": V1["CXONE_BASE_URL"], "CxoneSocketHostSuffixes": "sockets.example"}
    assert tenant.credentials == Credentials(secret_arn=V1["CXONE_SECRET_ARN"])
    assert not tenant.refuses


def test_a_tenant_of_digital_first_is_a_gateway_or_one_of_nices_environments() -> None:
    gateway = plan(**NETWORK, **GATEWAY, CONTACTS="1").tenants["dfo"]
    nices = plan(**NETWORK, DFO_ENVIRONMENT="EU1", DFO_BRAND_ID="7", DFO_CHANNEL_ID="chat_a").tenants["dfo"]
    assert gateway.parameters["DfoEnvironment"] == "custom"
    assert gateway.contacts
    assert nices.parameters == {"DfoEnvironment": "EU1", "DfoBrandId": "7", "DfoChannelId": "chat_a"}
    assert not nices.contacts


def test_a_dry_rehearsal_can_be_asked_for_where_a_tenant_is_named() -> None:
    assert plan(**NETWORK, **V1, TENANT="dry").tenants == DRY


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "KEEPER_IMAGE (KeeperImage), VPC_ID (VpcId), SUBNET_IDS (SubnetIds)"),
        ({}, "KEEPER=0"),
        ({"KEEPER_IMAGE": "image"}, "Not given: VPC_ID (VpcId), SUBNET_IDS"),
        ({**NETWORK, "PLATFORMS": "v1,v2"}, "PLATFORMS must be v1, dfo or v1,dfo, not 'v2'"),
        ({**NETWORK, "CANARY": "Canary50Percent"}, "CANARY must be one of AllAtOnce, Canary10Percent5Minutes"),
        ({**NETWORK, "VISITORS": "0"}, "VISITORS must be a number from 1 to 500"),
        ({**NETWORK, "MINUTES": "soon"}, "MINUTES must be a number from 0.1 to 15, not 'soon'"),
        ({**NETWORK, "KEEP": "yes"}, "KEEP must be one of 0, 1"),
        ({**NETWORK, "TENANT": "wet"}, "TENANT must be one of given, dry"),
        ({**NETWORK, "RUN": "3FA2"}, "RUN must be four hex digits"),
        ({**NETWORK, "RUN": "production"}, "RUN must be four hex digits"),
        ({**NETWORK, "ON": "azure"}, "ON must be aws or emulator"),
        ({**NETWORK, "CXONE_BASE_URL": "https://a.example"}, "CXONE_SECRET_ARN"),
        ({**NETWORK, "CXONE_ORG_ID": "acme", "CXONE_CLIENT_ID": "me"}, "CXONE_CLIENT_ID and CXONE_CLIENT_SECRET"),
        ({**NETWORK, **V1, "CXONE_ORG_ID": "acme"}, "take one of them out"),
        ({**NETWORK, "DFO_BRAND_ID": "7"}, "set DFO_CHANNEL_ID, DFO_GATEWAY_URL, DFO_CHAT_URL, DFO_AUTHORIZE_URL too"),
        ({**NETWORK, "DFO_ENVIRONMENT": "EU1"}, "set DFO_BRAND_ID, DFO_CHANNEL_ID too"),
        ({**NETWORK, **GATEWAY, "DFO_ENVIRONMENT": "EU1"}, "take one of them out"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(given: dict[str, str], told: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        plan(**given)
    assert told in str(refusal.value)
    assert given.get("CXONE_CLIENT_SECRET", "no secret") not in str(refusal.value)


def test_a_run_to_delete_must_be_named_whole() -> None:
    assert run_of({"DELETE": "3fa2"}, "DELETE", "") == "3fa2"
    with pytest.raises(BadSetting, match="DELETE must be four hex digits"):
        run_of({"DELETE": "*"}, "DELETE", "")


def test_without_a_word_it_goes_to_aws() -> None:
    assert not is_on_emulator({})
