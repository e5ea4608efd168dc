"""Wires what the functions share: policy, clients, stores, and what each function gets of them.

The authorizer and the guest keeper wire what only they need in their own ``app.py``, a platform what is its own in its
folder.

Functions call these at import, so that a cold start pays for clients once, in Lambda's init phase.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from functools import cache

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import BotoCoreError, ClientError

from typing_relay.aws import services
from typing_relay.aws.keeper_lines import KeeperLines, Nudges
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.aws.visitors import Visitors
from typing_relay.door import frames
from typing_relay.environment import LIMITS, SettingWrong, account, clock, dynamodb, number, setting
from typing_relay.logs import make_logger
from typing_relay.plain_url import is_plain
from typing_relay.platforms.platform import Platform
from typing_relay.platforms.registry import FOLDERS, platform_named
from typing_relay.relay.burst import Policy
from typing_relay.relay.effects import (
    AskBreaker,
    AskCxone,
    AskForGuest,
    IsThere,
    Jitter,
    Latency,
    Nudge,
    ReportLatency,
    StartOwner,
    TellBreaker,
    TellCxone,
    TellStanding,
    TellTypingUnavailable,
)
from typing_relay.relay.ports import Guests, Messages
from typing_relay.relay.runner import Runner, handled_by

logger = make_logger()


@cache
def step_functions() -> services.StepFunctions:
    """The process's one client of Step Functions."""
    return services.StepFunctions(account(), LIMITS)


@cache
def sqs() -> services.Sqs:
    """The process's one client of SQS."""
    return services.Sqs(account(), LIMITS)


@cache
def platform() -> Platform:
    """The chat platform that this deployment serves. Raises SettingWrong for one that does not exist."""
    name = setting("CXONE_PLATFORM", "v1")
    if name not in FOLDERS:
        raise SettingWrong(f"The environment variable CXONE_PLATFORM must be {' or '.join(FOLDERS)}, not {name!r}.")
    return platform_named(name)


@cache
def keeper_lines() -> KeeperLines:
    """The connection of each keeper, where keepers own bursts."""
    return KeeperLines(dynamodb(), setting("KEEPERS_TABLE"), clock)


@cache
def nudges() -> Nudges:
    """Sends nudges to keepers, where keepers own bursts."""
    name = "KEEPER_CONNECTIONS_URL"
    connections = services.VisitorConnections(account(), setting(name), LIMITS, name)
    return Nudges(keeper_lines(), connections, clock)


@cache
def policy() -> Policy:
    """The deployment's timings. Raises ValueError for a debounce below 2000 ms, or a hold not longer than that."""
    return Policy(
        debounce_ms=number("DEBOUNCE_MS", 2000),
        hold_ms=number("HOLD_MS", 6000),
        verify_ms=number("VERIFY_SECONDS", 30) * 1000,
        cap_ms=number("TYPING_CAP_SECONDS", 600) * 1000,
        session_ttl_s=number("SESSION_TTL_SECONDS", 86_400),
        verifies=platform().verifies,
        parks=not platform().speaks_on_socket,
    )


def agent_typing_ms() -> int:
    """An agent types no longer when nothing has renewed it for this long."""
    return number("AGENT_TYPING_SECONDS", 60) * 1000


@cache
def sessions() -> DynamoSessions:
    """The store of session records."""
    return DynamoSessions(dynamodb(), setting("TABLE_NAME"))


def is_file_url() -> Callable[[str], bool]:
    """Whether a file that a visitor sends may be at a URL. Where no message is taken, it may be at any."""
    file_urls = platform().file_urls
    return file_urls() if file_urls else is_plain


@cache
def messages() -> Messages | None:
    """The store of visitors' messages; None where the deployment has none, as its platform takes no messages."""
    table = os.environ.get("MESSAGES_TABLE")
    if not table:
        return None
    from typing_relay.aws.messages import DynamoMessages

    return DynamoMessages(dynamodb(), table)


@cache
def visitors() -> Visitors:
    """Sends frames to visitors' front ends."""
    return Visitors(services.VisitorConnections(account(), setting("CONNECTIONS_URL"), LIMITS))


def count(metric: str) -> None:
    """Count ``metric`` once, in the log as EMF, at once: for rare events that must not be lost."""
    with single_metric(metric, MetricUnit.Count, 1):  # of its own: a keeper's threads do not share Metrics
        pass


