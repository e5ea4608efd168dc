"""What `make block` and `make forget` have in common: whose session, in which deployment, and what AWS says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from local.commands.deployed import UsageError
from local.commands.token import VISITOR
from local.ending.visitor import Account, Visitor, places_of
from local.stack.aws import Aws, OwnAccount
from local.stack.processes import StackError
from local.stack.stack_file import running


def visitor_of(given: Mapping[str, str]) -> tuple[str, Visitor]:
    """The session that SESSION names, in the deployment that STACK or PORT does. Raises UsageError, boto3's errors."""
    session = given.get("SESSION", "")
    if not VISITOR.fullmatch(session):
        raise UsageError("SESSION must be the token's sub: 1 to 128 characters of A-Z a-z 0-9 . _ : @ | ~ + = -")
    aws, stack = _place(given)
    return session, Visitor(aws, places_of(aws, stack), session)


def _place(given: Mapping[str, str]) -> tuple[Account, str]:
    if given.get("STACK"):
        return OwnAccount(), given["STACK"]
    try:
        info = running(given.get("PORT"))
    except StackError as error:
        raise UsageError(f"{error}; or name a deployment by STACK=") from None
    return Aws(info["aws_endpoint_url"]), info["stack_name"]


def done_or_told(usage: str, do: Callable[[], None]) -> int:
    """Do it. 0: done; 1: AWS refused; 2: wrong usage; each is told."""
    try:
        do()
    except UsageError as error:
        print(f"error: {error}\n\n{usage}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS: {error}", file=sys.stderr)
        return 1
    return 0
