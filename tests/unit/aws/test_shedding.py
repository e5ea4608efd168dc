"""What a keeper counts where the store refuses a call."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from typing_relay.aws.shedding import failure_of


def refused(code: str) -> ClientError:
    """As DynamoDB says it."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "UpdateItem")


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_what_is_throttled_counts_apart(code: str) -> None:
    """T18: one visitor's busy item moves no alarm that rolls a keeper's deployment back."""
    assert failure_of(refused(code)) == "StoreThrottled"


@pytest.mark.parametrize("error", [refused("AccessDeniedException"), OSError("the network is down")])
def test_whatever_else_goes_wrong_is_a_failure_of_the_store(error: Exception) -> None:
    """For that the alarm is there."""
    assert failure_of(error) == "StoreFailures"
