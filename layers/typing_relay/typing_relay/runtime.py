"""The one place that wires: settings from the environment, clients, stores, and what each function gets of them.

Functions call these at import, so that a cold start pays for clients once, in Lambda's init phase.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import BotoCoreError, ClientError

from typing_relay.aws import services
from typing_relay.aws.client import Limits
from typing_relay.aws.secrets import Secret
from typing_relay.aws.services import Account
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.aws.visitors import Visitors
from typing_relay.door import frames
from typing_relay.relay.burst import Policy, Session
from typing_relay.relay.ports import Guests, SenderWorld, World

#: Three tries of 3 s and their pauses are less than any function's time.
_LIMITS = Limits(connect_s=1, read_s=2, tries=3)

logger = Logger()


class SettingMissing(RuntimeError):
    """An environment variable that this function needs is not set, or makes no sense. The message names it."""


def setting(name: str, default: str | None = None) -> str:
    """The environment variable ``name``. Raises SettingMissing when it is absent and has no default."""
    value = os.environ.get(name) or default
    if value is None:
        raise SettingMissing(f"The environment variable {name} is not set. template.yaml sets it on deployment.")
    return value


def number(name: str, default: int) -> int:
    """The environment variable ``name`` as a whole number. Raises SettingMissing when it is none."""
    text = setting(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise SettingMissing(f"The environment variable {name} must be a whole number, not {text!r}.") from None


def clock() -> int:
    """Now, in epoch ms."""
    return time.time_ns() // 1_000_000


@cache
def account() -> Account:
    """The process's region and credentials. Raises AwsSettingWrong."""
    return Account.here()


@cache
def dynamodb() -> services.DynamoDb:
    """The process's one client of DynamoDB."""
    return services.DynamoDb(account(), _LIMITS)


@cache
def step_functions() -> services.StepFunctions:
    """The process's one client of Step Functions."""
    return services.StepFunctions(account(), _LIMITS)


@cache
def sqs() -> services.Sqs:
    """The process's one client of SQS."""
    return services.Sqs(account(), _LIMITS)


@cache
def policy() -> Policy:
    """The deployment's timings. Raises ValueError for a debounce below 2000 ms, or a hold that is no longer than it."""
    return Policy(
        debounce_ms=number("DEBOUNCE_MS", 2000),
        hold_ms=number("HOLD_MS", 6000),
        verify_ms=number("VERIFY_SECONDS", 30) * 1000,
        cap_ms=number("TYPING_CAP_SECONDS", 600) * 1000,
        session_ttl_s=number("SESSION_TTL_SECONDS", 86_400),
    )


@cache
def sessions() -> DynamoSessions:
    """The store of session records."""
    return DynamoSessions(dynamodb(), setting("TABLE_NAME"))


@cache
def visitors() -> Visitors:
    """The way to visitors' front ends."""
    return Visitors(services.VisitorConnections(account(), setting("CONNECTIONS_URL"), _LIMITS))


def count(metric: str) -> None:
    """Write one of ``metric`` to the log, where CloudWatch finds it, at once: for what is rare and not to be lost."""
    with single_metric(metric, MetricUnit.Count, 1):  # of its own: a keeper's threads do not share Metrics
        pass


def start_execution(session_id: str, generation: int) -> bool:
    """Start the state machine for an owner; False when Step Functions would not."""
    try:
        step_functions().start_execution(
            stateMachineArn=setting("STATE_MACHINE_ARN"),
            input=json.dumps({"session_id": session_id, "generation": generation}),
        )
    except (BotoCoreError, ClientError):
        logger.exception("The typing burst's execution could not be started; the next key tries again.")
        count("BurstsNotStarted")
        return False
    return True


def ask_for_guest(session_id: str) -> None:
    """Put a session on the guest queue, for any keeper to take."""
    sqs().send_message(QueueUrl=setting("GUEST_QUEUE_URL"), MessageBody=json.dumps({"session": session_id}))


def _no_execution(session_id: str, generation: int) -> bool:
    raise AssertionError("the sender starts no executions")


def _no_guest(session_id: str) -> None:
    raise AssertionError("the sweeper asks for no guests")


@cache
def visitor_world() -> World:
    """What the keystroke and connection functions touch."""
    step_functions()
    return World(sessions(), policy(), clock, start_execution, ask_for_guest)


@cache
def sweeper_world() -> World:
    """What the sweeper touches."""
    return World(sessions(), policy(), clock, start_execution, _no_guest)


@cache
def cxone_guests() -> Any:
    """CXone's guest API as configured: a ``typing_relay.cxone.v1.guests.GuestsV1``. Raises InsecureUrl."""
    from typing_relay.aws.cxone_state import SharedToken
    from typing_relay.cxone import http, urls
    from typing_relay.cxone.v1 import guests
    from typing_relay.cxone.v1.auth import Tokens

    session = http.session()
    base_url = urls.base_url(setting("CXONE_BASE_URL"))
    share = SharedToken(dynamodb(), setting("CXONE_STATE_TABLE"))
    return guests.GuestsV1(session, base_url, Tokens(session, base_url, _credentials, share, clock), clock)


def _credentials() -> Any:
    """CXone's client id and secret, read when a token is needed: a rotated secret is found without a restart."""
    from typing_relay.cxone.v1.auth import Credentials

    text = Secret(services.SecretsManager(account(), _LIMITS), setting("CXONE_SECRET_ARN")).value()
    try:
        secret = json.loads(text)
        return Credentials(secret["client_id"], secret["client_secret"])
    except (ValueError, KeyError, TypeError):
        raise SettingMissing(
            'The CXone secret must be JSON with "client_id" and "client_secret". Put it into Secrets Manager.'
        ) from None


def sender_world(
    report_pause: Callable[[int], None], reported: Callable[[Guests], Guests], felt: Callable[[str, int], None]
) -> SenderWorld:
    """What the sender touches.

    ``report_pause`` is called with ms when the breaker opens; ``reported`` wraps CXone's guests in reports; ``felt``
    takes the name of a metric and ms.
    """
    from typing_relay.aws.cxone_state import SharedWeather

    return SenderWorld(
        sessions(),
        policy(),
        clock,
        _no_execution,
        ask_for_guest,
        guests=reported(cxone_guests()),
        weather=SharedWeather(dynamodb(), setting("CXONE_STATE_TABLE"), report_pause),
        tell_typing_unavailable=_tell_typing_unavailable,
        random=random.random,
        felt=felt,
    )


def _tell_typing_unavailable(record: Session) -> None:
    message = "CXone offers no typing indicator for this guest session."
    visitors().send_all(record.connections, frames.error("typing_unavailable", message))
