"""Which deployment a command is to look at, and how visitors get their tokens there: by what the environment says.

`STACK=name`, `URL=wss://…`, or neither: the running stack of this machine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from botocore.exceptions import BotoCoreError, ClientError

from local.commands.token import TokenMaker, token_maker
from local.stack.aws import Aws, HasClients, OwnAccount
from local.stack.processes import StackError
from local.stack.stack_file import running

_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


class UsageError(Exception):
    """The settings do not name a deployment or a token. The message says what is missing."""


@dataclass(frozen=True)
class Deployed:
    """``stack`` is its name, "" if unknown; ``info`` the stack.json of a stack on this machine.

    ``token_maker`` reads the visitor secret, and returns what makes a token of a visitor and a life in s.
    """

    url: str
    origin: str | None
    stack: str
    platform: str
    aws: HasClients
    token_maker: Callable[[], TokenMaker]
    info: Mapping[str, Any] | None = None

    def tokens(self, visitors: Sequence[str], life_s: int) -> list[str]:
        """A token for each of ``visitors``. Raises UsageError where none can be signed."""
        with _told_as_usage():
            make = self.token_maker()
        return [make(visitor, life_s) for visitor in visitors]


def deployed(given: Mapping[str, str], own: str) -> Deployed:
    """The deployment that these settings name. ``own``: the setting for tokens of the user's own. Raises UsageError."""
    with _told_as_usage():
        if given.get("URL") or given.get("STACK"):
            return _in_an_account(given, own)
        return _on_this_machine(given, running(given.get("PORT")))


def session_of(token: str, own: str) -> str:
    """The session of this token, which came in the setting ``own``. Raises UsageError."""
    try:
        return str(jwt.decode(token, options={"verify_signature": False})["sub"])
    except (jwt.InvalidTokenError, KeyError):
        raise UsageError(f"{own} is no JWT with a sub") from None


def opens_contacts(given: Mapping[str, str], place: Deployed) -> bool:
    """Digital-First: whether visitors write a first message, as CONTACTS says.

    On a stack of this machine they do unless it is 0; elsewhere only if it is 1, because agents get the contacts.
    """
    return place.platform == "dfo" and (given.get("CONTACTS") or ("1" if place.info else "0")) == "1"


@contextmanager
def _told_as_usage() -> Iterator[None]:
    try:
        yield
    except StackError as error:
        raise UsageError(f"{error}; or name a deployment by STACK= or URL=") from None
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"AWS: {error}") from None


def _on_this_machine(given: Mapping[str, str], info: Mapping[str, Any]) -> Deployed:
    aws = Aws(info["aws_endpoint_url"])
    return Deployed(
        url=info["websocket_url"],
        origin=given.get("ORIGIN") or None,
        stack=info["stack_name"],
        platform=info["platform"],
        aws=aws,
        token_maker=lambda: token_maker(aws, info["visitor_secret_arn"]),
        info=info,
    )


def _in_an_account(given: Mapping[str, str], own: str) -> Deployed:
    aws = OwnAccount()
    stack = given.get("STACK", "")
    known = _known_of(aws, stack) if stack else {}
    url = given.get("URL") or known["WebSocketUrl"]
    if not _is_usable(url):
        raise UsageError(f"URL must be wss://…, the output WebSocketUrl, without a query; the token goes into {own}=")
    first_allowed = (known.get("AllowedOrigins") or "").split(",")[0]
    return Deployed(
        url=url.rstrip("/"),
        origin=given.get("ORIGIN", first_allowed) or None,
        stack=stack,
        platform=known.get("CxonePlatform") or "v1",
        aws=aws,
        token_maker=lambda: _token_maker(aws, given, known, own),
    )


def _is_usable(url: str) -> bool:
    """Refuse a URL that would carry the token in clear text to another machine."""
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


def _token_maker(aws: HasClients, given: Mapping[str, str], known: Mapping[str, str], own: str) -> TokenMaker:
    if known.get("VisitorJwksUrl"):
        raise UsageError(f"this deployment takes tokens signed by your own keys (VisitorJwksUrl): give them in {own}=")
    arn = given.get("VISITOR_SECRET_ARN") or known.get("VisitorSecretArn")
    if not arn:
        raise UsageError(f"a visitor needs a token: give STACK=, VISITOR_SECRET_ARN= or {own}=")
    claims = {"iss": known.get("VisitorIssuer"), "aud": known.get("VisitorAudience")}
    return token_maker(aws, arn, **{name: value for name, value in claims.items() if value})
