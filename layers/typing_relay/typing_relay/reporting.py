"""Reports each of the sender's calls to CXone in the log, typing calls and failed questions also in metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import Guests


class ReportedGuests:
    """``guests`` with every call reported; results are returned unchanged."""

    def __init__(self, guests: Guests, logger: Logger, metrics: Metrics, clock: Callable[[], int]) -> None:
        self._guests, self._logger, self._metrics, self._clock = guests, logger, metrics, clock

    def set_typing(self, guest_id: str, typing: bool) -> Outcome:
        """Tell CXone whether the guest is typing."""
        began = self._clock()
        outcome = self._guests.set_typing(guest_id, typing)
        self._report("typing", outcome, began, guest=guest_id, typing=typing)
        self._metrics.add_metric("CallsAccepted", MetricUnit.Percent, 100 if outcome.kind is Kind.ACCEPTED else 0)
        return outcome

    def get_typing(self, guest_id: str) -> bool | Outcome:
        """Whether CXone shows the guest as typing."""
        began = self._clock()
        answer = self._guests.get_typing(guest_id)
        if isinstance(answer, bool):
            self._logger.info("cxone verify", guest=guest_id, shows=answer, ms=self._clock() - began)
        else:
            self._report("verify", answer, began, guest=guest_id)
        return answer

    def _report(self, call: str, outcome: Outcome, began: int, **more: Any) -> None:
        log = self._logger.info if outcome.kind is Kind.ACCEPTED else self._logger.warning
        ms = self._clock() - began
        if outcome.reason:
            more["reason"] = outcome.reason
        log(f"cxone {call}", outcome=outcome.kind, ms=ms, began=began, **more)
        self._metrics.add_metric(f"Typing.{outcome.kind}", MetricUnit.Count, 1)
