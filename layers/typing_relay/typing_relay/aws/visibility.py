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

    def change(self, receipts: Sequence[str], seconds: int) -> tuple[list[int], list[int]]:
        """Hide up to ten messages for ``seconds`` from now.

        Returns the indexes of those that are no longer ours, and of those that SQS did not change this time: in one
        answer some entries may fail, and only those that it lists as successful are changed. Raises what the client
        raises.
        """
        entries = [
            {"Id": str(place), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for place, receipt in enumerate(receipts)
        ]
        answer = self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
        changed = {int(entry["Id"]) for entry in answer.get("Successful", [])}
        lost = [int(failure["Id"]) for failure in answer.get("Failed", []) if failure.get("SenderFault")]
        return lost, [place for place in range(len(receipts)) if place not in changed and place not in lost]
