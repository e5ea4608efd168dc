"""AWS calls in JSON for a quarter of boto3's CPU time: signed by botocore, sent by the standard library.

For the calls that make up nearly all of a keeper's work: renewals (SQS) and session records (DynamoDB). docs/keeper.md
has the figures. Whatever is rare, or waits anyway, goes through boto3.
"""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, HTTPClientError

TIMEOUT_S = 5.0
TRIES = 3
#: Before the second try; twice as long before the third; both with full jitter.
LONGEST_PAUSE_S = 0.1
THROTTLED = (
    *("ThrottlingException", "ProvisionedThroughputExceededException"),
    *("RequestLimitExceeded", "RequestThrottled"),
)


class JsonCalls:
    """The operations of one service. For many threads: each keeps a connection of its own."""

    def __init__(self, client: Any, credentials: Any, target: str, tries: int = TRIES) -> None:
        """``client`` is boto3's for this service: where it is. ``credentials`` are botocore's, which renew themselves.

        ``target`` comes before the operation in the header X-Amz-Target. ``tries``: fewer for callers that try again; a
        connection that was idle may be closed, which costs one.
        """
        self._service = client.meta.service_model.signing_name
        self._endpoint, self._region = urlsplit(client.meta.endpoint_url), client.meta.region_name
        self._credentials, self._target, self._tries = credentials, target, tries
        self._tls = ssl.create_default_context() if self._endpoint.scheme == "https" else None
        self._of_this_thread = threading.local()

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer. Tries again after passing trouble, as boto3 does. Raises ClientError, or HTTPClientError."""
        body = json.dumps(request).encode()
        for attempt in range(1, self._tries + 1):
            try:
                return self._try(operation, body)
            except (OSError, http.client.HTTPException) as error:
                self._connection().close()  # opened anew by the next try
                if attempt == self._tries:
                    raise HTTPClientError(error=f"{type(error).__name__}: {error}") from error
            except ClientError as error:
                if attempt == self._tries or not _is_passing(error):
                    raise
            time.sleep(random.random() * LONGEST_PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _try(self, operation: str, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"{self._target}.{operation}"}
        request = AWSRequest("POST", f"{self._endpoint.geturl().rstrip('/')}/", data=body, headers=headers)
        SigV4Auth(self._credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)
        connection = self._connection()
        connection.request("POST", "/", body, dict(request.headers))
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise _client_error(answer.status, said, operation)
        content: dict[str, Any] = json.loads(said)
        return content

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._of_this_thread, "connection"):
            self._of_this_thread.connection = (
                http.client.HTTPSConnection(self._endpoint.netloc, timeout=TIMEOUT_S, context=self._tls)
                if self._tls
                else http.client.HTTPConnection(self._endpoint.netloc, timeout=TIMEOUT_S)
            )
        connection: http.client.HTTPConnection = self._of_this_thread.connection
        return connection


class DynamoCalls:
    """What ``DynamoSessions`` calls for a keeper, as boto3's low-level client has it."""

    def __init__(self, calls: JsonCalls) -> None:
        self._calls = calls

    def get_item(self, **request: Any) -> dict[str, Any]:
        """One item."""
        return self._calls.call("GetItem", request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Up to a hundred items."""
        return self._calls.call("BatchGetItem", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """A conditional write."""
        return self._calls.call("UpdateItem", request)


def _client_error(status: int, said: bytes, operation: str) -> ClientError:
    """As boto3 raises it: an item that failed a condition is in the response beside the error."""
    try:
        content = json.loads(said)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        content = {}
    code = str(content.pop("__type", status)).rpartition("#")[2]
    message = content.pop("message", content.pop("Message", ""))
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **content}
    return ClientError(response, operation)


def _is_passing(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or error.response["Error"]["Code"] in THROTTLED
