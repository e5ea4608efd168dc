"""The alarms of template.yaml: what each judges, from ten visitors to a hundred thousand, and whom it tells."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.template import FUNCTIONS, RESOURCES, ROOT, TEXT, properties

ALARMS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"]
COMPOSITES = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::CompositeAlarm"]
OUR_METRICS = sorted(
    set(re.findall(r'Namespace: !Sub "TypingRelay/\${AWS::StackName}"[,\s]+MetricName: ([\w.]+)', TEXT))
)
#: How much was done: what alarms by share are a share of.
WHOLE = {
    *("Invocations", "ExecutionsStarted", "MessageCount", "ConnectCount", "Nudges", "FirstKeyToShown"),
    *("GuestsHeld", "ApproximateNumberOfMessagesNotVisible", "FramesRelayed", "MessagesAccepted"),
    *("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"),
}


def metrics(alarm: str) -> list[dict[str, Any]]:
    return properties(alarm).get("Metrics", [])


def figures(alarm: str, failed: float, done: float) -> dict[str, float]:
    """Each metric of the alarm by id, where `failed` of `done` calls, frames or guests are in trouble."""
    found: dict[str, float] = {}
    is_counted = False  # trouble counts once, under the first name that it has
    for metric in metrics(alarm):
        if "MetricStat" in metric:
            name, stat = metric["MetricStat"]["Metric"]["MetricName"], metric["MetricStat"]["Stat"]
            if name == "CallsAccepted":
                found[metric["Id"]] = done if stat == "SampleCount" else 100 * (done - failed) / done
            else:
                found[metric["Id"]] = done if name in WHOLE else 0 if is_counted else failed
                is_counted = is_counted or name not in WHOLE
    return found


def judged(alarm: str, failed: float, done: float) -> float:
    """What the alarm's expressions make of it, by CloudWatch's metric math as far as the template uses it."""
    values: dict[str, Any] = dict(figures(alarm, failed, done))
    functions = {"IF": lambda test, yes, no: yes if test else no, "FILL": lambda x, _: x, "MAX": max, "SUM": sum}
    expressions = [metric for metric in metrics(alarm) if "Expression" in metric]
    for metric in reversed(expressions):  # in the template the figure that is judged comes before its parts
        values[metric["Id"]] = eval(metric["Expression"], {"__builtins__": {}}, functions | values)
    return float(values[expressions[0]["Id"]])


def fires(alarm: str, failed: float, done: float) -> bool:
    level = properties(alarm)["Threshold"]
    is_below = properties(alarm)["ComparisonOperator"] == "LessThanThreshold"
    value = judged(alarm, failed, done)
    return value < level if is_below else value > level


BY_SHARE = [alarm for alarm in ALARMS if any("IF(" in str(metric.get("Expression")) for metric in metrics(alarm))]
#: What fails is counted in the whole: Lambda's invocations, calls to CXone, the guests of a keeper.
COUNTED_TOGETHER = {"CallsNotAccepted", "FunctionsFail", "GuestsNotHeld"} | {a for a in BY_SHARE if a.startswith("New")}
ROLL_BACK = [alarm for alarm in BY_SHARE if alarm.startswith("New")]


class TestByShare:
    """Counts alone mean one thing for ten visitors and another for a hundred thousand."""

    def test_are_all_that_judge_what_visitors_cause(self) -> None:
        """The others judge settings, silence, time, or what concerns one visitor each time."""
        assert sorted(set(ALARMS) - set(BY_SHARE)) == [
            "CxoneDenies",
            "CxoneThrottles",
            "GatewayRefuses",
            "GuestsDead",
            "GuestsNearLimit",
            "KeeperQueueGrows",
            "KeeperSilent",
            "KeeperStalls",
            "KeeperStoreFails",
            "KeepersTooFew",
            "PoisonMessages",
            "StaleKeysInUse",
            "SweeperSilent",
            "TypingEndedLate",
            "TypingShownLate",
        ]

    @pytest.mark.parametrize("alarm", BY_SHARE)
    def test_fires_where_ten_visitors_get_nothing(self, alarm: str) -> None:
        assert fires(alarm, failed=30, done=30)

    @pytest.mark.parametrize("alarm", BY_SHARE)
    def test_fires_where_one_in_twenty_of_a_hundred_thousand_visitors_gets_nothing(self, alarm: str) -> None:
        assert fires(alarm, failed=5_000, done=100_000)

    @pytest.mark.parametrize("alarm", sorted(set(BY_SHARE) - COUNTED_TOGETHER))
    def test_fires_where_nothing_but_trouble_was_counted(self, alarm: str) -> None:
        """CloudWatch takes a missing metric for 0, and reports nothing where an expression divides by 0."""
        assert fires(alarm, failed=30, done=0)

    @pytest.mark.parametrize("alarm", BY_SHARE)
    def test_is_silent_where_five_calls_of_a_hundred_thousand_fail(self, alarm: str) -> None:
        assert not fires(alarm, failed=5, done=100_000)

    @pytest.mark.parametrize("alarm", [*ROLL_BACK, "FunctionsFail", "BurstsFail", "BurstsNotStarted"])
    def test_a_deployment_is_not_rolled_back_for_two_odd_calls(self, alarm: str) -> None:
        assert not fires(alarm, failed=2, done=10)

    @pytest.mark.parametrize("alarm", ROLL_BACK)
    def test_a_version_that_fails_each_call_is_rolled_back_by_eleven_calls_a_minute(self, alarm: str) -> None:
        """A tenth of what ten visitors who type send. Two such minutes of five, within a canary of five minutes."""
        assert fires(alarm, failed=11, done=11)
        assert (properties(alarm)["EvaluationPeriods"], properties(alarm)["DatapointsToAlarm"]) == (5, 2)


class TestMetricMath:
    @pytest.mark.parametrize("alarm", ALARMS)
    def test_each_asks_for_ten_metrics_at_most(self, alarm: str) -> None:
        """AWS, "Create an alarm based on a metric math expression": an alarm takes ten."""
        assert sum("MetricStat" in metric for metric in metrics(alarm)) <= 10

    @pytest.mark.parametrize("alarm", [alarm for alarm in ALARMS if metrics(alarm)])
    def test_each_judges_one_figure(self, alarm: str) -> None:
        assert [metric.get("ReturnData", True) for metric in metrics(alarm)].count(True) == 1

    def test_every_function_is_watched_for_errors_and_for_throttles(self) -> None:
        watched: Mapping[str, set[str]] = {
            name: {
                metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"]
                for metric in metrics(alarm)
                if "MetricStat" in metric and metric["MetricStat"]["Metric"]["MetricName"] == name
            }
            for alarm, name in (("FunctionsFail", "Errors"), ("FunctionsThrottled", "Throttles"))
        }
        assert watched == {"Errors": set(FUNCTIONS), "Throttles": set(FUNCTIONS)}


class TestAlarms:
    @pytest.mark.parametrize("alarm", ALARMS)
    def test_each_has_somebody_to_tell_or_something_to_do(self, alarm: str) -> None:
        topic = "AlarmTopic" if alarm == "MessagesNotDelivered" else "MorningTopic"
        assert properties(alarm)["AlarmActions"] in ([{"Ref": topic}], [{"Ref": "KeeperScalingByQueue"}])

    @pytest.mark.parametrize("alarm", ALARMS)
    def test_each_is_explained_to_whoever_is_woken(self, alarm: str) -> None:
        assert f"`{alarm}`" in (ROOT / "docs/operations.md").read_text()

    @pytest.mark.parametrize("alarm", [*COMPOSITES, "MessagesNotDelivered"])
    def test_who_is_woken_finds_a_page_of_the_runbook(self, alarm: str) -> None:
        """And is told again when it is over."""
        described = properties(alarm)
        anchor = described["AlarmDescription"].rpartition("docs/runbook.md#")[2]
        assert f"\n### {anchor.replace('-', ' ').capitalize()}\n" in (ROOT / "docs/runbook.md").read_text()
        assert described["AlarmActions"] == described["OKActions"] == [{"Ref": "AlarmTopic"}]

    @pytest.mark.parametrize("composite", COMPOSITES)
    def test_the_docs_say_which_alarms_wake_somebody(self, composite: str) -> None:
        causes = set(re.findall(r"ALARM\(\$\{(\w+)\}\)", json.dumps(properties(composite)["AlarmRule"])))
        rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
        assert {alarm for alarm, wakes_by in rows if wakes_by == composite} == causes

    @pytest.mark.parametrize("alarm", [alarm for alarm in ALARMS if alarm != "KeeperQueueGrows"])
    def test_each_says_where_to_read_on(self, alarm: str) -> None:
        assert re.search(r"See docs/\w+\.md#[\w-]+$", properties(alarm)["AlarmDescription"])

    def test_a_tab_too_many_rings_no_alarm(self) -> None:
        """API Gateway counts the 429 of a $connect integration as IntegrationError."""
        assert "IntegrationError" not in json.dumps([properties(alarm) for alarm in ALARMS])

    def test_silence_of_sweeper_and_keeper_is_an_alarm(self) -> None:
        silent = [alarm for alarm in ALARMS if properties(alarm)["TreatMissingData"] == "breaching"]
        assert silent == ["SweeperSilent", "KeeperSilent", "KeepersTooFew"]

    @pytest.mark.parametrize("metric", OUR_METRICS)
    def test_each_is_on_a_metric_that_the_code_puts_out(self, metric: str) -> None:
        """As a whole name, or the part before the dot, as in `Typing.denied`."""
        sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers").rglob("*.py")]
        written = re.compile(rf'"{metric}"|f"{metric.partition(".")[0]}\.{{')
        assert any(written.search(source.read_text()) for source in sources)

    @pytest.mark.parametrize("alarm", ["TypingShownLate", "TypingEndedLate", "CallsNotAccepted", "GuestsNotHeld"])
    def test_what_users_feel_is_an_objective_with_an_alarm_and_a_place_on_the_dashboard(self, alarm: str) -> None:
        metric = re.search(r"FirstKeyToShown|LastKeyToEnded|CallsAccepted|GuestsNotHeld", json.dumps(properties(alarm)))
        assert metric
        assert f'"{metric[0]}"' in properties("Dashboard")["DashboardBody"]["Fn::Sub"][0]

    def test_the_number_of_keepers_is_that_of_their_reports(self) -> None:
        alarm = properties("KeepersTooFew")
        assert (alarm["Statistic"], alarm["Period"]) == ("SampleCount", 60)  # each reports once a minute
        assert alarm["Threshold"] == {"Ref": "KeeperMinTasks"}

    def test_guests_near_sqss_limit_ring_before_it_is_met(self) -> None:
        assert 50_000 < properties("GuestsNearLimit")["Threshold"] < 120_000
