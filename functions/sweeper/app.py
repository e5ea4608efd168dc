"""Runs each minute: starts owners for records whose owner died, even while no keeper is alive to do so (T4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any, TypeVar

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from botocore.exceptions import ClientError
from typing_relay import runtime
from typing_relay.aws.sessions import SWEEP_SHARDS
from typing_relay.aws.shedding import count_shed, is_shed
from typing_relay.deadline import of_the_invocation
from typing_relay.relay.messages import expire, overdue_before
from typing_relay.relay.ports import MessageStatus, Standing
from typing_relay.relay.sweeping import Swept, sweep_one

logger = runtime.logger
metrics = Metrics()
policy = runtime.policy()
runner = runtime.sweeper_runner()
#: A sweep ends when this much of its Lambda time is left; the next one continues.
SPARE_MS = 10_000
PAGE = 100
T = TypeVar("T")


@metrics.log_metrics
@of_the_invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take any event; answer {"found", "started", "expired"}.

    Leases that expired unreleased, executions started for them, and undeliverable messages given up (T15). The ends of
    holds, which no keeper was there to see, are among the first two, and not in the metric of owners that died.
    """
    found = started = died = 0
    for shard in range(SWEEP_SHARDS):
        session_ids = runtime.sessions().overdue(shard, runner.clock(), PAGE)
        while session_ids and context.get_remaining_time_in_millis() > SPARE_MS:
            found += len(session_ids)
            tried = [_unless_shed(session_id, _sweep_one) for session_id in _while_time(context, session_ids)]
            swept = [one for one in tried if one]
            started += sum(one.started for one in swept)
            died += sum(one.started and not one.parked for one in swept)
            moved = any(one.started or one.look_at for one in swept)
            more = len(session_ids) == PAGE and moved  # otherwise the same ones would be found again
            session_ids = runtime.sessions().overdue(shard, runner.clock(), PAGE) if more else []
    expired = _expire_messages(context)
    metrics.add_metric("SweptBursts", MetricUnit.Count, died)
    metrics.add_metric("MessagesExpired", MetricUnit.Count, expired)
    logger.info("swept", found=found, started=started, expired=expired)
    return {"found": found, "started": started, "expired": expired}


def _while_time(context: Any, items: Iterable[T]) -> Iterator[T]:
    """Those for which there is time: each that AWS throttles is tried again for a while before it is left alone."""
    return takewhile(lambda _: context.get_remaining_time_in_millis() > SPARE_MS, items)


def _sweep_one(session_id: str) -> Swept:
    return runner.run(sweep_one(policy, session_id))


def _expiring(message_id: str) -> Callable[[str], Standing | None]:
    return lambda session_id: runner.run(expire(session_id, message_id))


def _unless_shed(session_id: str, work: Callable[[str], T]) -> T | None:
    """What ``work`` returns. None where AWS is throttling this visitor's: the others' turn comes all the same (T18)."""
    try:
        return work(session_id)
    except ClientError as error:
        if not is_shed(error):
            raise
        count_shed(logger, "sweep", session=session_id)
        return None


def _expire_messages(context: Any) -> int:
    """Give up what is overdue. Returns how many have failed by it."""
    failed = 0
    messages = runner.messages
    if messages is None:
        return failed
    for shard in range(SWEEP_SHARDS):
        overdue = messages.overdue(shard, overdue_before(runner.clock()), PAGE)
        while overdue and context.get_remaining_time_in_millis() > SPARE_MS:
            due = _while_time(context, overdue)
            ended = [_unless_shed(session_id, _expiring(message_id)) for session_id, message_id in due]
            failed += sum(one is not None and one.status is MessageStatus.FAILED for one in ended)
            more = len(overdue) == PAGE and any(ended)  # otherwise the same ones would be found again
            overdue = messages.overdue(shard, overdue_before(runner.clock()), PAGE) if more else []
    return failed
