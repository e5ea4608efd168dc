"""The lines that the functions write, in bytes, by what they did: `python -m tests.cost.log_lines`.

A process of its own: each line comes from the function's own handler, with the environment that Lambda would give it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOW = 1_800_000_000_000
ID = "0c6f3a52-7a0b-4f0e-9f0c-2b1d6c1c9c11"
CONNECTION = "L0SM9cOFvHcCIhw="
GUEST = "5f1c2f7e-3f63-4b6e-8a39-6d7d3f2f8f10"
#: CloudWatch counts this many bytes with each line (quotas of PutLogEvents).
PER_LINE = 26
_SETTINGS = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "unused",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "AWS_LAMBDA_FUNCTION_NAME": "typing-relay-Keystroke-1a2b3c4d5e6f",
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1",
    "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay/typing-relay",
    "TABLE_NAME": "sessions",
    "CXONE_STATE_TABLE": "state",
    "STATE_MACHINE_ARN": "unused",
    "GUEST_QUEUE_URL": "unused",
    "CXONE_BASE_URL": "https://acme.api.nicecxone.com",
    "CXONE_SECRET_ARN": "unused",
    "CONNECTIONS_URL": "http://127.0.0.1:9/unused",
}


@cache
def line_bytes() -> dict[str, int]:
    """Bytes of the lines for each thing done: "key started", "true", … ; what writes none is not named."""
    found: dict[str, int] = {}
    for function in ("keystroke", "sender", "guest_keeper"):
        environment = {**os.environ, **_SETTINGS, "POWERTOOLS_SERVICE_NAME": function}
        environment["PYTHONPATH"] = f"{ROOT / 'layers/typing_relay'}:{ROOT}"
        command = [sys.executable, "-m", "tests.cost.log_lines", function]
        answer = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, timeout=60)
        found |= json.loads(answer.stdout)
    return found


class Invocation:
    """What Lambda tells a function about an invocation."""

    function_name = "typing-relay-Keystroke-1a2b3c4d5e6f"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}:live"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        """Plenty."""
        return 60_000


class Cxone:
    """Takes every call, 100 ms later."""

    def __init__(self) -> None:
        self.now = NOW

    def set_typing(self, guest_id: str, typing: bool) -> Any:
        from typing_relay.relay.outcomes import Kind, Outcome

        self.now += 100
        return Outcome(Kind.ACCEPTED)

    def get_typing(self, guest_id: str) -> bool:
        self.now += 100
        return True


def main() -> None:
    """Print the bytes of one function's lines."""
    measure = {"keystroke": of_keystrokes, "sender": of_looks, "guest_keeper": of_keepers}[sys.argv[1]]
    print(json.dumps(measure()))


def of_keystrokes() -> dict[str, int]:
    """A key that starts a burst, one of its others, a stop."""
    from typing_relay.relay.effects import StartOwner
    from typing_relay.relay.runner import handled_by

    from tests.support.load_function import load_function
    from tests.support.runners import with_handlers

    function = load_function("keystroke")
    cxone, sessions = Cxone(), visitor()
    starts = handled_by(StartOwner, lambda due: True)
    function.runner = with_handlers(function.runner, starts, sessions=sessions, clock=lambda: cxone.now)
    event = json.loads((ROOT / "events/keystroke.json").read_text())
    request = event["requestContext"]
    request |= {"connectionId": CONNECTION, "authorizer": {**request["authorizer"], "session": ID}}

    def frame(at: int, **body: Any) -> Callable[[], None]:
        sent = {"requestContext": {**request, "requestTimeEpoch": NOW + at}, "body": json.dumps(body)}
        return lambda: function.handler(sent, Invocation())

    frame(-9000, action="stop")()  # the first of a process is a cold start, and its lines say so
    found = {
        "key started": bytes_of(function, frame(0, action="keystroke", ago_ms=0, hold_ms=6000)),
        "key coalesced": bytes_of(function, frame(0, action="keystroke", ago_ms=0, hold_ms=6000)),
    }
    sessions.records[ID] = replace(sessions.records[ID], shown=True)  # by now a sender has been at work
    return {**found, "stop started": bytes_of(function, frame(1, action="stop", ago_ms=0))}


