"""What a smoke test makes of what it saw: well, wrong with a place to look at, or not seen."""

import re
from pathlib import Path

import pytest

from local.playing.calls import TypingCall
from local.smoke import verdicts
from local.smoke.verdicts import (
    Finding,
    Mark,
    Places,
    Refused,
    bad_frame,
    closing,
    contact,
    forged_token,
    frames_taken,
    guest,
    handshake,
    ping,
    told,
    unseen,
    welcome,
)
from local.template_file import read_template

ROOT = Path(__file__).parents[3]
PLACES = Places("shop")
GATEWAY = Places("shop", "dfo")
WELCOME = {"session": "me", "guest": "open", "timings": {"debounce_ms": 2000, "heartbeat_ms": 1000}}


def call(at: int, typing: bool, outcome: str = "accepted") -> TypingCall:
    return TypingCall(at, at + 100, typing, outcome)


def assert_wrong(finding: Finding, text: str, place: str) -> None:
    assert finding.mark is Mark.WRONG
    assert text in finding.text
    assert place in "; ".join(finding.look)


def test_who_is_let_in_is_well() -> None:
    assert handshake(None, PLACES) == Finding(Mark.WELL, "let in")


@pytest.mark.parametrize(
    ("refused", "text", "place"),
    [
        (Refused(error="ConnectionRefusedError"), "nobody answers there (ConnectionRefusedError)", "WebSocketUrl"),
        (Refused(403), "refused (403)", "/aws/lambda/shop-authorizer"),
        (Refused(401), "refused (401)", "ORIGIN="),
        (Refused(429), "too many", "ConnectRateLimit"),
        (Refused(500), "failed (500)", "StaleKeysInUse"),
        (Refused(404), "no relay is there (404)", "its stage"),
    ],
)
def test_a_refused_handshake_names_where_to_look(refused: Refused, text: str, place: str) -> None:
    assert_wrong(handshake(refused, PLACES), text, place)


def test_a_forged_token_is_to_be_turned_away() -> None:
    assert forged_token(Refused(403), PLACES).mark is Mark.WELL


@pytest.mark.parametrize(
    ("refused", "text"), [(None, "LET IN"), (Refused(500), "failed (500)"), (Refused(error="TimeoutError"), "Timeout")]
)
def test_a_forged_token_that_is_not_turned_away_is_wrong(refused: Refused | None, text: str) -> None:
    assert_wrong(forged_token(refused, PLACES), text, "shop-authorizer")


def test_a_welcome_with_sane_timings_is_well() -> None:
    assert welcome(WELCOME, "me", PLACES).mark is Mark.WELL


@pytest.mark.parametrize(
    ("frame", "text", "place"),
    [
        (None, "not answered", "shop-keystroke"),
        (WELCOME | {"session": "you"}, "another session", "shop-authorizer"),
        (WELCOME | {"signals": "off"}, "off", "TypingSignals"),
        (WELCOME | {"timings": {}}, "debounce_ms is None", "DebounceMs"),
        (WELCOME | {"timings": {"debounce_ms": 5001, "heartbeat_ms": 1000}}, "debounce_ms is 5001", "DebounceMs"),
        (WELCOME | {"timings": {"debounce_ms": 1999, "heartbeat_ms": 1000}}, "debounce_ms is 1999", "DebounceMs"),
        (WELCOME | {"timings": {"debounce_ms": 2000, "heartbeat_ms": 0}}, "heartbeat_ms is 0", "HeartbeatMs"),
        (WELCOME | {"timings": {"debounce_ms": True, "heartbeat_ms": 1000}}, "debounce_ms is True", "DebounceMs"),
    ],
)
def test_a_welcome_that_makes_no_sense_is_wrong(frame: dict[str, object] | None, text: str, place: str) -> None:
    assert_wrong(welcome(frame, "me", PLACES), text, place)


def test_an_open_guest_is_well() -> None:
    assert guest("open", 20, PLACES).mark is Mark.WELL


@pytest.mark.parametrize(
    ("status", "text", "place"),
    [
        ("opening", "not open after 20 s (opening)", "KeeperSilent"),
        ("", "nothing was said", "/ecs/shop-guest-keeper"),
        ("unavailable", "CXone gives no guest", "CxoneDenies"),
    ],
)
def test_a_guest_that_does_not_open_names_the_keeper(status: str, text: str, place: str) -> None:
    assert_wrong(guest(status, 20, PLACES), text, place)


