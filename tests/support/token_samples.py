"""Visitor tokens for tests: good ones by default, and any way of being bad."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt

NOW = 1_800_000_000  # epoch s
SECRET = b"a visitor secret of 32 bytes or so"
OTHER_SECRET = b"another secret, of 32 bytes as well"


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of alice for an hour; a change to None leaves the claim out."""
    merged = {"sub": "alice", "exp": NOW + 3600, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changes: Any) -> str:
    """A token with `claims(**changes)`."""
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} if kid else None)


def part(value: Any) -> str:
    """A header or payload as a token holds it, also one that no library would write."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def signed_as_is(header: Any, payload: Any, secret: bytes = SECRET) -> str:
    """A token with a true HS256 signature over a header and payload that no library would sign."""
    signing_input = f"{part(header)}.{part(payload)}"
    signature = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{part(signature)}"
