"""What each step of a rehearsal makes of what it saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.deploying.account_rules import account as account_findings
from local.deploying.facts import Caller, Facts
from local.deploying.findings import Finding, unseen, well, wrong
from local.deploying.template_rules import check, complete
from local.rehearsal import verdicts
from local.rehearsal.facts import Alarm, Event, Stack, Versions
from local.rehearsal.plan import ALARM, DRY, Plan, Step, Tenant, standing
from local.rehearsal.verdicts import Taken
from local.smoke.checks import Check
from local.smoke.verdicts import Finding as SmokeFinding
from local.smoke.verdicts import Mark
from tests.support.template import RESOURCES, ROOT, TEMPLATE

NETWORK = {"KeeperImage": "registry/keeper:1", "VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2"}
PLAN = Plan("3fa2", ("v1", "dfo"), DRY, NETWORK)
GIVEN = replace(PLAN, tenants={"v1": Tenant({"CxoneOrgId": "acme"}), "dfo": Tenant({})})
BARE = replace(PLAN, network={})
EMULATED = replace(GIVEN, network={"KeeperImage": "guest-keeper:local"}, on_emulator=True)
WELL, WRONG, UNSEEN = Mark.WELL, Mark.WRONG, Mark.UNSEEN


def made(status: str = "CREATE_COMPLETE") -> Stack:
    return Stack("shop", "arn", status, {}, {"Version": "0.1.0"})


def failed(part: str, reason: str) -> Event:
    return Event(part, "AWS::Lambda::Function", "", "CREATE_FAILED", reason)


def check_of(name: str, mark: Mark, text: str = "") -> Check:
    return Check(name, 0.1, SmokeFinding(mark, text, ("log group x",)))


class TestTaken:
    @pytest.mark.parametrize(
        ("marks", "mark"),
        [
            ([WELL, UNSEEN], WELL),
            ([Mark.WARNED, UNSEEN], WELL),
            ([WELL, WRONG, UNSEEN], WRONG),
            ([UNSEEN, UNSEEN], UNSEEN),
            ([], UNSEEN),
        ],
    )
    def test_a_step_is_wrong_when_one_finding_is_and_unseen_when_nothing_was_looked_at(
        self, marks: list[Mark], mark: Mark
    ) -> None:
        findings = tuple(Finding(each, "", "") for each in marks)
        assert Taken(Step("x"), 0, findings).mark is mark

    def test_a_step_is_left_out_when_one_that_it_needs_went_wrong_on_its_platform(self) -> None:
        step = Step("roll back", "v1", ("deploy", "update"))
        deploy, update = (Taken(Step(name, "v1"), 0, (well("", ""),)) for name in ("deploy", "update"))
        bad = replace(update, findings=(wrong("", "", ""),))
        others = replace(bad, step=Step("update", "dfo"))
        assert verdicts.blocked(step, [deploy, update, others]) == ""
        assert verdicts.blocked(step, [deploy, bad]) == "update"
        assert verdicts.blocked(step, [deploy]) == "update"


class TestPreflight:
    def test_that_no_keeper_runs_is_meant_where_none_was_asked_for(self) -> None:
        """The finding is preflight's own, made by its own rules."""
        [finding] = verdicts.preflight(check(TEMPLATE, BARE.parameters("v1")), BARE)
        assert (finding.mark, finding.about) == (UNSEEN, "keeper")

    def test_an_account_that_never_used_ecs_matters_only_where_a_service_is_made(self) -> None:
        facts = Facts(stack="", ecs_role=False, lambda_limit=1000)
        values = complete(TEMPLATE, BARE.parameters("v1"))
        found = account_findings(facts, values, Caller("1", "arn", "eu-central-1"), "shop", TEMPLATE)
        for plan, mark in ((PLAN, WRONG), (BARE, UNSEEN), (EMULATED, UNSEEN)):
            [ecs] = [finding for finding in verdicts.preflight(found, plan) if finding.about == "ECS"]
            assert ecs.mark is mark

    def test_all_other_findings_stay_as_they_are(self) -> None:
        others = [wrong("subnets", "no way out", "a route"), well("stack", "will be made")]
        assert verdicts.preflight(others, BARE) == others


