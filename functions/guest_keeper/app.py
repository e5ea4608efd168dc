"""The guest keeper's process: wires it, runs it, drains it on SIGTERM.

Environment: see docs/keeper.md. One structured line says ``guest keeper ready``, another ``guest keeper drained``.
"""

from __future__ import annotations

import logging
import random
import signal
import socket
import ssl
import sys
import uuid
from collections import deque

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from typing_relay import environment, runtime
from typing_relay.aws.client import CallLimits
from typing_relay.aws.services import DynamoDb, Sqs, VisitorConnections
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.aws.settings import AwsSettingWrong
from typing_relay.aws.visibility import Visibility
from typing_relay.aws.visitors import Visitors
from typing_relay.keeper.counters import Counters, accepted_percent
from typing_relay.keeper.guests.custody import Custody, Terms
from typing_relay.keeper.guests.guest import GuestPolicy
from typing_relay.keeper.guests.keeper import Keeper, Settings
from typing_relay.keeper.health import HealthPort
from typing_relay.keeper.io.jobs import Jobs, Workers
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.io.turnstile import Turnstile
from typing_relay.keeper.sweeping import Sweeping
from typing_relay.keeper.visitors.outbox import Outbox
from typing_relay.keeper.visitors.roll_call import SILENT_S, RollCall
from typing_relay.platforms.platform import Lent
from typing_relay.platforms.shared.urls import InsecureUrl

CXONE_THREADS, STORE_THREADS, OUTBOX_THREADS, QUEUE_THREADS, NAME_THREADS, ROLL_CALL_THREADS = 8, 8, 12, 4, 2, 2
SWEEPING_THREADS = 2
METRICS_S = 60.0
#: No call hangs: a visitor's frames wait behind it. A read is longer than the queue's long poll. A connection is
#: kept for less time than a NAT gateway remembers one that is idle (350 s).
LIMITS = CallLimits(connect_s=2, read_s=5, tries=3, idle_s=120)
#: Of the queue's calls: custody tries again itself.
QUEUE_LIMITS = LIMITS._replace(tries=2)
#: Of posts to visitors: the outbox tries again itself, once it has looked whether they are still its own to send.
POST_LIMITS = LIMITS._replace(tries=1)

logger: Logger = runtime.logger


def log_as_json() -> None:
    """The package's own loggers write the same structured lines, at the same level."""
    package = logging.getLogger("typing_relay")
    package.addHandler(logger.registered_handler)
    package.setLevel(logger.log_level)


