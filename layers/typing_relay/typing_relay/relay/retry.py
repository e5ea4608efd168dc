"""How long to wait before the next attempt. Pure; delays in ms."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

#: CXone fact: at most three retries, so four POSTs of one ``true`` in all (T7). A ``false`` is retried without limit.
MAX_RETRIES_OF_TRUE = 3
BASE_MS = 1_000
#: The delay after a 429 without a usable Retry-After.
DEFAULT_RETRY_AFTER_MS = 2_000
#: The exponential part is capped: a ``false`` should arrive soon after CXone recovers.
LONGEST_BACKOFF_MS = 16_000
#: After a refusal that only a change of configuration can end (scope, credentials), retry only this often.
DENIED_MS = 15_000


def backoff_ms(attempt: int, retry_after_ms: int = 0, jitter: float = 0.0) -> int:
    """The delay in ms before retry number ``attempt`` (0 for the first).

    max(Retry-After, 1000 ms x 2^attempt), plus up to a quarter of the latter by ``jitter`` (0 to 1). Jitter only adds
    (CXone fact, T7).
    """
    exponential = min(BASE_MS * 2 ** min(attempt, 30), LONGEST_BACKOFF_MS)
    return int(max(retry_after_ms, exponential) + jitter * exponential / 4)


def retry_after_ms(header: str | None, now: int) -> int:
    """A 429's Retry-After header, in ms from ``now`` (epoch ms). The header gives seconds or an HTTP date.

    An absent, negative or unreadable one gives the default of 2 s. A long one is obeyed in full.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * 1000
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return DEFAULT_RETRY_AFTER_MS
    try:
        delay = int(at.timestamp() * 1000) - now
    except (OverflowError, OSError):
        return DEFAULT_RETRY_AFTER_MS
    return delay if delay > 0 else DEFAULT_RETRY_AFTER_MS
