"""Harmless events through the functions, so that the first visitors do not wait for cold starts.

On AWS two dozen visitors who begin at once meet as many cold starts at once, each on a CPU of its own. Here they would
share this machine's, so those environments are made beforehand.
"""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ReadTimeoutError

from local.stack.aws import Aws
from local.stack.processes import StackError

_NOBODY = "warm-up"  # no such session or connection
# Handshakes come more spread out than the calls of those who type.
_MOST_AUTHORIZERS = 4
_PATIENCE_S = 20
_TRIES = 6
_PAUSE_S = 1
# The emulator's type for what a function raised; any other is an exception of its own.
_BY_THE_FUNCTION = "Runtime.HandlerError"


def warm_up(aws: Aws, functions: Mapping[str, str], at_once: int) -> None:
    """Invoke each function as often as it is needed when `at_once` senders work at the same time. StackError when one
    of them cannot even do this.

    Now and then the emulator never answers one of many cold starts at once; that environment is then left behind. Or
    one fails by an exception of the emulator's own, as when it clears away an environment that is being made; it is
    tried again, a moment later.
    """
    client = aws.patient_client("lambda", _PATIENCE_S)

    def invoke(name: str, event: Mapping[str, Any]) -> None:
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = client.invoke(FunctionName=functions[name], Payload=json.dumps(event))
            except ReadTimeoutError:
                return
            payload = answer["Payload"].read().decode()
            if "FunctionError" not in answer:
                return
            if not tries_left or json.loads(payload).get("errorType") == _BY_THE_FUNCTION:
                raise StackError(f"the function {name} fails: {payload[:2000]}")
            time.sleep(_PAUSE_S)

    times = {"Authorizer": min(at_once, _MOST_AUTHORIZERS), "Sender": at_once}
    events = [(name, event) for name, event in _events().items() for _ in range(times.get(name, 1))]
    with ThreadPoolExecutor(len(events)) as pool:
        for done in [pool.submit(invoke, name, event) for name, event in events]:
            done.result()


def _events() -> dict[str, dict[str, Any]]:
    return {
        "Authorizer": {  # without a token: refused
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:us-east-1:000000000000:warm/live/$connect",
            "headers": {},
            "queryStringParameters": None,
            "requestContext": _request("$connect", "CONNECT"),
        },
        "Connection": {"requestContext": _request("$disconnect", "DISCONNECT")},
        "Keystroke": {  # a stop of somebody unknown is noted nowhere; a hello would make a session, with a guest
            "requestContext": _request("stop", "MESSAGE"),
            "body": '{"action":"stop"}',
            "isBase64Encoded": False,
        },
        "Sender": {"session_id": _NOBODY, "generation": 0, "started_at": datetime.now(UTC).isoformat()},
        "Sweeper": {},
    }


def _request(route: str, kind: str) -> dict[str, Any]:
    return {
        "routeKey": route,
        "eventType": kind,
        "connectionId": _NOBODY,
        "requestTimeEpoch": int(time.time() * 1000),
        "authorizer": {"session": _NOBODY, "signals": "on", "expires_at": int(time.time()) + 3600},
    }
