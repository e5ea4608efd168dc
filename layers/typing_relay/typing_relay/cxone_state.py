"""What all processes know of CXone, in a DynamoDB table of its own (encrypted): the OAuth token and the breaker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from typing_relay import breaker
from typing_relay.cxone.auth import ShareUnavailable, Token
from typing_relay.cxone.outcomes import Outcome

#: A process that took the lock and died is waited for no longer than this.
LOCK_MS = 5_000
#: How old the breaker's state may be in a process.
LOOK_MS = 1_000
_TOKEN, _BREAKER = {"name": {"S": "oauth_token"}}, {"name": {"S": "breaker"}}
_CONDITION_FAILED = "ConditionalCheckFailedException"


class SharedToken:
    """The shared copy of the OAuth token, and the lock of the one that renews it."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client, self._table = client, table_name

    def read(self) -> Token | None:
        """The token, if one is there. Raises ShareUnavailable."""
        try:
            item = self._client.get_item(TableName=self._table, Key=_TOKEN, ConsistentRead=True).get("Item", {})
        except (BotoCoreError, ClientError) as error:
            raise ShareUnavailable(type(error).__name__) from error
        if "token" not in item:
            return None
        return Token(item["token"]["S"], int(item["token_expires_at"]["N"]))

    def try_lock(self, now: int) -> bool:
        """Become the one that renews; False while another is at it. Raises ShareUnavailable."""
        return self._update(
            "SET locked_until = :until",
            "attribute_not_exists(locked_until) OR locked_until <= :now",
            {":until": _n(now + LOCK_MS), ":now": _n(now)},
        )

    def save(self, token: Token) -> None:
        """Share a new token and give the lock back. Raises ShareUnavailable."""
        self._update(
            "SET #token = :token, token_expires_at = :at, expires_at = :ttl REMOVE locked_until",
            None,
            {":token": {"S": token.value}, ":at": _n(token.expires_at), ":ttl": _n(token.expires_at // 1000)},
        )

    def forget(self, value: str) -> None:
        """CXone refused this token: take it away unless a newer one is there already. Raises ShareUnavailable."""
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


class SharedWeather:
    """The breaker: each process judges by its own calls, and all pause when one says so.

    ``report`` is called with the pause in ms when this process opens the breaker.
    """

    def __init__(self, client: Any, table_name: str, report: Callable[[int], None]) -> None:
        self._client, self._table, self._report = client, table_name, report
        self._calls: tuple[breaker.Call, ...] = ()
        self._calm_at = 0
        self._looked_at = 0

    def calm_at(self, now: int) -> int:
        """When new ``true`` signals may go out again (epoch ms); in the past in fair weather."""
        if now - self._looked_at >= LOOK_MS:
            self._looked_at = now
            with suppress(BotoCoreError, ClientError):  # on its own judgement until the table answers again
                item = self._client.get_item(TableName=self._table, Key=_BREAKER).get("Item", {})
                self._calm_at = max(self._calm_at, int(item.get("calm_at", _n(0))["N"]))
        return self._calm_at

    def note(self, guest_id: str, outcome: Outcome, now: int) -> None:
        """Count a finished call; opens the breaker for all when most guests are in trouble."""
        self._calls = (*breaker.recent(self._calls, now), breaker.Call(now, guest_id, outcome))
        pause_ms = breaker.pause_ms(self._calls, now)
        if not pause_ms:
            return
        self._calls, self._calm_at = (), now + pause_ms
        self._report(pause_ms)
        with suppress(BotoCoreError, ClientError):  # the others will see for themselves
            self._client.put_item(
                TableName=self._table,
                Item={**_BREAKER, "calm_at": _n(self._calm_at), "expires_at": _n(self._calm_at // 1000 + 60)},
            )


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}
