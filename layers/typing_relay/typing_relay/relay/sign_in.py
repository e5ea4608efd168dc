"""How a visitor is signed in at CXone where the relay does not do it by itself (Digital-First). Pure.

A page hands over what it got, with the visitor's own address and cookies, from CXone or from the team's own identity
provider; a keeper uses it once. All of it is secret: nothing here is logged, shown by a repr, or put into an error.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

#: A part of its life is left when a token is replaced, as NICE's web client does it.
RENEWED_AT = 0.9


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a page hands over at ``at`` (epoch ms): an access token of CXone's, or a third party's code.

    ``visitor_id``, ``customer_id``: whom CXone issued the token to. ``third_party_token``: the third party's own access
    token, which messages carry. ``verifier``: the code's (PKCE); '': there is none.
    """

    access_token: str = field(default="", repr=False)
    expires_in_ms: int = 0
    visitor_id: str = ""
    customer_id: str = field(default="", repr=False)
    third_party_token: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    verifier: str = field(default="", repr=False)
    at: int = 0

    @property
    def expires_at(self) -> int:
        """When the access token ends (epoch ms)."""
        return self.at + self.expires_in_ms

    def encoded(self) -> str:
        """As the record keeps it until a keeper has used it."""
        return _encoded(asdict(self))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the next keeper needs of a sign-in that was used. ``renew_at``: when another is due (epoch ms).

    ``refresh_token``: gets the next one without the page; '': the page is asked.
    """

    renew_at: int
    third_party_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)

    def encoded(self) -> str:
        """As the record keeps it for the session's life."""
        return _encoded(asdict(self))


def sign_in_of(text: str) -> SignIn | None:
    """What ``SignIn.encoded`` made; None where nothing waits to be used."""
    return SignIn(**json.loads(text)) if text else None


def signed_in_of(text: str) -> SignedIn | None:
    """What ``SignedIn.encoded`` made; None where the relay signs the visitor in by itself."""
    return SignedIn(**json.loads(text)) if text else None


def _encoded(known: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in known.items() if value}, separators=(",", ":"))
