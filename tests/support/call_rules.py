"""What the relay may and may not do to CXone, judged by the simulated CXone's event log alone. Pure.

Independent of the relay's own code: it reads Retry-After for itself. Times are epoch ms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

Event = Mapping[str, Any]

CALLS = ("typing", "typing_read")
#: The relay gives a call up after this long, and until then it counts as in flight.
CLIENT_TIMEOUT_MS = 3_000
ABSENT_RETRY_AFTER_MS = 2_000
MOST_POSTS_OF_ONE_TRUE = 4
#: A sender that dies this soon after an answer has told nobody of it.
UNTOLD_MS = 2_000
#: Clocks of two processes on one machine, and rounding to ms.
TOLERANCE_MS = 5


def violations(
    events: Iterable[Event],
    bursts: Mapping[str, Sequence[float]] | None = None,
    deaths: Mapping[str, Sequence[float]] | None = None,
) -> list[str]:
    """What in the log breaks T6 or T7, in words; empty when all is well.

    ``bursts``: for each guest when its visitor's bursts began; a `true` of a later burst is another one. ``deaths``:
    for each guest when a sender that worked for it died; a Retry-After that it alone had heard binds nobody.
    """
    calls: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["kind"] in CALLS:
            calls[event["guest_id"]].append(event)
    found = []
    for guest, of_guest in calls.items():
        of_guest.sort(key=lambda call: call["received_at"])
        posts = [call for call in of_guest if call["kind"] == "typing"]
        found += _overlaps(guest, posts)
        found += _too_early(guest, of_guest, (deaths or {}).get(guest, ()))
        found += _too_many(guest, posts, (bursts or {}).get(guest, ()))
    return found


def repeats(events: Iterable[Event]) -> list[str]:
    """Values that CXone took and confirmed twice in a row without a reason to say them again.

    A reason: an answer lost in between, or a read that showed another value.
    """
    confirmed: dict[str, bool | None] = defaultdict(lambda: None)
    found = []
    for event in sorted((e for e in events if e["kind"] in CALLS), key=lambda call: call["at"]):
        guest, value = event["guest_id"], event.get("value")
        if event["status"] is None or (event["kind"] == "typing_read" and value != confirmed[guest]):
            confirmed[guest] = None
        elif event["kind"] == "typing" and event["accepted"]:
            if confirmed[guest] == value:
                found.append(f"{guest}: {value} was posted again at {event['received_at']:.0f} for no reason")
            confirmed[guest] = value
    return found


def _overlaps(guest: str, posts: Sequence[Event]) -> list[str]:
    """T6: at most one POST of a guest is in flight."""
    found = []
    free_at = 0.0
    for post in posts:
        if post["received_at"] < free_at - TOLERANCE_MS:
            found.append(f"T6: {guest}: a POST came at {post['received_at']:.0f}, one was in flight to {free_at:.0f}")
        is_hanging = post.get("fault") == "hang"
        free_at = max(free_at, post["received_at"] + CLIENT_TIMEOUT_MS if is_hanging else post["at"])
    return found


def _too_early(guest: str, calls: Sequence[Event], deaths: Sequence[float]) -> list[str]:
    """T7: no call of a guest before Retry-After is over."""
    found = []
    not_before = 0.0
    for call in calls:
        if call["received_at"] < not_before - TOLERANCE_MS:
            found.append(f"T7: {guest}: a call at {call['received_at']:.0f}, asked for not before {not_before:.0f}")
        is_untold = any(0 <= death - call["at"] + TOLERANCE_MS <= UNTOLD_MS for death in deaths)
        if call["status"] == 429 and not is_untold:
            not_before = max(not_before, call["at"] + _asked_ms(call.get("retry_after"), call["at"]))
    return found


def _too_many(guest: str, posts: Sequence[Event], bursts: Sequence[float]) -> list[str]:
    """T7: at most three retries of one `true`: until it is confirmed, taken back, or another burst begins.

    A 401 does not count: the same attempt is repeated with a new token.
    """
    found = []
    count, since = 0, 0.0
    for post in (post for post in posts if post["status"] != 401):
        if any(since < began <= post["received_at"] for began in bursts):
            count = 0
        since = post["received_at"]
        count = count + 1 if post["value"] else 0
        if count > MOST_POSTS_OF_ONE_TRUE:
            found.append(f"T7: {guest}: post {count} of one true at {post['received_at']:.0f}")
        if post["status"] == 200:
            count = 0
    return found


def _asked_ms(retry_after: str | None, now: float) -> float:
    text = (retry_after or "").strip()
    if text.isdecimal():
        return int(text) * 1000
    try:
        asked = parsedate_to_datetime(text).timestamp() * 1000 - now
    except ValueError:
        return ABSENT_RETRY_AFTER_MS
    return asked if asked > 0 else ABSENT_RETRY_AFTER_MS