def of_looks() -> dict[str, int]:
    """A look of the sender that sends true, one that asks, one that sends false, one with nothing to do."""
    from typing_relay.relay.effects import AskBreaker, AskCxone, TellBreaker, TellCxone
    from typing_relay.relay.runner import handled_by
    from typing_relay.reporting import ReportedGuests

    from tests.support.load_function import load_function
    from tests.support.runners import with_handlers

    function = load_function("sender")
    cxone, sessions = Cxone(), visitor()

    def clock() -> int:
        return cxone.now

    guests = ReportedGuests(cxone, function.logger, function.metrics, clock)
    function.runner = with_handlers(
        function.runner,
        handled_by(TellCxone, lambda due: guests.set_typing(due.guest_id, due.typing)),
        handled_by(AskCxone, lambda due: guests.get_typing(due.guest_id)),
        handled_by(AskBreaker, lambda due: 0),
        handled_by(TellBreaker, lambda due: None),
        sessions=sessions,
        clock=clock,
    )

    def look() -> None:
        event = {"session_id": ID, "generation": sessions.records[ID].generation, "started_at": "2027-01-15T08:00:00Z"}
        function.handler(event, Invocation())

    def claim() -> None:
        record = sessions.records[ID]
        sessions.claim(ID, record.generation, cxone.now + 14_000, 0)

    claim()
    look()  # the first of a process is a cold start, and its lines say so
    sessions.press_key(ID, CONNECTION, cxone.now, cxone.now, NOW // 1000 + 86_400, 6000)
    claim()
    found = {"true": bytes_of(function, look), "": bytes_of(function, look)}
    sessions.verified(sessions.records[ID], True, cxone.now, 0)
    found["get"] = bytes_of(function, look)
    sessions.note_stop(ID, CONNECTION, cxone.now, cxone.now)
    claim()
    return {**found, "false": bytes_of(function, look)}


def of_keepers() -> dict[str, int]:
    """Digital-First: a typing frame that the gateway took, with its value in the minute's line of metrics."""
    from types import SimpleNamespace

    from typing_relay.platforms.digital_first.talk_parts.tickets import Tickets
    from typing_relay.relay.outcomes import Kind, Outcome

    from tests.support.load_function import load_function

    function = load_function("guest_keeper")
    function.log_as_json()
    talk: Any = SimpleNamespace(context=SimpleNamespace(clock=lambda: NOW + 100), session_id=ID)
    ended = Tickets(talk)._ended
    line = bytes_of(function, lambda: ended(True, NOW, lambda _: None, Outcome(Kind.ACCEPTED)))
    return {"keeper told": line + len(", 2100.0")}


def visitor() -> Any:
    """The store, with a visitor whose guest is open."""
    from typing_relay.relay.burst import GuestStatus
    from typing_relay.relay.ports import Coming

    from tests.simulation.memory_sessions import MemorySessions

    sessions = MemorySessions()
    sessions.create(ID, NOW, NOW // 1000 + 86_400)
    sessions.add_connection(ID, Coming(CONNECTION, NOW - 7000, NOW // 1000 + 3600), NOW, NOW // 1000 + 86_400)
    sessions.take_guest(ID, "keeper", NOW)
    sessions.open_guest(ID, "keeper", GUEST, "wss://guest", NOW)
    sessions.set_guest_status(ID, "keeper", GuestStatus.OPEN, NOW)
    return sessions


def bytes_of(function: Any, act: Callable[[], None]) -> int:
    """Bytes that ``act`` writes."""
    written = io.StringIO()
    function.logger.registered_handler.setStream(written)
    with redirect_stdout(written):
        act()
    return sum(len(line.encode()) + PER_LINE for line in written.getvalue().splitlines())


if __name__ == "__main__":
    main()
