"""Scheduled each minute: takes up what a dead owner left behind, also while no keeper lives to do so (T4)."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from typing_relay import runtime
from typing_relay.aws.sessions import SWEEP_SHARDS
from typing_relay.relay.flows import run, sweep_one

logger = runtime.logger
metrics = Metrics()
world = runtime.sweeper_world()
#: A sweep ends with so much of its Lambda time left; the next one goes on.
SPARE_MS = 10_000
PAGE = 100


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take any event; answer {"found", "started"}: leases that ran out unreleased, and executions started for them."""
    found = started = 0
    for shard in range(SWEEP_SHARDS):
        session_ids = runtime.sessions().overdue(shard, world.clock(), PAGE)
        while session_ids and context.get_remaining_time_in_millis() > SPARE_MS:
            found += len(session_ids)
            started += sum(run(sweep_one(world, session_id)) for session_id in session_ids)
            session_ids = runtime.sessions().overdue(shard, world.clock(), PAGE) if len(session_ids) == PAGE else []
    metrics.add_metric("SweptBursts", MetricUnit.Count, started)
    logger.info("swept", found=found, started=started)
    return {"found": found, "started": started}
