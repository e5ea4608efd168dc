"""The access tokens that a simulator has issued."""

import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

Owner = TypeVar("Owner")


class Tokens(Generic[Owner]):
    """The valid access tokens, and the holder of each."""

    def __init__(self) -> None:
        self._issued: dict[str, tuple[Owner, float]] = {}

    def issue(self, owner: Owner, now: float, expires_in: float) -> str:
        """A new token, valid from `now` (epoch ms) for `expires_in` seconds."""
        token = secrets.token_urlsafe(32)
        self._issued[token] = (owner, now + expires_in * 1000)
        return token

    def owner(self, token: str, now: float) -> Owner | None:
        """The holder of this token; None when it is unknown, expired or revoked."""
        owner, ends = self._issued.get(token, (None, 0))
        return owner if now < ends else None

    def revoke(self, token: str) -> None:
        """Revoke this one, if it was issued."""
        self._issued.pop(token, None)

    def revoke_all(self) -> None:
        """Revoke all tokens issued so far."""
        self._issued.clear()

    def revoke_of(self, is_meant: Callable[[Owner], bool]) -> None:
        """Revoke the tokens of these holders."""
        self._issued = {token: (owner, ends) for token, (owner, ends) in self._issued.items() if not is_meant(owner)}
