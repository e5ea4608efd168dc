"""`make smoke`: does a deployment work? As a visitor sees it, line by line, with where to look when something is wrong.

Without URL and STACK it is the running stack of this machine. The token is never printed.
"""

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from typing_relay.platforms.registry import platform_named

from local.commands.deployed import Deployed, UsageError, deployed, opens_contacts, session_of
from local.playing.calls import TypingCall, keeper_calls, logged_calls
from local.smoke.checks import Check, LogsOutOfReach, Target, checks
from local.smoke.verdicts import Mark, Places, closing
from local.stack.aws import HasClients

USAGE = """\
make smoke                                      this machine's running stack (PORT= selects one of several)
make smoke STACK=name                           a deployment, with your AWS credentials: all checks
make smoke URL=wss://… VISITOR_SECRET_ARN=arn   the token is signed with the visitor secret
make smoke URL=wss://… TOKEN=eyJ…               a token from your own server; no AWS credentials are needed
also: STACK=name with a URL (what CXone was told is read from the deployment's log), ORIGIN=https://shop.example (where
AllowedOrigins is set), GUEST_SECONDS=20 (the guest must be open within), CONTACTS=1 or 0 (Digital-First: the visitor
opens a contact by a message, and an agent gets it; on this machine 1, else 0)"""
_TOKEN_LIFE_S = 300


def main() -> int:
    """0: all checks passed; 1: a check failed; 2: wrong usage, or access denied."""
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
    place = deployed(given, own="TOKEN")
    token = given.get("TOKEN") or place.tokens([f"smoke-{secrets.token_hex(4)}"], _TOKEN_LIFE_S)[0]
    session = session_of(token, own="TOKEN")
    return Target(
        url=place.url,
        token=token,
        session=session,
        origin=place.origin,
        places=Places(place.stack, place.platform) if place.stack else Places(platform=place.platform),
        typing_calls=_reader(place, session),
        unseen_because="give STACK=name, and the deployment's log is read",
        guest_within_s=_seconds(given.get("GUEST_SECONDS") or "20"),
        opens_contact=opens_contacts(given, place),
    )


def _seconds(text: str) -> float:
    if not text.isdecimal() or not 1 <= int(text) <= 40:
        raise UsageError("GUEST_SECONDS must be a number from 1 to 40")
    return int(text)


def _reader(place: Deployed, session: str) -> Callable[[int], list[TypingCall]] | None:
    """Reads what CXone was told of a session since a time (epoch ms): from the log of who tells it, the sender or
    the keeper. None where the stack's name is unknown.
    """
    if not place.stack:
        return None
    if not platform_named(place.platform).speaks_on_socket:
        return partial(_told, place.aws, f"/aws/lambda/{place.stack}-sender", session)
    if place.info:  # a process of this machine, with a file for a log group
        return partial(_told_in, Path(place.info["logs"]) / "keeper.log", session)
    return partial(_told, place.aws, f"/ecs/{place.stack}-guest-keeper", session)


def _told_in(log: Path, session: str, since: int) -> list[TypingCall]:
    return [call for call in keeper_calls(log, session) if call.began >= since]


def _told(aws: HasClients, group: str, session: str, since: int) -> list[TypingCall]:
    try:
        return logged_calls(aws.client("logs"), group, session, since)
    except ClientError as error:
        raise LogsOutOfReach(f"{group}: {error.response['Error']['Code']}") from None
    except BotoCoreError as error:
        raise LogsOutOfReach(f"{group}: {type(error).__name__}") from None


if __name__ == "__main__":
    sys.exit(main())