class TestStack:
    def test_one_that_stands_says_its_release(self) -> None:
        assert verdicts.stack(made(), [], "CREATE_COMPLETE").text == "shop is CREATE_COMPLETE, release 0.1.0"

    def test_one_that_failed_says_what_failed_first_and_not_what_was_cancelled(self) -> None:
        newest_first = [
            failed("Sender", "Resource creation cancelled"),
            failed("Keystroke", "no such role"),
            Event("shop", "", "", "CREATE_IN_PROGRESS"),
        ]
        finding = verdicts.stack(made("ROLLBACK_COMPLETE"), newest_first, "CREATE_COMPLETE")
        assert finding.mark is WRONG
        assert finding.text.endswith("not CREATE_COMPLETE: Keystroke: no such role")

    def test_one_that_is_not_there_is_wrong(self) -> None:
        assert verdicts.stack(None, [], "CREATE_COMPLETE").mark is WRONG

    @pytest.mark.parametrize("found", [None, made("DELETE_COMPLETE")])
    def test_one_that_is_gone_is_deleted(self, found: Stack | None) -> None:
        assert verdicts.deleted(found, []).mark is WELL

    def test_one_that_cannot_be_deleted_says_why(self) -> None:
        event = Event("KeeperSecurityGroup", "", "", "DELETE_FAILED", "has a dependent object")
        finding = verdicts.deleted(made("DELETE_FAILED"), [event])
        assert "KeeperSecurityGroup: has a dependent object" in finding.text
        assert finding.mark is WRONG


class TestVersions:
    before = Versions({"Sender": 1, "Authorizer": 1}, {"Sender": frozenset({1}), "Authorizer": frozenset({1})})
    after = Versions({"Sender": 2, "Authorizer": 1}, {"Sender": frozenset({1, 2}), "Authorizer": frozenset({1})})

    def test_a_new_version_of_each_that_is_told_of_the_change_is_well(self) -> None:
        [finding] = verdicts.new_versions({"Sender"}, self.before, self.after)
        assert (finding.mark, finding.text) == (WELL, "Sender 1 → 2; those before are kept")

    def test_no_new_version_means_that_the_change_never_went_live(self) -> None:
        [finding] = verdicts.new_versions({"Sender", "Authorizer"}, self.before, self.after)
        assert "no new version of Authorizer" in finding.text

    def test_a_version_that_is_gone_leaves_nothing_to_roll_back_to(self) -> None:
        without = Versions({"Sender": 2}, {"Sender": frozenset({2}), "Authorizer": frozenset({1})})
        [finding] = verdicts.new_versions({"Sender"}, self.before, without)
        assert "versions of Sender are gone" in finding.text

    def test_a_function_without_its_alias_is_wrong(self) -> None:
        assert verdicts.first_versions({"Sender", "Authorizer"}, self.before).mark is WELL
        assert "Sweeper" in verdicts.first_versions({"Sender", "Sweeper"}, self.before).text

    @pytest.mark.parametrize(("found", "mark"), [("2500", WELL), ("2000", WRONG), ("", WRONG)])
    def test_the_version_that_is_live_holds_the_value(self, found: str, mark: Mark) -> None:
        assert verdicts.setting(found, 2500).mark is mark

    @pytest.mark.parametrize(("found", "mark"), [(2500, WELL), (2000, WRONG), (None, WRONG)])
    def test_a_visitor_is_told_the_value(self, found: int | None, mark: Mark) -> None:
        assert verdicts.debounce(found, 2500).mark is mark


class TestAlarms:
    acts, silent, fires = Alarm(False, True), Alarm(False, False), Alarm(True, True)

    def test_all_in_place_is_well(self) -> None:
        [finding] = verdicts.alarms({"A", "B"}, {"A": self.acts, "B": self.acts})
        assert finding.text == "2 are there, each with the stack's topic"

    def test_one_that_is_not_there_or_tells_nobody_is_named(self) -> None:
        lacking, silent = verdicts.alarms({"A", "B"}, {"B": self.silent})
        assert (lacking.text, silent.text) == ("not there: A", "they tell nobody: B")

    def test_what_the_emulator_does_not_make_is_not_looked_at(self) -> None:
        there, missing = verdicts.alarms({"A", "B"}, {"A": self.acts}, not_made={"B", "Other"})
        assert (there.mark, missing.mark) == (WELL, UNSEEN)
        assert "1 that the emulator cannot make" in missing.text

    def test_one_that_fires_is_wrong(self) -> None:
        found = {"FunctionsFail": self.fires, "ApiFails": self.acts}
        [finding] = verdicts.firing(found, refuses=False, on_emulator=False)
        assert (finding.mark, finding.text) == (WRONG, "FunctionsFail fires")

    def test_a_refusing_tenants_own_alarms_may_fire_and_no_other(self) -> None:
        found = {"GuestsWait": self.fires, "FunctionsFail": self.fires}
        bad, meant = verdicts.firing(found, refuses=True, on_emulator=False)
        assert (bad.text, meant.mark) == ("FunctionsFail fires", WELL)
        assert "GuestsWait" in meant.text
        assert verdicts.firing({"GuestsWait": self.fires}, refuses=False, on_emulator=False)[0].mark is WRONG

    def test_on_the_emulator_none_can_fire_so_nothing_is_said_of_them(self) -> None:
        [finding] = verdicts.firing({}, refuses=False, on_emulator=True)
        assert finding.mark is UNSEEN

    def test_a_refusals_alarms_are_the_templates(self) -> None:
        assert {name for name, part in RESOURCES.items() if part["Type"] == ALARM} >= verdicts.ALARMS_OF_A_REFUSAL
        assert verdicts.ALARMS_OF_A_REFUSAL & standing(TEMPLATE, PLAN.parameters("v1"), ALARM)


