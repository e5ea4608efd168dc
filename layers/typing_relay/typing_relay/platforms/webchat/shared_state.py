"""The state that all processes share about CXone, in its own DynamoDB table (encrypted): OAuth token and breaker."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import reduce
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from typing_relay.platforms.webchat.auth import ShareUnavailable, Token
from typing_relay.relay import breaker
from typing_relay.relay.breaker import Pause, Tally
from typing_relay.relay.outcomes import Outcome

#: A lock whose process died expires after this.
LOCK_MS = 5_000
#: How old the breaker's state may be in a process.
LOOK_MS = 1_000
#: Successful calls are reported this many at a time.
REPORT_CALLS = 3
#: A window's calls are counted in this many items: a single one would get every sender's writes when CXone fails.
SHARDS = 4
_TOKEN, _BREAKER = {"name": {"S": "oauth_token"}}, {"name": {"S": "breaker"}}
_CONDITION_FAILED = "ConditionalCheckFailedException"


class SharedToken:
    """The shared copy of the OAuth token, and the lock of the one that renews it."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client, self._table = client, table_name

    def read(self) -> Token | None:
        """The token, if there is one. Raises ShareUnavailable."""
        try:
            item = self._client.get_item(TableName=self._table, Key=_TOKEN, ConsistentRead=True).get("Item", {})
        except (BotoCoreError, ClientError) as error:
            raise ShareUnavailable(type(error).__name__) from error
        if "token" not in item:
            return None
        return Token(item["token"]["S"], int(item["token_expires_at"]["N"]))

    def try_lock(self, now: int) -> bool:
        """Become the process that renews; False while another one does. Raises ShareUnavailable."""
        return self._update(
            "SET locked_until = :until",
            "attribute_not_exists(locked_until) OR locked_until <= :now",
            {":until": _n(now + LOCK_MS), ":now": _n(now)},
        )

    def save(self, token: Token) -> None:
        """Share a new token and return the lock. Raises ShareUnavailable."""
        self._update(
            "SET #token = :token, token_expires_at = :at, expires_at = :ttl REMOVE locked_until",
            None,
            {":token": {"S": token.value}, ":at": _n(token.expires_at), ":ttl": _n(token.expires_at // 1000)},
        )

    def forget(self, value: str) -> None:
        """CXone refused this token: remove it unless a newer one is already there. Raises ShareUnavailable."""
        self._update("REMOVE #token", "#token = :token", {":token": {"S": value}})

    def _update(self, update: str, condition: str | None, values: dict[str, Any]) -> bool:
        request: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if "#token" in update:
            request["ExpressionAttributeNames"] = {"#token": "token"}  # a reserved word
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_TOKEN,
                UpdateExpression=update,
                ExpressionAttributeValues=values,
                **request,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _CONDITION_FAILED:
                return False
            raise ShareUnavailable(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise ShareUnavailable(type(error).__name__) from error
        return True


class SharedBreaker:
    """The breaker: all processes count their calls together, and all pause when most of them fail.

    ``report`` is called with the pause in ms in the one process that opens the breaker.
    """

    def __init__(self, client: Any, table_name: str, report: Callable[[int], None]) -> None:
        self._client, self._table, self._report = client, table_name, report
        self._pause = Pause()
        self._looked_at = 0
        self._window = 0
        self._unreported = Tally()
        #: The newest window in which this process knows of trouble, its own or another's.
        self._troubled_window = 0

    def paused_until(self, now: int) -> int:
        """When the breaker's pause ends (epoch ms); in the past while the breaker is closed."""
        if now - self._looked_at >= LOOK_MS:
            self._looked_at = now
            with suppress(BotoCoreError, ClientError):  # use the last known state until the table answers again
                self._pause = self._look()
        return self._pause.until

    def note(self, guest_id: str, outcome: Outcome, now: int) -> None:
        """Count a finished call; opens the breaker for all when most of their calls are in trouble.

        While all goes well a write for each would be paid for nothing. While there is trouble every call is reported,
        successful ones too.
        """
        if now < self._pause.until:
            return  # open already
        if breaker.window_of(now) != self._window:
            self._window, self._unreported = breaker.window_of(now), Tally()
        self._unreported = breaker.added(self._unreported, breaker.tally_of(guest_id, outcome))
        is_reported_at_once = breaker.is_trouble(outcome) or self._troubled_window == self._window
        if not is_reported_at_once and self._unreported.calls < REPORT_CALLS:
            return
        reported, self._unreported = self._unreported, Tally()
        with suppress(BotoCoreError, ClientError):  # other processes, or the next call, will find out
            shard = random.randrange(SHARDS)
            tally = self._add(reported, shard)
            others = [other for other in range(SHARDS) if other != shard]
            tally = reduce(breaker.added, self._tallies(self._window, others), tally)
            if breaker.must_open(tally):
                self._open(breaker.next_pause(tally, self._look(), now), now)
            elif tally.troubled_calls and self._troubled_window != self._window:
                self._tell_of_trouble()

    def _look(self) -> Pause:
        """The newest pause; and whether others know of trouble. One item, as most looks find neither.

        Its attributes are named as every version knows them: ``calm_at`` is when the pause ends, ``rough_window`` the
        newest window with trouble.
        """
        item = self._client.get_item(TableName=self._table, Key=_BREAKER).get("Item")
        if item is None:
            return Pause()
        self._troubled_window = max(self._troubled_window, int(item.get("rough_window", _n(0))["N"]))
        return Pause(int(item["calm_at"]["N"]), int(item["in_a_row"]["N"]))

    def _tell_of_trouble(self) -> None:
        """To the others, who look at the breaker: once a window and process at most, so that its item is not hot."""
        self._troubled_window = self._window
        self._client.update_item(
            TableName=self._table,
            Key=_BREAKER,
            UpdateExpression="SET rough_window = :window, expires_at = :ttl,"
            " calm_at = if_not_exists(calm_at, :none), in_a_row = if_not_exists(in_a_row, :none)",
            ExpressionAttributeValues={
                ":window": _n(self._window),
                ":ttl": _n((self._window + breaker.WINDOW_MS + breaker.LONGEST_PAUSE_MS) // 1000 + 60),
                ":none": _n(0),
            },
        )

    def _tallies(self, window: int, shards: Iterable[int]) -> list[Tally]:
        """The tallies in these items, without absent ones and those that DynamoDB could not read at once."""
        keys = [_calls_of(window, shard) for shard in shards]
        answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys}})
        return [_tally(item) for item in answer["Responses"].get(self._table, [])]

    def _add(self, tally: Tally, shard: int) -> Tally:
        """Report calls; returns what all processes have reported in this item."""
        values = {
            ":calls": _n(tally.calls),
            ":troubled": _n(tally.troubled_calls),
            ":asked": _n(tally.asked_ms),
            ":ttl": _n(self._window // 1000 + 60),
        }
        guests = (
            {":guests": {"NS": [str(guest) for guest in sorted(tally.troubled_guests)]}}
            if tally.troubled_guests
            else {}
        )
        item = self._client.update_item(
            TableName=self._table,
            Key=_calls_of(self._window, shard),
            UpdateExpression="SET expires_at = :ttl ADD calls :calls, troubled_calls :troubled, asked_ms :asked"
            + (", troubled_guests :guests" if guests else ""),
            ExpressionAttributeValues=values | guests,
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return _tally(item)

    def _open(self, pause: Pause, now: int) -> None:
        """Begin the pause for all. Of several processes at the same time only one does, and reports it."""
        self._pause = pause
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_BREAKER,
                UpdateExpression="SET calm_at = :calm_at, in_a_row = :in_a_row, expires_at = :ttl",
                ConditionExpression="attribute_not_exists(calm_at) OR calm_at <= :now",
                ExpressionAttributeValues={
                    ":calm_at": _n(pause.until),
                    ":in_a_row": _n(pause.in_a_row),
                    ":ttl": _n(pause.until // 1000 + 60),
                    ":now": _n(now),
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _CONDITION_FAILED:
                raise
            return
        self._report(pause.until - now)


def _calls_of(window: int, shard: int) -> dict[str, Any]:
    return {"name": {"S": f"calls {window} {shard}"}}


def _tally(item: Mapping[str, Any]) -> Tally:
    return Tally(
        int(item["calls"]["N"]),
        int(item["troubled_calls"]["N"]),
        frozenset(int(guest) for guest in item.get("troubled_guests", {"NS": []})["NS"]),
        int(item["asked_ms"]["N"]),
    )


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}
