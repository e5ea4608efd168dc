"""The typing calls to CXone, read from the caller's log: works with any CXone, simulated or not.

On v1 the caller is the sender, on Digital-First the keeper; both write the same line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.stack.aws import Aws


@dataclass(frozen=True, slots=True)
class TypingCall:
    """One typing POST, or frame: when it began and ended (epoch ms), its value, its outcome."""

    began: int
    ended: int
    typing: bool
    outcome: str

    @property
    def was_accepted(self) -> bool:
        """CXone accepted it."""
        return self.outcome == "accepted"


def typing_calls(aws: Aws, sender: str, session_id: str) -> list[TypingCall]:
    """The typing POSTs for a session, oldest first. ``sender``: the function's name."""
    group = aws.client("lambda").get_function_configuration(FunctionName=sender)["LoggingConfig"]["LogGroup"]
    return logged_calls(aws.client("logs"), group, session_id)


def logged_calls(logs: Any, group: str, session_id: str, since: int = 0) -> list[TypingCall]:
    """The typing POSTs for a session in the sender's log group, from ``since`` (epoch ms) on, oldest first."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
    return _calls((event["message"] for page in pages for event in page["events"]), session_id)


def keeper_calls(log: Path, session_id: str) -> list[TypingCall]:
    """The typing frames for a session in a keeper's log file, oldest first."""
    return _calls(log.read_text().splitlines(), session_id)


def _calls(texts: Iterable[str], session_id: str) -> list[TypingCall]:
    calls = [
        TypingCall(line["began"], line["began"] + line["ms"], line["typing"], line["outcome"])
        for line in map(_line, texts)
        if line.get("message") == "cxone typing" and line.get("session") == session_id
    ]
    return sorted(calls, key=lambda call: call.began)


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