def start_execution(due: StartOwner) -> bool:
    """Start the state machine for an owner; False when Step Functions refused."""
    try:
        step_functions().start_execution(
            stateMachineArn=setting("STATE_MACHINE_ARN"),
            input=json.dumps({"session_id": due.record.session_id, "generation": due.generation}),
        )
    except (BotoCoreError, ClientError):
        logger.exception("The typing burst's execution could not be started; the next key tries again.")
        count("BurstsNotStarted")
        return False
    return True


def nudge_owner(due: StartOwner) -> bool:
    """Have the keeper that holds this visitor's socket own the burst; False when it could not be reached.

    Where no keeper is named yet, the one that takes the guest will look at the record. A keeper that cannot be reached
    to claim is nudged again when the burst has been claimed for it.
    """
    if not due.record.keeper:
        return True
    nudge = {"session": due.record.session_id, "generation": due.generation}
    reached = nudges().send(due.record.keeper, nudge, to_claim=not due.is_claimed)
    if not reached and due.is_claimed:
        count("NudgesLost")
    return reached


def ask_for_guest(session_id: str) -> None:
    """Put a session on the guest queue, for any keeper to take."""
    sqs().send_message(QueueUrl=setting("GUEST_QUEUE_URL"), MessageBody=json.dumps({"session": session_id}))


def _nudge(due: Nudge) -> bool:
    """Nudge the keeper that holds this visitor's socket."""
    return not due.record.keeper or nudges().send(due.record.keeper, due.body)


@cache
def visitor_runner() -> Runner:
    """Runs the flows of the keystroke and connection functions."""
    handlers = dict(
        [
            handled_by(StartOwner, _start_owner()),
            handled_by(AskForGuest, lambda due: ask_for_guest(due.session_id)),
            handled_by(IsThere, lambda due: visitors().lives(due.connection)),
            handled_by(Nudge, _nudge),
        ]
    )
    return Runner(sessions(), clock, handlers, messages())


def sweeper_runner() -> Runner:
    """Runs the sweeper's flows."""
    return Runner(
        sessions(),
        clock,
        dict([handled_by(StartOwner, _start_owner()), handled_by(TellStanding, _tell_standing)]),
        messages(),
    )


def _start_owner() -> Callable[[StartOwner], bool]:
    """Starts owners: an execution of the state machine, or the keeper that holds the socket."""
    if platform().speaks_on_socket:
        nudges()
        return nudge_owner
    step_functions()
    return start_execution


def sender_runner(
    report_pause: Callable[[int], None],
    reported: Callable[[Guests], Guests],
    report_latency: Callable[[Latency, int], None],
) -> Runner:
    """Runs the sender's flows.

    ``report_pause`` is called with ms when the breaker opens; ``reported`` wraps CXone's guests in reports;
    ``report_latency`` takes the metric and ms. Raises SettingWrong where keepers own the bursts.
    """
    make_calls = platform().calls
    if make_calls is None:
        raise SettingWrong("CXONE_PLATFORM names a platform whose keepers tell it who types: it needs no sender.")
    calls = make_calls(report_pause)
    guests, breaker = reported(calls.guests), calls.breaker
    handlers = dict(
        [
            handled_by(AskForGuest, lambda due: ask_for_guest(due.session_id)),
            handled_by(TellCxone, lambda due: guests.set_typing(due.guest_id, due.typing)),
            handled_by(AskCxone, lambda due: guests.get_typing(due.guest_id)),
            handled_by(AskBreaker, lambda due: breaker.paused_until(due.now) if breaker else 0),
            handled_by(TellBreaker, lambda due: breaker.note(due.guest_id, due.outcome, due.now) if breaker else None),
            handled_by(TellTypingUnavailable, _tell_typing_unavailable),
            handled_by(Jitter, lambda due: random.random()),
            handled_by(ReportLatency, lambda due: report_latency(due.latency, due.ms)),
        ]
    )
    return Runner(sessions(), clock, handlers)


def _tell_standing(due: TellStanding) -> None:
    """Tell the visitor. If that fails, their front end sends the message again and gets the answer then."""
    frame = frames.message_status(due.message_id, due.standing)
    for connection in sorted(due.record.connections):
        if due.record.may_hear(connection, clock()):
            try:
                visitors().send(connection, frame)
            except (BotoCoreError, ClientError):
                logger.warning("A visitor could not be told where a message stands.", connection=connection)


def _tell_typing_unavailable(due: TellTypingUnavailable) -> None:
    message = "CXone offers no typing indicator for this guest session."
    visitors().send_all(due.record.connections, frames.error("typing_unavailable", message))
