"""Changing the visibility of queue messages, ten in a call, at a third of what boto3 takes for it.

Holding 5,000 guests is 25 of these calls a second, day and night: by boto3 they would be most of what an idle keeper
does (docs/keeper.md has the figures). So they are signed by botocore and sent by the standard library; everything
else that the keeper asks of AWS goes through boto3.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

#: SQS takes so many in one call.
BATCH = 10
TIMEOUT_S = 5.0
HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "AmazonSQS.ChangeMessageVisibilityBatch",
}


class VisibilityFailed(Exception):
    """SQS did not take the call; the message has its status and what it said."""


class Visibility:
    """The calls for one queue. For many threads: each keeps a connection of its own."""

    def __init__(self, endpoint: str, queue_url: str, region: str, credentials: Any) -> None:
        """``endpoint`` is the SQS endpoint of ``region``, as boto3's client has it in ``meta.endpoint_url``.

        ``credentials`` are botocore's, which renew themselves.
        """
        self._endpoint, self._queue_url, self._region = urlsplit(endpoint), queue_url, region
        self._credentials = credentials
        self._of_this_thread = threading.local()

    def change(self, receipts: Sequence[str], seconds: int) -> list[int]:
        """Hide up to ten messages for ``seconds`` from now. Returns the places of those that are not ours any more.

        Raises VisibilityFailed or OSError; what is held is renewed again before its time is over.
        """
        entries = [
            {"Id": str(place), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for place, receipt in enumerate(receipts)
        ]
        answer = self._call(json.dumps({"QueueUrl": self._queue_url, "Entries": entries}).encode())
        return [int(failure["Id"]) for failure in answer.get("Failed", []) if failure.get("SenderFault")]

    def _call(self, body: bytes) -> dict[str, Any]:
        request = AWSRequest("POST", f"{self._endpoint.geturl().rstrip('/')}/", data=body, headers=HEADERS)
        SigV4Auth(self._credentials.get_frozen_credentials(), "sqs", self._region).add_auth(request)
        connection = self._connection()
        try:
            connection.request("POST", "/", body, dict(request.headers))
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # opened anew by the next call
            raise VisibilityFailed(f"SQS did not answer: {type(error).__name__}") from error
        if answer.status != 200:
            raise VisibilityFailed(f"SQS answered {answer.status}: {said[:300].decode(errors='replace')}")
        changed: dict[str, Any] = json.loads(said)
        return changed

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._of_this_thread, "connection"):
            kind = http.client.HTTPSConnection if self._endpoint.scheme == "https" else http.client.HTTPConnection
            self._of_this_thread.connection = kind(self._endpoint.netloc, timeout=TIMEOUT_S)
        connection: http.client.HTTPConnection = self._of_this_thread.connection
        return connection
