"""One harmless event through each function, so that the first visitor does not wait for five cold starts."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from local.aws import Aws
from local.processes import StackError

_NOBODY = "warm-up"  # no such session or connection


def warm_up(aws: Aws, functions: Mapping[str, str]) -> None:
    """Invoke each function, all at the same time. StackError when one of them cannot even do this."""
    client = aws.client("lambda")

    def invoke(name: str, event: Mapping[str, Any]) -> None:
        answer = client.invoke(FunctionName=functions[name], Payload=json.dumps(event))
        payload = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise StackError(f"the function {name} fails: {payload[:2000]}")

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(invoke, name, event) for name, event in _events().items()]:
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
        "Keystroke": {
            "requestContext": _request("hello", "MESSAGE"),
            "body": '{"action":"hello"}',
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