def test_on_digital_first_a_guest_that_the_gateway_refuses_names_its_alarm() -> None:
    assert_wrong(guest("unavailable", 20, GATEWAY), "CXone gives no guest", "GatewayRefuses")
    assert "CxoneDenies" not in "; ".join(guest("opening", 20, GATEWAY).look)


def test_a_contact_that_opens_by_a_message_is_well() -> None:
    assert contact({"status": "accepted"}, True, GATEWAY) == Finding(Mark.WELL, "opened by a message")


@pytest.mark.parametrize(
    ("answer", "text", "place"),
    [
        (None, "the message is not answered", "NudgesLost"),
        ({"status": "failed", "reason": "expired"}, "not delivered (expired)", "MessagesNotDelivered"),
        ({"status": "accepted"}, "opened no contact", "the channel in CXone"),
    ],
)
def test_a_contact_that_does_not_open_says_why(answer: dict[str, str] | None, text: str, place: str) -> None:
    assert_wrong(contact(answer, False, GATEWAY), text, place)
    assert_wrong(contact(answer, False, GATEWAY), text, "/ecs/shop-guest-keeper")


def test_a_ping_wants_an_answer() -> None:
    assert ping(True, PLACES).mark is Mark.WELL
    assert_wrong(ping(False, PLACES), "not answered", "FunctionsThrottled")


def test_frames_are_taken_when_no_error_comes_and_a_ping_behind_them_is_answered() -> None:
    assert frames_taken("20 keys", [], True, PLACES) == Finding(Mark.WELL, "20 keys")
    assert_wrong(frames_taken("", ["rate_limited", "rate_limited"], True, PLACES), "rate_limited", "shop-keystroke")
    assert_wrong(frames_taken("", [], False, PLACES), "no answer", "FunctionsFail")
    assert_wrong(frames_taken("", ["typing_unavailable"], True, PLACES), "no typing indicator", "CXone")


def test_a_bad_frame_wants_its_error() -> None:
    assert bad_frame("bad_frame", PLACES).mark is Mark.WELL
    assert_wrong(bad_frame("rate_limited", PLACES), "rate_limited", "shop-keystroke")
    assert_wrong(bad_frame(None, PLACES), "not answered", "shop-keystroke")


def test_one_true_and_one_false_are_well_and_their_delays_told() -> None:
    finding = told([call(10_200, True), call(13_100, False)], 10_000, 13_000, PLACES)
    assert finding == Finding(Mark.WELL, "true 0.3 s after the first key, false 0.2 s after the stop")


def test_what_cxone_took_at_a_later_try_is_well_and_says_so() -> None:
    calls = [call(10_200, True, "failed"), call(11_300, True), call(13_100, False)]
    finding = told(calls, 10_000, 13_000, PLACES)
    assert finding.mark is Mark.WELL
    assert "3 calls" in finding.text
    assert "failed" in finding.text


@pytest.mark.parametrize(
    ("calls", "text", "place"),
    [
        ([], "told nothing", "BurstsNotStarted"),
        ([call(1, True, "throttled")] * 4, "true was not taken (4 × throttled)", "CxoneThrottles"),
        ([call(1, True, "denied")], "true was not taken (denied)", "CxoneDenies"),
        ([call(1, True, "lost"), call(2, False, "failed")], "true was not taken", "CxoneBaseUrl"),
        ([call(1, False)], "true was not said", "BurstsFail"),
        ([call(1, True)], "false was not said", "/aws/vendedlogs/states/shop-typing-burst"),
        ([call(1, True), call(2, False, "failed")], "false was not taken (failed)", "CXone answers 5xx"),
        ([call(1, True), call(2, False), call(3, True), call(4, False)], "true, false, true, false", "shop-sender"),
    ],
)
def test_what_cxone_was_not_told_names_the_cause(calls: list[TypingCall], text: str, place: str) -> None:
    assert_wrong(told(calls, 0, 0, PLACES), text, place)


