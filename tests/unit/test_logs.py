"""What of a function's log reaches CloudWatch, by LogLevel: real Powertools, under the level that Lambda is given."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cloudformation import as_deployed
from tests.support.template import PARAMETERS, ROOT, expanded

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]
SAYS = """
from typing_relay import runtime
for level in ("debug", "info", "warning", "error"):
    getattr(runtime.logger, level)(level.upper())
runtime.count("BurstsNotStarted")
"""


def in_cloudwatch(log_level: str) -> list[str]:
    """The levels of the lines that get there, and METRIC for a line of metrics."""
    lines = map(json.loads, in_cloudwatch_as_written(log_level))
    return ["METRIC" if "_aws" in line else line["level"] for line in lines]


def in_cloudwatch_as_written(log_level: str) -> list[str]:
    """The lines that get there, as the template deploys Keystroke."""
    given = {"CxoneOrgId": "acme", "LogLevel": log_level}
    function = as_deployed(expanded(**given), given)["Resources"]["Keystroke"]["Properties"]
    told = {name: v for name, v in function["Environment"]["Variables"].items() if name.startswith("POWERTOOLS_")}
    filtered_at = function["LoggingConfig"]["ApplicationLogLevel"]
    told |= {"AWS_LAMBDA_LOG_LEVEL": filtered_at, "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay/shop"}
    told |= {"_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"}  # Lambda sets it, traced or not
    path = {"PYTHONPATH": str(ROOT / "layers/typing_relay")}
    done = subprocess.run(
        [sys.executable, "-c", SAYS], env=os.environ | told | path, capture_output=True, text=True, check=True
    )
    least = LEVELS.index(filtered_at)
    lines = done.stdout.splitlines()
    return [line for line in lines if LEVELS.index(json.loads(line).get("level", "INFO")) >= least]


@pytest.mark.parametrize("log_level", LEVELS)
def test_lines_below_the_log_level_are_silenced_and_metrics_get_through(log_level: str) -> None:
    """Lambda's filter takes a line without a level for INFO (AWS: "Log-level filtering")."""
    assert in_cloudwatch(log_level) == [*LEVELS[LEVELS.index(log_level) :], "METRIC"]


def test_a_line_has_no_field_that_nobody_asks_for() -> None:
    """Logs are paid for by the byte (docs/cost.md): a trace's id and the place in the code belong to no query."""
    line, _ = in_cloudwatch_as_written("ERROR")
    assert json.loads(line).keys() == {"level", "message", "timestamp", "service"}


def test_every_log_level_that_can_be_given_is_tried() -> None:
    assert PARAMETERS["LogLevel"]["AllowedValues"] == LEVELS


def test_no_logger_is_made_past_the_log_level() -> None:
    makes_one = re.compile(r"\bLogger\(")
    sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers/typing_relay/typing_relay").rglob("*.py")]
    assert [Path(source).name for source in sources if makes_one.search(source.read_text())] == ["logs.py"]


def test_nothing_of_ours_is_written_into_a_trace() -> None:
    """T13: Lambda's own segments hold no frame; a tracer's annotations could."""
    sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers").rglob("*.py")]
    tracers = re.compile(r"aws_xray_sdk|\bTracer\b|opentelemetry")
    assert len(sources) > 50
    assert [str(source) for source in sources if tracers.search(source.read_text())] == []
