"""What a function does where AWS turns calls away: it drops the frame and counts it, and does not fail (T18)."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from typing_relay.aws.client import THROTTLED_CODES


def is_shed(error: ClientError) -> bool:
    """AWS has no capacity for this call, and its retries are used up."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == 429 or error.response["Error"]["Code"] in THROTTLED_CODES  # API Gateway's 429 may have no code


def count_shed(logger: Any, what: str, **fields: Any) -> None:
    """One line of the log, and one in the metric ``FramesShed``."""
    from aws_lambda_powertools.metrics import Metrics, MetricUnit  # a cold start need not pay for what is rare

    logger.warning("shed, AWS is throttling", what=what, **fields)
    metrics = Metrics()
    metrics.add_metric("FramesShed", MetricUnit.Count, 1)
    metrics.flush_metrics()


def failure_of(error: Exception) -> str:
    """Under which name a keeper counts that the store refused a call.

    What one busy visitor can bring about is counted apart: an alarm on the other one rolls a deployment back (T18).
    """
    return "StoreThrottled" if isinstance(error, ClientError) and is_shed(error) else "StoreFailures"
