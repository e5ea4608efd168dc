"""Called by the state machine: makes CXone show what is wanted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from botocore.exceptions import ClientError
from typing_relay import environment, runtime
from typing_relay.aws.shedding import count_shed, is_shed
from typing_relay.deadline import of_the_invocation
from typing_relay.relay.decisions import Owner
from typing_relay.relay.effects import Latency
from typing_relay.relay.reconciling import DONE, Reconciled, reconcile
from typing_relay.reporting import ReportedGuests

logger = runtime.logger
metrics = Metrics()


def report_pause(pause_ms: int) -> None:
    """The breaker opened in this process."""
    logger.warning("CXone throttles the whole organisation: no new typing signals for a while", pause_ms=pause_ms)
    metrics.add_metric("BreakerOpened", MetricUnit.Count, 1)


def report_latency(latency: Latency, ms: int) -> None:
    """How long a visitor's agent waited to see typing begin, or end."""
    metrics.add_metric(latency, MetricUnit.Milliseconds, ms)


policy = runtime.policy()
runner = runtime.sender_runner(
    report_pause, lambda guests: ReportedGuests(guests, logger, metrics, environment.clock), report_latency
)


@of_the_invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take {"session_id", "generation", "started_at" (ISO 8601)}; answer {"done", "wait_seconds"}.

    Outcomes are values: the state machine's Retry is for a sender that died. Where AWS is throttling, the owner looks
    again in a second: no visitor's own item, however busy, fails an invocation (T18).
    """
    started_at = int(datetime.fromisoformat(event["started_at"]).timestamp() * 1000)
    owner = Owner(event["session_id"], event["generation"], started_at)
    with logger.append_context_keys(session=owner.session_id, generation=owner.generation):
        result = _look(owner)
        logger.debug("reconciled", done=result.done, wait_seconds=result.wait_seconds)
    return {"done": result.done, "wait_seconds": result.wait_seconds}


def _look(owner: Owner) -> Reconciled:
    try:
        return runner.run(reconcile(policy, owner))
    except ClientError as error:
        if not is_shed(error):
            raise
        count_shed(logger, "owner")
        is_too_old = runner.clock() - owner.started_at >= policy.execution_ms
        return DONE if is_too_old else Reconciled(done=False, wait_seconds=1)  # then the lease runs out (T4)
    finally:
        if metrics.metric_set:  # most looks have nothing to tell, and are no line of a log
            metrics.flush_metrics()