@pytest.mark.parametrize(
    ("calls", "text", "place"),
    [
        ([], "told nothing", "KeeperSilent"),
        ([call(1, True, "lost")], "true was not taken (lost)", "socket broke"),
        ([call(1, False)], "true was not said", "KeeperStalls"),
        ([call(1, True)], "false was not said", "NudgesLost"),
        ([call(1, True), call(2, False), call(3, True), call(4, False)], "true, false, true, false", "one burst"),
    ],
)
def test_on_digital_first_what_cxone_was_not_told_is_looked_for_at_the_keeper(
    calls: list[TypingCall], text: str, place: str
) -> None:
    """The sender makes no typing call there, and the state machine runs no burst."""
    finding = told(calls, 0, 0, GATEWAY)
    assert finding.mark is Mark.WRONG
    assert text in finding.text
    assert place in f"{finding.text}; {'; '.join(finding.look)}"
    assert "log group /ecs/shop-guest-keeper" in finding.look
    assert not [place for place in finding.look if "sender" in place or "states" in place or "Bursts" in place]


def test_places_without_a_stack_say_how_they_are_named() -> None:
    assert_wrong(handshake(Refused(403), Places()), "refused", "/aws/lambda/{stack}-authorizer")


@pytest.mark.parametrize(
    ("marks", "text", "status"),
    [
        ([Mark.WELL, Mark.WELL], "It works.", 0),
        ([Mark.WELL, Mark.UNSEEN], "It works. 1 step was not looked at.", 0),
        ([Mark.WRONG, Mark.WELL, Mark.UNSEEN], "Not well: 1 of 3 steps went wrong. 1 step was not looked at.", 1),
        ([Mark.WELL, Mark.UNSEEN, Mark.UNSEEN], "It works. 2 steps were not looked at.", 0),
    ],
)
def test_the_closing_line_and_the_exit_status_agree(marks: list[Mark], text: str, status: int) -> None:
    assert closing([Finding(mark, "") for mark in marks]) == (text, status)


def test_what_was_not_seen_is_neither_well_nor_wrong() -> None:
    assert unseen("why") == Finding(Mark.UNSEEN, "why")


class TestPlaces:
    """Whoever is sent somewhere must find it there."""

    said = (ROOT / "local/smoke/verdicts.py").read_text()
    template = read_template()

    def test_every_alarm_is_the_templates(self) -> None:
        named = {name for names in re.findall(r"alarms? ((?:\w+, )*[A-Z]\w+)", self.said) for name in names.split(", ")}
        assert len(named) > 8
        assert {self.template["Resources"].get(name, {}).get("Type") for name in named} == {"AWS::CloudWatch::Alarm"}

    def test_the_bounds_of_the_timings_are_the_templates(self) -> None:
        bounds = {
            "DebounceMs": (verdicts.LEAST_DEBOUNCE_MS, verdicts.MOST_DEBOUNCE_MS),
            "HeartbeatMs": (verdicts.LEAST_HEARTBEAT_MS, verdicts.MOST_HEARTBEAT_MS),
        }
        given = {name: self.template["Parameters"][name] for name in bounds}
        assert bounds == {name: (rule["MinValue"], rule["MaxValue"]) for name, rule in given.items()}

    def test_alarms_of_one_platform_are_not_named_on_the_other(self) -> None:
        """They are not there."""
        of_dfo = {
            name
            for name, resource in self.template["Resources"].items()
            if resource["Type"] == "AWS::CloudWatch::Alarm" and resource.get("Condition") == "IsDigitalFirst"
        }
        findings = [guest(status, 20, PLACES) for status in ("", "unavailable")]
        findings += [told(calls, 0, 0, PLACES) for calls in ([], [call(1, True, "denied")], [call(1, False)])]
        named = {word for finding in findings for place in finding.look for word in re.findall(r"\w+", place)}
        assert of_dfo
        assert not named & of_dfo

    def test_every_parameter_is_the_templates(self) -> None:
        named = set(re.findall(r"parameter (\w+)", self.said))
        assert named
        assert named <= self.template["Parameters"].keys()

    def test_every_log_group_is_the_templates(self) -> None:
        groups = {
            resource["Properties"]["LogGroupName"]["Fn::Sub"].replace("${AWS::StackName}", "shop")
            for resource in self.template["Resources"].values()
            if resource["Type"] == "AWS::Logs::LogGroup"
        }
        functions = set(re.findall(r'(?:places|self)\.function\("(\w+)"\)', self.said))
        places = [PLACES.keeper, PLACES.executions, *map(PLACES.function, functions)]
        assert len(functions) == 4
        assert {place.removeprefix("log group ") for place in places} <= groups

    def test_every_section_of_the_documents_is_there(self) -> None:
        for file, section in re.findall(r"(docs/\w+\.md), (\w+)", self.said):
            assert f"\n## {section}\n" in (ROOT / file).read_text()
