"""`make smoke`: does a deployment work? As a visitor sees it, line by line, with where to look when something is wrong.

Without URL and STACK it is the running stack of this machine. The token is never printed.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import jwt
from botocore.exceptions import BotoCoreError, ClientError

from local.commands.token import visitor_token
from local.playing.calls import TypingCall, logged_calls
from local.smoke.checks import Check, LogsOutOfReach, Target, checks
from local.smoke.verdicts import Mark, Places, closing
from local.stack.aws import Aws, HasClients, OwnAccount
from local.stack.processes import StackError
from local.stack.stack_file import running

USAGE = """\
make smoke                                      the running stack of this machine (PORT= for one of several)
make smoke STACK=name                           a deployment, by your AWS credentials: all of it
make smoke URL=wss://… VISITOR_SECRET_ARN=arn   a token is made with the visitor secret
make smoke URL=wss://… TOKEN=eyJ…               with a token of your own server's; no AWS credentials are needed
besides: STACK=name with a URL (what CXone was told is read from the sender's log), ORIGIN=https://shop.example (where
AllowedOrigins is set), GUEST_SECONDS=20 (so soon the guest is to be there)"""
_TOKEN_LIFE_S = 300
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


class UsageError(Exception):
    """What was given does not say what to look at; the message says what is missing."""


def main() -> int:
    """0: all is well; 1: something is wrong; 2: it is not clear what to look at, or nobody may look."""
    try:
        target = target_of(os.environ)
    except UsageError as error:
        print(f"error: {error}\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        return _look_at(target)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


def _look_at(target: Target) -> int:
    print(f"{target.url} as visitor {target.session}\n", flush=True)
    taken = []
    for check in checks(target):
        print(_line(check), flush=True)
        taken.append(check.finding)
    verdict, status = closing(taken)
    print(f"\n{verdict}")
    return status


def _line(check: Check) -> str:
    finding = check.finding
    took = f"{check.seconds:5.1f} s" if finding.mark is not Mark.UNSEEN else " " * 7
    look = "".join(f"\n{'':28}look at: {place}" for place in finding.look)
    return f"  {finding.mark.value} {check.name:<13} {took}   {finding.text}{look}"


def target_of(given: Mapping[str, str]) -> Target:
    """What these settings name. UsageError."""
    try:
        if given.get("URL") or given.get("STACK"):
            return _deployed(given)
        return _of_this_machine(given, running(given.get("PORT")))
    except StackError as error:
        raise UsageError(f"{error}; or name a deployment by STACK= or URL=") from None
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"AWS: {error}") from None


def _of_this_machine(given: Mapping[str, str], info: Mapping[str, Any]) -> Target:
    aws = Aws(info["aws_endpoint_url"])
    session = f"smoke-{secrets.token_hex(4)}"
    token = given.get("TOKEN") or visitor_token(aws, info["visitor_secret_arn"], session, _TOKEN_LIFE_S)
    return _as_target(given, info["websocket_url"], token, aws, info["stack_name"])


def _deployed(given: Mapping[str, str]) -> Target:
    aws = OwnAccount()
    stack = given.get("STACK", "")
    known = _known_of(aws, stack) if stack and not (given.get("URL") and given.get("TOKEN")) else {}
    url = given.get("URL") or known["WebSocketUrl"]
    if not _is_usable(url):
        raise UsageError("URL must be wss://…, the output WebSocketUrl, without a query; the token goes into TOKEN=")
    origin = (known.get("AllowedOrigins") or "").split(",")[0]
    token = given.get("TOKEN") or _token(aws, given, known)
    return _as_target({"ORIGIN": origin, **given}, url, token, aws, stack)


def _is_usable(url: str) -> bool:
    """A token goes there, so in the clear to this machine only."""
    parts = urlsplit(url)
    is_safe = parts.scheme == "wss" or (parts.scheme == "ws" and parts.hostname in _LOCAL_HOSTS)
    return is_safe and bool(parts.hostname) and not parts.query


def _known_of(aws: HasClients, stack: str) -> dict[str, str]:
    """The stack's parameters and outputs."""
    [found] = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    parameters = {given["ParameterKey"]: given["ParameterValue"] for given in found.get("Parameters", ())}
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    if "WebSocketUrl" not in outputs:
        raise UsageError(f"the stack {stack} has no output WebSocketUrl: it is no Typing Relay, or not deployed whole")
    return parameters | outputs


def _token(aws: HasClients, given: Mapping[str, str], known: Mapping[str, str]) -> str:
    if known.get("VisitorJwksUrl"):
        raise UsageError("this deployment takes tokens signed by your own keys (VisitorJwksUrl): give one in TOKEN=")
    arn = given.get("VISITOR_SECRET_ARN") or known.get("VisitorSecretArn")
    if not arn:
        raise UsageError("a visitor needs a token: give STACK=, VISITOR_SECRET_ARN= or TOKEN=")
    claims = {"iss": known.get("VisitorIssuer"), "aud": known.get("VisitorAudience")}
    asked_for = {name: value for name, value in claims.items() if value}
    return visitor_token(aws, arn, f"smoke-{secrets.token_hex(4)}", _TOKEN_LIFE_S, **asked_for)


def _as_target(given: Mapping[str, str], url: str, token: str, aws: HasClients, stack: str) -> Target:
    session = _session_of(token)
    return Target(
        url=url.rstrip("/"),
        token=token,
        session=session,
        origin=given.get("ORIGIN") or None,
        places=Places(stack) if stack else Places(),
        typing_calls=partial(_told, aws, stack, session) if stack else None,
        unseen_because="give STACK=name, and the sender's log is read",
        guest_within_s=_seconds(given.get("GUEST_SECONDS") or "20"),
    )


def _session_of(token: str) -> str:
    try:
        return str(jwt.decode(token, options={"verify_signature": False})["sub"])
    except (jwt.InvalidTokenError, KeyError):
        raise UsageError("TOKEN is no JWT with a sub") from None


def _seconds(text: str) -> float:
    if not text.isdecimal() or not 1 <= int(text) <= 40:
        raise UsageError("GUEST_SECONDS must be a number from 1 to 40")
    return int(text)


def _told(aws: HasClients, stack: str, session: str, since: int) -> list[TypingCall]:
    group = f"/aws/lambda/{stack}-sender"
    try:
        return logged_calls(aws.client("logs"), group, session, since)
    except ClientError as error:
        raise LogsOutOfReach(f"{group}: {error.response['Error']['Code']}") from None
    except BotoCoreError as error:
        raise LogsOutOfReach(f"{group}: {type(error).__name__}") from None


if __name__ == "__main__":
    sys.exit(main())
