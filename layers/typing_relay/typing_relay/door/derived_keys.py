"""What the authorizer derives from the visitor secret, which no table and no log has: a key, and names of addresses."""

from __future__ import annotations

import hmac
from collections.abc import Callable

#: Seconds until a secret that could not be read is tried again.
_RETRY_SECONDS = 300
_DAY_SECONDS = 86_400
_NAME_DIGITS = 12


class DerivedKeys:
    """Derives from the visitor secret, which the authorizer may read anyway.

    ``read`` gives the secret. It is read once in a process: whether it was rotated since does no harm, as messages of
    another key count as the same when they are sent again.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._secret = b""
        self._due_at = -float("inf")

    def of_messages(self, session_id: str, now: float) -> str:
        """The key by which a session's messages are recognised when they are sent again, at `now` (epoch seconds).

        "" where the secret cannot be read, which is no reason to refuse.
        """
        return self._derived(f"message key\0{session_id}", now)

    def name_of(self, address: str, now: float) -> str:
        """A name of a source address for the log: the same for a day (UTC), and of no use to find the address.

        "" where the secret cannot be read.
        """
        return self._derived(f"address\0{int(now // _DAY_SECONDS)}\0{address}", now)[:_NAME_DIGITS]

    def _derived(self, what: str, now: float) -> str:
        if not self._secret and now >= self._due_at:
            self._due_at = now + _RETRY_SECONDS
            try:
                self._secret = self._read().encode()
            except Exception:  # whatever it was: messages are taken without a key, too
                return ""
        if not self._secret:
            return ""
        return hmac.digest(self._secret, what.encode(), "sha256").hex()
