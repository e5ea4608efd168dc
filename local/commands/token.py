"""`make token VISITOR=alice`: prints a visitor token for the running stack, as the team's own server would issue it.

CLAIMS='{"given_name": "Ada"}' adds what the token says of the visitor, as JSON.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import jwt

from local.stack.aws import Aws, HasClients
from local.stack.processes import StackError
from local.stack.stack_file import running

#: The longest that a deployment takes unless it says otherwise.
_LIFE_S = 7200
#: What the door takes as a session, the token's `sub`; a test compares the two.
VISITOR = re.compile(r"[A-Za-z0-9._:@|~+=-]{1,128}")
#: What the door takes as claims of who the visitor is; the same test compares them.
CLAIMS = ("given_name", "family_name", "customer", "fields", "channel", "sign_in")


#: Takes a visitor and the token's lifetime in s.
TokenMaker = Callable[[str, int], str]


def token_maker(aws: HasClients, secret_arn: str, **claims: Any) -> TokenMaker:
    """A function that signs HS256 tokens with these claims. The secret is read once, now."""
    secret = aws.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]

    def make(visitor: str, life_s: int) -> str:
        now = int(time.time())
        return jwt.encode({"sub": visitor, "iat": now, "exp": now + life_s, **claims}, secret, algorithm="HS256")

    return make


def visitor_token(aws: HasClients, secret_arn: str, visitor: str, life_s: int = _LIFE_S, **claims: Any) -> str:
    """A token for the session `visitor`, valid for `life_s`, with these claims, too."""
    return token_maker(aws, secret_arn, **claims)(visitor, life_s)


def profile_claims(text: str) -> dict[str, Any]:
    """What a developer's token is to say of the visitor, from JSON; ValueError where that is no such thing."""
    try:
        claims = json.loads(text) if text else {}
    except ValueError:
        claims = None
    if not isinstance(claims, dict) or not claims.keys() <= set(CLAIMS):
        raise ValueError(f"claims are a JSON object with some of {', '.join(CLAIMS)}")
    return claims


def main() -> int:
    """Print only the token to stdout. Returns 0; 1: no stack is running; 2: no visitor that is let in."""
    visitor = sys.argv[1] if len(sys.argv) > 1 else ""
    if not visitor:
        print("error: name a visitor: make token VISITOR=alice", file=sys.stderr)
        return 2
    if not VISITOR.fullmatch(visitor):
        print("error: VISITOR must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ | ~ + = -", file=sys.stderr)
        return 2
    try:
        claims = profile_claims(os.environ.get("CLAIMS", ""))
    except ValueError as wrong:
        print(f"error: CLAIMS: {wrong}", file=sys.stderr)
        return 2
    try:
        info = running(os.environ.get("PORT"))
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(visitor_token(Aws(info["aws_endpoint_url"]), info["visitor_secret_arn"], visitor, **claims))
    return 0


if __name__ == "__main__":
    sys.exit(main())
