"""What a rehearsal deploys under which names, the steps it takes, and the commands it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.deploying.template_rules import check
from local.rehearsal import orders
from local.rehearsal.plan import (
    ALARM,
    BEFORE_MS,
    CHANGED,
    DELETE,
    DRY,
    FUNCTION,
    LEFT,
    LOAD,
    REFUSAL,
    TOLD,
    TOLD_BY,
    Plan,
    Tenant,
    ends_of,
    standing,
    steps_of,
    told,
)
from tests.support.template import FUNCTIONS, TEMPLATE, variables

NETWORK = {
    "KeeperImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/typing-relay/guest-keeper:1",
    "VpcId": "vpc-0a1b2c",
    "SubnetIds": "subnet-0a1b2c,subnet-0d4e5f",
    "AssignPublicIp": "DISABLED",
}
DRY_RUN = Plan("3fa2", ("v1", "dfo"), DRY, NETWORK)


def names(plan: Plan) -> list[str]:
    return [step.title for step in steps_of(plan)]


def test_both_platforms_go_through_the_same_steps_after_one_build() -> None:
    titles = names(DRY_RUN)
    assert titles[:2] == ["preflight", "build"]
    of_each = [[t.partition(": ")[2] for t in titles if t.startswith(f"{platform}: ")] for platform in ("v1", "dfo")]
    assert of_each[0] == of_each[1]
    assert of_each[0][0] == "deploy"
    assert of_each[0].index("update") < of_each[0].index("roll back")


def test_a_tenant_that_refuses_gets_no_load_and_must_be_seen_refusing() -> None:
    """Nobody's guest opens there, so nobody could type."""
    given = Plan("3fa2", ("v1",), {"v1": Tenant({"CxoneOrgId": "acme"})}, NETWORK)
    assert f"v1: {REFUSAL}" in names(DRY_RUN)
    assert f"v1: {LOAD}" not in names(DRY_RUN)
    assert f"v1: {LOAD}" in names(given)
    assert f"v1: {REFUSAL}" not in names(given)


def test_what_was_begun_is_deleted_and_looked_for_and_nothing_else() -> None:
    assert [(step.name, step.platform) for step in ends_of(DRY_RUN, ["dfo"])] == [(DELETE, "dfo"), (LEFT, "dfo")]


def test_what_is_to_be_kept_is_not_deleted() -> None:
    kept = Plan("3fa2", ("v1",), DRY, NETWORK, keeps=True)
    assert [step.name for step in ends_of(kept, ["v1"])] == [LEFT]


@pytest.mark.parametrize("platform", ["v1", "dfo"])
@pytest.mark.parametrize("changed", [False, True])
def test_every_set_of_parameters_fits_the_template(platform: str, changed: bool) -> None:
    """By its own patterns, bounds and Rules, the dry tenant's addresses too."""
    [finding] = check(TEMPLATE, DRY_RUN.parameters(platform, changed=changed))
    assert finding.text.endswith("they fit the template and each other")


def test_the_update_changes_a_parameter_and_the_way_it_takes_over_and_no_other() -> None:
    plan = Plan("3fa2", ("v1",), DRY, NETWORK, shift="Canary10Percent5Minutes")
    before, after = plan.parameters("v1"), plan.parameters("v1", changed=True)
    assert {name for name in before if before[name] != after[name]} == {CHANGED, "DeploymentType"}
    assert before["DeploymentType"] == "AllAtOnce"  # to which the roll back returns, as docs/runbook.md says


def test_the_changed_parameter_is_one_that_functions_are_told() -> None:
    """Else its update would make no new version, and there would be nothing to look at."""
    assert {"Connection", "Keystroke", "Sender"} <= told(TEMPLATE, CHANGED) < set(FUNCTIONS)
    assert variables(TOLD)[TOLD_BY] == {"Ref": CHANGED}
    assert TEMPLATE["Parameters"][CHANGED]["Default"] == BEFORE_MS


def test_what_stands_follows_the_templates_conditions() -> None:
    with_keepers = standing(TEMPLATE, DRY_RUN.parameters("dfo"), ALARM)
    without = standing(TEMPLATE, Plan("3fa2", ("v1",), DRY, {}).parameters("v1"), ALARM)
    assert {"KeeperSilent", "GatewayRefuses", "FunctionsFail"} <= with_keepers
    assert "FunctionsFail" in without
    assert not without & {"KeeperSilent", "GatewayRefuses"}
    assert standing(TEMPLATE, DRY_RUN.parameters("dfo"), FUNCTION) == set(FUNCTIONS)


def test_a_deployment_names_the_stack_its_tags_and_parameters_and_asks_nothing() -> None:
    command = orders.deploy(Path("sam"), DRY_RUN, "v1", Path("built.yaml"), Path("empty.toml"))
    line = " ".join(command)
    assert "--stack-name typing-relay-rehearsal-v1-3fa2" in line
    assert "--tags application=typing-relay typing-relay-rehearsal=3fa2" in line
    assert "--no-confirm-changeset" in command
    assert "--config-file empty.toml" in line  # samconfig.toml is another stack's
    assert f"{CHANGED}={BEFORE_MS}" in command
    assert "SubnetIds=subnet-0a1b2c,subnet-0d4e5f" in command


def test_packed_code_lies_under_the_stacks_own_name() -> None:
    """In SAM's bucket, which other stacks use too: what is left there can be named."""
    command = orders.deploy(Path("sam"), DRY_RUN, "dfo", Path("t"), Path("c"))
    assert command[command.index("--s3-prefix") + 1] == "typing-relay-rehearsal-dfo-3fa2"


def test_credentials_are_in_no_command_and_in_no_text() -> None:
    from local.rehearsal.plan import Credentials

    tenant = Tenant({"CxoneOrgId": "acme"}, credentials=Credentials("id", "very secret"))
    plan = Plan("3fa2", ("v1",), {"v1": tenant}, NETWORK)
    assert "very secret" not in f"{plan} {orders.deploy(Path('sam'), plan, 'v1', Path('t'), Path('c'))}"
