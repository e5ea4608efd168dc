"""`make invoke EVENT=events/keystroke.json`: invokes the function that takes this event with it.

Uses the running stack, or starts one for this call, where pages of https://shop.example may connect. Prints the answer
to stdout and the function's log to stderr. In place of the samples' token it puts one that the stack's secret signed.
"""

import base64
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.commands.token import token_maker
from local.stack.aws import Aws
from local.stack.deploy import ROOT
from local.stack.processes import StackError
from local.stack.settings import read_settings
from local.stack.stack import Stack, StopRequested, stopping_on_signals
from local.stack.stack_file import running
from local.template_file import read_template

#: The token of the sample events, whose signature no deployment has made.
_SAMPLE_TOKEN = re.compile(r"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0\.[\w-]+")
_VISITOR, _LIFE_S = "alice", 3_600
#: Where the sample events' page is.
_SHOP = "https://shop.example"


class UsageError(Exception):
    """There is no such function or event. The message lists those there are."""


def main() -> int:
    """0: the function answered; 1: it failed, or there is no stack; 2: no such function or event."""
    function, path = (*sys.argv[1:3], "", "")[:2]
    try:
        if function:
            _check_function(function)
        event = _read_event(path)
        function = function or function_of(event)
        with stopping_on_signals():
            return _invoke_somewhere(function, event)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except StopRequested:
        return 130


def _check_function(name: str) -> None:
    resources: dict[str, Any] = read_template()["Resources"]
    names = [n for n, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"]
    if name not in names:
        raise UsageError(f"there is no function {name!r}. FUNCTION is one of: {', '.join(names)}")


def function_of(event: Any) -> str:
    """The function that AWS would call with this event. UsageError when it is none's."""
    match event:
        case {"methodArn": _}:
            return "Authorizer"
        case {"requestContext": {"eventType": "MESSAGE"}}:
            return "Keystroke"
        case {"requestContext": {"eventType": "CONNECT"}, "headers": {"x-keeper": _}}:
            return "KeeperLine"
        case {"requestContext": {"eventType": "CONNECT" | "DISCONNECT"}}:
            return "Connection"
        case {"session_id": _, "generation": _}:
            return "Sender"
        case {"source": "aws.events"}:
            return "Sweeper"
    raise UsageError("no function takes such an event by itself: name one, FUNCTION=…")


def _read_event(path: str) -> Any:
    samples = ", ".join(str(sample.relative_to(ROOT)) for sample in sorted((ROOT / "events").glob("*.json")))
    try:
        return json.loads((ROOT / path).read_text())
    except OSError:
        raise UsageError(f"there is no event file {path!r}. EVENT is a JSON file, such as: {samples}") from None
    except ValueError as error:
        raise UsageError(f"the event file {path!r} is not JSON: {error}") from None


def _invoke_somewhere(function: str, event: Any) -> int:
    try:
        return _invoke(running(os.environ.get("PORT")), function, event)
    except StackError:
        print("No stack is running; starting one for this call …", file=sys.stderr)
    platform = "dfo" if function == "KeeperLine" else os.environ.get("CXONE_PLATFORM", "")
    settings = replace(read_settings({"CXONE_PLATFORM": platform}), allowed_origins=_SHOP)
    with Stack(settings, as_newest=False, keepers=0, senders=1) as stack:
        return _invoke(stack.info, function, event)


def _invoke(info: Mapping[str, Any], function: str, event: Any) -> int:
    if function not in info["functions"]:
        raise UsageError(f"{function} is not deployed on {info['platform']}. Start a stack with CXONE_PLATFORM=dfo")
    aws = Aws(info["aws_endpoint_url"])
    payload = json.dumps(event)
    if _SAMPLE_TOKEN.search(payload):
        at = event["requestContext"]["requestTimeEpoch"] // 1000  # the samples have times of their own
        make = token_maker(aws, info["visitor_secret_arn"], exp=at + _LIFE_S)
        payload = _SAMPLE_TOKEN.sub(make(_VISITOR, 0), payload)
    client = aws.client("lambda")
    answer = client.invoke(FunctionName=info["functions"][function], Payload=payload, LogType="Tail")
    print(base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"), file=sys.stderr)
    print(json.dumps(json.load(answer["Payload"]), indent=2))
    return 1 if "FunctionError" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
