"""Calls to one AWS service: signed, tried again after transient errors, refused as boto3 refuses.

A call ends before the deadline of the work in hand (``typing_relay.deadline``), whatever its own limits would allow.

What boto3 does in its standard mode, for a fraction of its CPU and import time (docs/decisions.md has the figures); the
tests have boto3 as the reference.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import zlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, HTTPClientError

from typing_relay import deadline
from typing_relay.aws.answers import Answer
from typing_relay.aws.connection import IDLE_S, Connection, tls
from typing_relay.aws.credentials import Credentials
from typing_relay.aws.signature import signed

#: Before the second try at most, in s; twice as long before the third; with full jitter.
LONGEST_PAUSE_S = 0.1
#: With less than this before the deadline, in s, no try begins.
SHORTEST_TRY_S = 0.05
#: AWS has no capacity left for a call: a hot partition of a table, or a quota.
THROTTLED_CODES = frozenset(
    (
        *("Throttling", "ThrottlingException", "ThrottledException", "EC2ThrottledException", "RequestThrottled"),
        *("RequestThrottledException", "TooManyRequestsException", "ProvisionedThroughputExceededException"),
        *("RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown"),
    )
)
#: As boto3's standard mode has them.
TRANSIENT_STATUSES = (500, 502, 503, 504)
TRANSIENT_CODES = THROTTLED_CODES | {
    *("RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "TransactionInProgressException"),
}
_EXPIRED_CODES = ("ExpiredToken", "ExpiredTokenException")
#: A clock further from AWS's than this is corrected; AWS itself refuses at five minutes.
_SKEW_S = 60


class CallLimits(NamedTuple):
    """How long a try may take: seconds to connect, seconds for the answer, and how many tries a call has.

    ``idle_s``: a connection that was not used for this long is not used again.
    """

    connect_s: float
    read_s: float
    tries: int
    idle_s: float = IDLE_S


class DeadlinePassed(HTTPClientError):  # type: ignore[misc]  # botocore has no types
    """No time is left for another try before the deadline (``typing_relay.deadline``)."""

    def __init__(self) -> None:
        super().__init__(error="No time is left for this call in this invocation.")


class Service(NamedTuple):
    """A service as its API names itself. ``target`` comes before the operation in the header X-Amz-Target."""

    signing_name: str
    target: str = ""
    json_version: str = "1.0"


class Client:
    """One service at one endpoint (a checked URL). For many threads: each keeps a connection of its own."""

    def __init__(
        self, service: Service, endpoint: str, region: str, credentials: Credentials, limits: CallLimits
    ) -> None:
        self._service, self._region, self._credentials, self._limits = service, region, credentials, limits
        self._endpoint = urlsplit(endpoint.rstrip("/"))
        default_port = {"http": 80, "https": 443}[self._endpoint.scheme]
        is_default = self._endpoint.port in (None, default_port)
        self._host = (self._endpoint.hostname or "") if is_default else self._endpoint.netloc
        self._of_this_thread = threading.local()
        self._skew_s = 0.0
        if self._endpoint.scheme == "https":
            tls()  # now, in Lambda's init phase, not with the first frame

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """An operation of a service that speaks JSON. Raises ClientError, HTTPClientError, AwsSettingWrong."""
        headers = {
            "Content-Type": f"application/x-amz-json-{self._service.json_version}",
            "X-Amz-Target": f"{self._service.target}.{operation}",
        }
        answer = self.send(operation, "POST", "/", headers, json.dumps(request).encode())
        try:
            content: dict[str, Any] = json.loads(answer.body or b"{}")
        except ValueError as error:
            raise HTTPClientError(error="The answer is no JSON.") from error
        return content

    def send(self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A request below the endpoint's path, tried again after transient errors. Raises as ``call`` does.

        Where the deadline leaves no time for another try, the trouble of the last one is raised, or DeadlinePassed.
        """
        if deadline.left_s() < SHORTEST_TRY_S:
            raise DeadlinePassed
        for tried in range(1, self._limits.tries + 1):
            trouble: Exception
            try:
                answer = self._try(method, path, headers, body)
                if answer.status < 300:
                    return answer
                trouble = refusal(answer, operation)
                is_transient = self._is_transient(answer, trouble)
            except (OSError, http.client.HTTPException) as error:
                trouble = HTTPClientError(error=f"{type(error).__name__}: {error}")
                trouble.__cause__ = error
                is_transient = True
            if tried == self._limits.tries or not is_transient or not pause(tried):
                raise trouble
        raise AssertionError("unreachable")

    def _try(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path = self._endpoint.path + path
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + self._skew_s))
        sent = signed(
            method,
            path,
            {"Host": self._host, **headers},
            body,
            self._credentials.keys(),
            self._region,
            self._service.signing_name,
            at,
        )
        answer = self._connection().exchange(method, path, sent, body)
        checksum = answer.headers.get("x-amz-crc32")  # DynamoDB's
        if checksum and int(checksum) != zlib.crc32(answer.body):
            raise http.client.HTTPException("The answer is not what its checksum says.")
        return answer

    def _connection(self) -> Connection:
        if not hasattr(self._of_this_thread, "connection"):
            connect_s, read_s, _, idle_s = self._limits
            self._of_this_thread.connection = Connection(self._endpoint, connect_s, read_s, idle_s)
        connection: Connection = self._of_this_thread.connection
        return connection

    def _is_transient(self, answer: Answer, error: ClientError) -> bool:
        code = error.response["Error"]["Code"]
        if answer.status in TRANSIENT_STATUSES or code in TRANSIENT_CODES:
            return True
        if code in _EXPIRED_CODES:
            return self._credentials.forget()
        return answer.status in (400, 403) and self._correct_clock_skew(answer)

    def _correct_clock_skew(self, answer: Answer) -> bool:
        """Adopt AWS's clock if ours differs enough for the signature to be refused; returns whether it does."""
        try:
            skew_s = parsedate_to_datetime(answer.headers.get("date", "")).timestamp() - time.time()
        except ValueError:
            return False
        differs = abs(skew_s - self._skew_s) > _SKEW_S
        if differs:
            self._skew_s = skew_s
        return differs


def pause(tried: int) -> bool:
    """Sleep before another try, once ``tried`` of them are over. False, at once: the deadline leaves no time for it."""
    pause_s = random.random() * LONGEST_PAUSE_S * 2 ** (tried - 1)
    if deadline.left_s() - pause_s < SHORTEST_TRY_S:
        return False
    time.sleep(pause_s)
    return True


def refusal(answer: Answer, operation: str) -> ClientError:
    """The error that boto3 raises for ``answer``: an item that failed a condition is in the response beside it."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        content = {}
    named = content.pop("__type", None) or answer.headers.get("x-amzn-errortype") or str(answer.status)
    code = str(named).partition(":")[0].rpartition("#")[2]
    if queried := answer.headers.get("x-amzn-query-error"):  # SQS: the names of its former protocol
        code = queried.partition(";")[0]
    error = {"Code": code, "Message": content.pop("message", None) or content.pop("Message", "")}
    metadata = {"HTTPStatusCode": answer.status, "RequestId": answer.headers.get("x-amzn-requestid", "")}
    return ClientError({"Error": error, "ResponseMetadata": metadata, **content}, operation)
