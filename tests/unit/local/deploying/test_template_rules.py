"""Parameters against the template: what CloudFormation would refuse, and what it would deploy and nobody means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.deploying.environments import read
from local.deploying.template_rules import FILL_IN, OF_PLATFORM, check, complete, holds, unfilled
from local.smoke.verdicts import Mark
from tests.support.template import PARAMETERS, TEMPLATE

SAMCONFIG = Path(__file__).resolve().parents[4] / "samconfig.toml"
KEEPER = {
    "KeeperImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/typing-relay/guest-keeper:0.1.0",
    "VpcId": "vpc-0abc",
    "SubnetIds": "subnet-0a,subnet-0b",
}
V1 = {"CxonePlatform": "v1", "CxoneOrgId": "acme", **KEEPER}
DFO = {
    "CxonePlatform": "dfo",
    "DfoEnvironment": "NA1",
    "DfoBrandId": "1234",
    "DfoChannelId": "chat_1b2c3d",
    **KEEPER,
}


CANARY = {"DeploymentType": "Canary10Percent5Minutes"}


def wrongs(given: dict[str, str]) -> list[str]:
    return [finding.text for finding in check(TEMPLATE, given) if finding.mark is Mark.WRONG]


@pytest.mark.parametrize("given", [V1, DFO, {**V1, "CxoneOrgId": "", "CxoneBaseUrl": "https://cxone.example"}])
def test_a_whole_set_of_parameters_is_well(given: dict[str, str]) -> None:
    assert [finding.mark for finding in check(TEMPLATE, given)] == [Mark.WELL]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({**V1, "CxoneOrgId": "FILL_IN"}, "CxoneOrgId is not filled in"),
        ({**V1, "CxoneOrgID": "acme"}, "CxoneOrgID is no parameter of the template"),
        ({**V1, "CxoneOrgId": "Acme Ltd"}, "CxoneOrgId=Acme Ltd must be the host label of your organisation"),
        ({**V1, "DebounceMs": "1500"}, "a shorter debounce makes the indicator flicker"),
        ({**V1, "DebounceMs": "two"}, "DebounceMs=two must be"),
        ({**V1, "HeartbeatMs": "4000"}, "HeartbeatMs=4000 must be a number from 500 to 1500"),
        ({**V1, "LogRetentionDays": "15"}, "LogRetentionDays=15 must be one of: 1, 3, 5"),
        ({**V1, "Release": "x" * 101}, "must have 100 characters at most"),
        ({**V1, "CxoneOrgId": ""}, "Give CxoneBaseUrl or CxoneOrgId."),
        ({**DFO, "DfoBrandId": ""}, "CxonePlatform dfo needs DfoBrandId."),
        ({**DFO, "DfoEnvironment": "custom"}, "DfoEnvironment custom needs DfoGatewayUrl"),
        ({**V1, "ApiDomainName": "typing.shop.example"}, "ApiDomainName needs ApiCertificateArn."),
        ({**V1, "DefaultEndpoint": "off"}, "DefaultEndpoint off needs ApiDomainName"),
        (
            {**V1, "VisitorJwksUrl": "https://keys.example/jwks"},
            "VisitorJwksUrl needs VisitorIssuer or VisitorAudience",
        ),
        ({**V1, "SubnetIds": ""}, "VpcId needs SubnetIds."),
        ({**V1, "KeeperImage": ""}, "VpcId needs KeeperImage."),
        ({**V1, "KeeperImage": "foo"}, "KeeperImage=foo is no image URI"),
        ({**V1, "SubnetIds": "subnet-0a"}, "SubnetIds names a single subnet"),
        ({**V1, "SubnetIds": "subnet-0a, subnet-0b"}, "has blanks after commas"),
        ({**V1, "VpcId": "", "SubnetIds": ""}, "no keeper will run: VpcId, SubnetIds not given"),
        ({**V1, "DfoBrandId": "1234"}, "DfoBrandId: for dfo, but CxonePlatform is v1"),
        ({**DFO, "CxoneOrgId": "acme"}, "CxoneOrgId: for v1, but CxonePlatform is dfo"),
        ({**V1, "CxoneBaseUrl": "https://acme.example"}, "are both given"),
        ({**V1, "KeeperMinTasks": "4", "KeeperMaxTasks": "3"}, "KeeperMinTasks is more than KeeperMaxTasks"),
        ({**V1, "FrameRate": "50", "FrameBurst": "49"}, "FrameRate is more than FrameBurst"),
        ({**V1, "FrameRate": "2", "HeartbeatMs": "500"}, "FrameRate=2 is used up by the frames of a visitor who types"),
        ({**V1, "GuestGraceSeconds": "900", "SessionTtlSeconds": "600"}, "GuestGraceSeconds is more than SessionTtl"),
        ({**DFO, "MessageDeadlineSeconds": "3600", "SessionTtlSeconds": "600"}, "MessageDeadlineSeconds is more than"),
        ({**V1, "AllowedOrigins": "https://" + "x" * 250}, "the settings of Authorizer are 283 characters"),
        ({**V1, "CxoneOrgId": "", "CxoneBaseUrl": "https://" + "x" * 230}, "the settings of Sender are 278 characters"),
        ({**V1, "ApiCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}, "needs ApiDomainName."),
        ({**V1, "VpcId": ""}, "no keeper will run: VpcId not given"),
        ({**V1, "CxonePlatform": "v2"}, "CxonePlatform=v2 must be one of: v1, dfo"),
        ({**V1, "KeeperMinTasks": "many"}, "KeeperMinTasks=many must be a number from 1 to 50"),
    ],
)
def test_what_does_not_fit_is_said(given: dict[str, str], told: str) -> None:
    assert any(told in text for text in wrongs(given)), wrongs(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {**CANARY, "AllowedOrigins": "https://a.example", "RollBackByAlarms": "off"},
            "no alarm takes a bad version back",
        ),
        (CANARY, "any page may connect"),
        ({"VisitorTokenMaxSeconds": "299"}, "each page connects again that often"),
        ({"KeeperMaxTasks": "100", "KeeperMaxGuests": "1201"}, "100 keepers of 1201 guests are more than the 120000"),
    ],
)
def test_what_works_and_may_surprise_is_a_warning(given: dict[str, str], told: str) -> None:
    [finding] = check(TEMPLATE, V1 | given)
    assert (finding.mark, told in finding.text) == (Mark.WARNED, True)


@pytest.mark.parametrize(
    "given",
    [
        {"AllowedOrigins": "https://" + "x" * 250, "Release": "one"},
        {"GuestGraceSeconds": "600", "SessionTtlSeconds": "600"},
        {"VisitorTokenMaxSeconds": "300"},
        {"VisitorJwksUrl": "https://keys.example/jwks", "VisitorAudience": "typing"},
        {**CANARY, "AllowedOrigins": "https://a.example"},
        {"KeeperMaxTasks": "100", "KeeperMaxGuests": "1200"},
        {"DeploymentType": "AllAtOnce", "RollBackByAlarms": "off"},
    ],
)
def test_parameters_that_just_go_together_are_well(given: dict[str, str]) -> None:
    assert [finding.mark for finding in check(TEMPLATE, V1 | given)] == [Mark.WELL]


def test_every_wrong_has_something_to_do() -> None:
    found = check(TEMPLATE, {"CxoneOrgId": "FILL_IN", "Nonsense": "1", "KeeperMinTasks": "11"})
    assert found
    assert all(finding.todo for finding in found)


@pytest.mark.parametrize("platform", ["v1", "dfo"])
def test_every_parameter_of_one_platform_is_known_to_be(platform: str) -> None:
    """A new one that only one interface needs must be among those that a switch of platform leaves behind."""
    prefix = {"v1": "Cxone", "dfo": "Dfo"}[platform]
    named = {name for name in PARAMETERS if name.startswith(prefix)} - {"CxonePlatform", "DfoSdkVersion"}
    assert named == set(OF_PLATFORM[platform])


def test_every_rule_of_the_template_can_be_judged() -> None:
    """All their functions are known here."""
    values = complete(TEMPLATE, V1)
    for rule in TEMPLATE["Rules"].values():
        assert isinstance(holds(rule["RuleCondition"], values), bool)
        assert all(isinstance(holds(a["Assert"], values), bool) for a in rule["Assertions"])


class TestSamconfig:
    """The project's own samconfig.toml, as it comes."""

    @pytest.mark.parametrize("environment", ["default", "production"])
    def test_nothing_is_wrong_but_what_must_be_filled_in(self, environment: str) -> None:
        given = read(SAMCONFIG, environment).parameters
        assert set(wrongs(dict(given))) == {f"{name} is not filled in" for name in unfilled(given)}

    def test_four_values_are_to_be_filled_in_to_try_it(self) -> None:
        assert unfilled(read(SAMCONFIG, "default").parameters) == ["CxoneOrgId", "KeeperImage", "VpcId", "SubnetIds"]

    def test_production_asks_for_origins_and_somebody_to_tell_besides(self) -> None:
        more = set(unfilled(read(SAMCONFIG, "production").parameters)) - set(
            unfilled(read(SAMCONFIG, "default").parameters)
        )
        assert more == {"AllowedOrigins", "AlarmEmail"}

    @pytest.mark.parametrize("environment", ["default", "production"])
    def test_on_digital_first_its_four_lines_take_the_place_of_two(self, environment: str, tmp_path: Path) -> None:
        """As the comment says: six values then."""
        text = re.sub(r'^ *"Cxone(Platform=v1|OrgId=FILL_IN)",\n', "", SAMCONFIG.read_text(), flags=re.MULTILINE)
        path = tmp_path / "samconfig.toml"
        path.write_text(re.sub(r'^ *# ("(CxonePlatform=dfo|Dfo\w+=FILL_IN)",)', r"\1", text, flags=re.MULTILINE))
        given = read(path, environment).parameters
        assert unfilled(given)[:6] == [
            "DfoEnvironment",
            "DfoBrandId",
            "DfoChannelId",
            "KeeperImage",
            "VpcId",
            "SubnetIds",
        ]
        filled = {**given, **DFO, "AllowedOrigins": "https://shop.example", "AlarmEmail": "ops@shop.example"}
        assert wrongs(filled) == []

    def test_aws_deploys_nothing_that_is_not_filled_in(self) -> None:
        """Should nobody look: the VPC's pattern refuses the placeholder, on either platform."""
        assert not re.fullmatch(PARAMETERS["VpcId"]["AllowedPattern"], FILL_IN)

    def test_no_secret_is_asked_for(self) -> None:
        names = {name for env in ("default", "production") for name in read(SAMCONFIG, env).parameters}
        assert not {name for name in names if re.search(r"secret|password|token|key", name, re.IGNORECASE)} - {
            "KeeperImage"
        }
