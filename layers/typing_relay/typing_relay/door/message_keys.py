"""The key by which a session's messages are recognised when they are sent again. No table has it, and no log."""

from __future__ import annotations

import hmac
from collections.abc import Callable

#: Seconds until a secret that could not be read is tried again.
_RETRY_SECONDS = 300


class MessageKeys:
    """Derives a session's key from the visitor secret, which the authorizer may read anyway.

    ``read`` gives the secret. It is read once in a process: whether it was rotated since does no harm, as messages of
    another key count as the same when they are sent again.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._secret = b""
        self._due_at = -float("inf")

    def of(self, session_id: str, now: float) -> str:
        """The key, at `now` (epoch seconds); "" where the secret cannot be read, which is no reason to refuse."""
        if not self._secret and now >= self._due_at:
            self._due_at = now + _RETRY_SECONDS
            try:
                self._secret = self._read().encode()
            except Exception:  # whatever it was: messages are taken without a key, too
                return ""
        if not self._secret:
            return ""
        return hmac.digest(self._secret, b"message key\0" + session_id.encode(), "sha256").hex()
