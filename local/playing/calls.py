"""What the sender told CXone, read from its log: works with any CXone, simulated or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from local.stack.aws import Aws


@dataclass(frozen=True, slots=True)
class TypingCall:
    """One typing POST: when it began and ended (epoch ms), what it said, how it ended."""

    began: int
    ended: int
    typing: bool
    outcome: str

    @property
    def was_accepted(self) -> bool:
        """CXone took it."""
        return self.outcome == "accepted"


def typing_calls(aws: Aws, sender: str, session_id: str) -> list[TypingCall]:
    """The typing POSTs for a session, oldest first. ``sender``: the function's name."""
    group = aws.client("lambda").get_function_configuration(FunctionName=sender)["LoggingConfig"]["LogGroup"]
    return logged_calls(aws.client("logs"), group, session_id)


def logged_calls(logs: Any, group: str, session_id: str, since: int = 0) -> list[TypingCall]:
    """The typing POSTs for a session in the sender's log group, from ``since`` (epoch ms) on, oldest first."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
    lines = (_line(event["message"]) for page in pages for event in page["events"])
    calls = [
        TypingCall(line["began"], line["began"] + line["ms"], line["typing"], line["outcome"])
        for line in lines
        if line.get("message") == "cxone typing" and line.get("session") == session_id
    ]
    return sorted(calls, key=lambda call: call.began)


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