class TestSmoke:
    def test_its_findings_are_taken_as_they_are(self) -> None:
        [finding] = verdicts.smoke([check_of("burst", WRONG, "no answer")], GIVEN, "v1")
        assert finding == wrong("burst", "no answer", "log group x")

    def test_at_a_tenant_that_refuses_the_guest_must_not_open(self) -> None:
        closed, opened = check_of("guest", WRONG, "CXone gives no guest"), check_of("guest", WELL, "open")
        assert verdicts.smoke([closed], PLAN, "v1")[0].mark is WELL
        assert verdicts.smoke([opened], PLAN, "v1")[0].mark is WRONG
        assert verdicts.smoke([closed], GIVEN, "v1")[0].mark is WRONG

    def test_a_tenant_that_refuses_excuses_nothing_but_the_guest(self) -> None:
        for name in ("handshake", "forged token", "welcome", "ping", "burst", "stop"):
            assert verdicts.smoke([check_of(name, WRONG)], PLAN, "v1")[0].mark is WRONG

    def test_without_keepers_no_guest_is_looked_for(self) -> None:
        assert verdicts.smoke([check_of("guest", WRONG)], BARE, "v1")[0].mark is UNSEEN


class TestRefusal:
    def test_what_the_keeper_logs_of_it_is_well(self) -> None:
        messages = ["guest keeper starts", "CXone created no guest", "CXone created no guest"]
        finding = verdicts.refusal(messages, PLAN, "/ecs/shop")
        assert (finding.mark, finding.text) == (WELL, "the keeper's log says 2 times: CXone created no guest")

    def test_a_keeper_that_says_nothing_of_it_is_wrong(self) -> None:
        finding = verdicts.refusal(["guest keeper starts"], PLAN, "/ecs/shop")
        assert (finding.mark, finding.todo) == (WRONG, "log group /ecs/shop")

    def test_without_keepers_nobody_could_say_it(self) -> None:
        assert verdicts.refusal([], BARE, "/ecs/shop").mark is UNSEEN

    def test_what_is_looked_for_is_what_the_keeper_writes(self) -> None:
        package = ROOT / "layers/typing_relay/typing_relay"
        written = "".join(path.read_text() for path in package.rglob("*.py"))
        assert [text for text in verdicts.REFUSALS if text not in written] == []


def test_a_program_that_fails_shows_its_last_lines_and_where_all_of_them_are() -> None:
    [good] = verdicts.program("sam deploy", 0, "done", "v1.log")
    [bad] = verdicts.program("sam deploy", 1, "Error: no bucket", "v1.log")
    assert good.mark is WELL
    assert (bad.mark, "Error: no bucket" in bad.text, "v1.log" in bad.todo) == (WRONG, True, True)


def test_a_load_with_errors_is_wrong() -> None:
    assert (verdicts.load(0, GIVEN).mark, verdicts.load(1, GIVEN).mark) == (WELL, WRONG)


@pytest.mark.parametrize(
    ("findings", "stopped", "text", "status"),
    [
        ([well("", "")], False, "The deployment works: 1 steps.", 0),
        ([well("", ""), unseen("", "")], False, "1 thing was not looked at; each says why.", 0),
        ([wrong("", "", "")], False, "Not as it must be: v1: deploy.", 1),
        ([well("", "")], True, "Stopped.", 1),
    ],
)
def test_the_last_line_and_the_exit_status_agree(findings: list[Any], stopped: bool, text: str, status: int) -> None:
    said, exits = verdicts.closing([Taken(Step("deploy", "v1"), 1.0, tuple(findings))], stopped=stopped)
    assert text in said
    assert exits == status
