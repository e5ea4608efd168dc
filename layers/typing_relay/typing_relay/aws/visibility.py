"""The visibility of queue messages: how long other keepers do not see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: SQS's limit for one call.
BATCH = 10


class Visibility:
    """The calls for one queue."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs, self._queue_url = sqs, queue_url

    def change(self, receipts: Sequence[str], seconds: int) -> list[int]:
        """Hide up to ten messages for ``seconds`` from now. Returns the indexes of those that are no longer ours.

        Raises what the client raises; what is held is renewed again before its time is over.
        """
        entries = [
            {"Id": str(place), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for place, receipt in enumerate(receipts)
        ]
        answer = self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
        return [int(failure["Id"]) for failure in answer.get("Failed", []) if failure.get("SenderFault")]