class Process:
    """Everything a keeper process is made of."""

    def __init__(self) -> None:
        """Raises SettingWrong, AwsSettingWrong or InsecureUrl when the environment is not as it must be."""
        self.loop = Loop()
        self.counters = Counters()
        #: What people perceived (metric, ms) since it was last reported. Any thread adds to it.
        self.felt: deque[tuple[str, int]] = deque()
        self.name = f"{socket.gethostname().partition('.')[0]}-{uuid.uuid4().hex[:8]}"
        sessions = DynamoSessions(DynamoDb(environment.account(), LIMITS), environment.setting("TABLE_NAME"))
        visitors = Visitors(VisitorConnections(environment.account(), environment.setting("CONNECTIONS_URL"), LIMITS))
        workers = Workers(
            Jobs(self.loop, CXONE_THREADS, "cxone"),
            Jobs(self.loop, STORE_THREADS, "store"),
            Jobs(self.loop, NAME_THREADS, "names"),
        )
        outbox = self._outbox(sessions)
        tls = ssl.create_default_context()
        part = runtime.platform().in_keeper(self._lent(workers, sessions, outbox, tls))
        self.bursts = part.bursts
        self.keeper = Keeper(
            self._settings(),
            self.loop,
            workers,
            sessions,
            part.talk_of,
            outbox,
            RollCall(
                Jobs(self.loop, ROLL_CALL_THREADS, "roll-call"),
                sessions,
                visitors,
                environment.clock,
                self.counters,
                self._silent_s(),
            ),
            Turnstile(
                self.loop,
                environment.number("KEEPER_MAX_OPENING", 50),
                environment.number("KEEPER_OPENINGS_PER_SECOND", 400),
            ),
            tls,
            self.counters,
            environment.clock,
        )
        self.custody = self._custody()
        self.sweeping = Sweeping(
            self.loop,
            Jobs(self.loop, SWEEPING_THREADS, "sweeping"),
            runtime.sessions(),
            self.bursts.runner if self.bursts else runtime.sweeper_runner(),
            runtime.policy(),
            self.counters,
            random.random,
            self.bursts.can_own if self.bursts else lambda _session_id: True,
            self.keeper.holds,
            self.name if self.bursts else "",
        )
        self.health = HealthPort(self.loop, environment.number("KEEPER_HEALTH_PORT", 0))

    def _lent(self, workers: Workers, sessions: DynamoSessions, outbox: Outbox, tls: ssl.SSLContext) -> Lent:
        """To the platform."""
        return Lent(
            self.name,
            self.loop,
            workers,
            sessions,
            runtime.messages(),
            outbox,
            self.counters,
            environment.clock,
            runtime.policy(),
            runtime.ask_for_guest,
            runtime.agent_typing_ms(),
            tls,
            talk=lambda session_id: self.keeper.talk(session_id),
            report_latency=lambda latency, ms: self.felt.append((latency, ms)),
        )

    def _settings(self) -> Settings:
        grace_ms = environment.number("GUEST_GRACE_SECONDS", 60) * 1000
        policy = GuestPolicy(grace_ms, needs_socket=runtime.platform().speaks_on_socket)
        return Settings(
            self.name,
            refresh_s=environment.number("KEEPER_REFRESH_SECONDS", 30),
            silent_s=self._silent_s(),
            keeper_silent_ms=runtime.policy().keeper_silent_ms,
            creations_per_second=self._share_of_creations(),
            session_ttl_s=runtime.policy().session_ttl_s,
            policy=policy,
        )

    def _silent_s(self) -> float:
        return environment.number("KEEPER_SILENT_SECONDS", round(SILENT_S))

    def _share_of_creations(self) -> float:
        """Guests a second. All tasks that there may be create no more together than the deployment may."""
        return environment.number("GUESTS_PER_SECOND", 1000) / environment.number("KEEPER_MAX_TASKS", 1)

    def _outbox(self, sessions: DynamoSessions) -> Outbox:
        jobs = Jobs(self.loop, OUTBOX_THREADS, "outbox")
        visitors = Visitors(
            VisitorConnections(environment.account(), environment.setting("CONNECTIONS_URL"), POST_LIMITS)
        )
        return Outbox(self.loop, jobs, sessions, visitors, self.name, environment.clock, self.counters)

    def _custody(self) -> Custody:
        self.max_guests = environment.number("KEEPER_MAX_GUESTS", Terms().max_guests)
        sqs, queue_url = Sqs(environment.account(), QUEUE_LIMITS), environment.setting("GUEST_QUEUE_URL")
        return Custody(
            self.loop,
            Jobs(self.loop, QUEUE_THREADS, "queue"),
            sqs,
            Visibility(sqs, queue_url),
            queue_url,
            Terms(visibility_s=environment.number("KEEPER_VISIBILITY_SECONDS", 30), max_guests=self.max_guests),
            self.counters,
            self.keeper.requested,
            environment.clock,
        )

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then hand everything back."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.loop.call_from_thread(self._drain))
        self.keeper.start(self.custody)
        self.sweeping.start()
        if self.bursts:
            self.bursts.start()
        self.loop.call_later(METRICS_S, self._report)
        logger.info(
            "guest keeper ready",
            extra={"keeper": self.name, "health_port": self.health.port, "max_guests": self.max_guests},
        )
        self.loop.run()
        self.health.close()
        self._emit_metrics()
        logger.info("guest keeper drained", extra={"keeper": self.name})

    def _drain(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # it is under way already
        logger.info("guest keeper drains", extra={"guests": len(self.custody)})
        if self.bursts:
            self.bursts.stop()
        self.keeper.drain(self.loop.stop)

    def _report(self) -> None:
        self.loop.call_later(METRICS_S, self._report)
        self._emit_metrics()

    def _emit_metrics(self) -> None:
        """Write counts and gauges as one line that CloudWatch reads metrics from (EMF)."""
        metrics = Metrics()
        counts = self.counters.take()
        for name, count in counts.items():
            metrics.add_metric(name, MetricUnit.Count, count)
        while self.felt:
            latency, ms = self.felt.popleft()
            metrics.add_metric(latency, MetricUnit.Milliseconds, ms)
        accepted = accepted_percent(counts)
        if accepted is not None:
            metrics.add_metric("CallsAccepted", MetricUnit.Percent, accepted)
        for name, value in self.keeper.gauges().items():
            metrics.add_metric(name, MetricUnit.Count, value)
        held_percent = 100 * len(self.custody) / self.max_guests
        metrics.add_metric("GuestsHeldPercent", MetricUnit.Percent, held_percent)
        metrics.add_metric("LongestTurn", MetricUnit.Milliseconds, self.loop.longest_turn * 1000)
        self.loop.longest_turn = 0.0
        metrics.flush_metrics()


def main() -> int:
    """Run; returns the exit status."""
    log_as_json()
    try:
        process = Process()
    except (environment.SettingWrong, AwsSettingWrong, InsecureUrl, OSError) as error:
        logger.error("The guest keeper cannot start: %s", error)
        return 2
    process.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
