"""Wires what the functions share: settings from the environment, clients, stores, and what each function gets of them.

The authorizer and the guest keeper wire what only they need in their own ``app.py``.

Functions call these at import, so that a cold start pays for clients once, in Lambda's init phase.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import BotoCoreError, ClientError

from typing_relay.aws import services
from typing_relay.aws.client import Limits
from typing_relay.aws.keeper_lines import KeeperLines, Nudges
from typing_relay.aws.secrets import Secret
from typing_relay.aws.services import Account
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.aws.signature import signed
from typing_relay.aws.visitors import Visitors
from typing_relay.door import frames
from typing_relay.logs import make_logger
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
from typing_relay.relay.runner import Runner, on

#: Of a call without a deadline; a function's ends with its invocation at the latest (``typing_relay.deadline``).
_LIMITS = Limits(connect_s=1, read_s=2, tries=3)

logger = make_logger()


class SettingWrong(RuntimeError):
    """An environment variable that this function needs is not set, or malformed. The message names it."""


def setting(name: str, default: str | None = None) -> str:
    """The environment variable ``name``. Raises SettingWrong when it is absent and has no default."""
    value = os.environ.get(name) or default
    if value is None:
        raise SettingWrong(f"The environment variable {name} is not set. template.yaml sets it on deployment.")
    return value


def number(name: str, default: int) -> int:
    """The environment variable ``name`` as a whole number. Raises SettingWrong when it is not one."""
    text = setting(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise SettingWrong(f"The environment variable {name} must be a whole number, not {text!r}.") from None


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
def is_digital_first() -> bool:
    """Which of CXone's interfaces this deployment speaks. Raises SettingWrong for one that does not exist."""
    platform = setting("CXONE_PLATFORM", "v1")
    if platform not in ("v1", "dfo"):
        raise SettingWrong(f"The environment variable CXONE_PLATFORM must be v1 or dfo, not {platform!r}.")
    return platform == "dfo"


@cache
def keeper_lines() -> KeeperLines:
    """The connection of each keeper (Digital-First)."""
    return KeeperLines(dynamodb(), setting("KEEPERS_TABLE"), clock)


@cache
def nudges() -> Nudges:
    """Sends nudges to keepers (Digital-First)."""
    name = "KEEPER_CONNECTIONS_URL"
    connections = services.VisitorConnections(account(), setting(name), _LIMITS, name)
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
        verifies=not is_digital_first(),
    )


def agent_typing_ms() -> int:
    """An agent types no longer when nothing has renewed it for this long."""
    return number("AGENT_TYPING_SECONDS", 60) * 1000


@cache
def sessions() -> DynamoSessions:
    """The store of session records."""
    return DynamoSessions(dynamodb(), setting("TABLE_NAME"))


def is_file_url() -> Callable[[str], bool]:
    """Whether a file that a visitor sends may be at a URL. On v1, which takes no messages, it may be at any."""
    from typing_relay.plain_url import is_plain

    if not is_digital_first():
        return is_plain
    from typing_relay.platforms.digital_first import urls

    hosts = tuple(setting("DFO_FILE_HOSTS", "").replace(",", " ").split())
    return partial(urls.is_file_url, chat=setting("DFO_CHAT_URL", ""), hosts=hosts)


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
    return Visitors(services.VisitorConnections(account(), setting("CONNECTIONS_URL"), _LIMITS))


def count(metric: str) -> None:
    """Count ``metric`` once, in the log as EMF, at once: for rare events that must not be lost."""
    with single_metric(metric, MetricUnit.Count, 1):  # of its own: a keeper's threads do not share Metrics
        pass


def measure(metric: str, ms: int) -> None:
    """Write ``metric`` of ``ms`` to the log at once, from any thread."""
    with single_metric(metric, MetricUnit.Milliseconds, ms):
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

    Where no keeper is named yet, the one that takes the guest will look at the record.
    """
    if not due.record.keeper:
        return True
    reached = nudges().send(due.record.keeper, {"session": due.record.session_id, "generation": due.generation})
    if not reached:
        count("NudgesLost")
    return reached


def ask_for_guest(session_id: str) -> None:
    """Put a session on the guest queue, for any keeper to take."""
    sqs().send_message(QueueUrl=setting("GUEST_QUEUE_URL"), MessageBody=json.dumps({"session": session_id}))


def _nudge(due: Nudge) -> bool:
    """Nudge the keeper that holds this visitor's socket."""
    return not due.record.keeper or nudges().send(due.record.keeper, due.told)


@cache
def visitor_runner() -> Runner:
    """Runs the flows of the keystroke and connection functions."""
    handlers = dict(
        [
            on(StartOwner, _start_owner()),
            on(AskForGuest, lambda due: ask_for_guest(due.session_id)),
            on(IsThere, lambda due: visitors().lives(due.connection)),
            on(Nudge, _nudge),
        ]
    )
    return Runner(sessions(), clock, handlers, messages())


def sweeper_runner() -> Runner:
    """Runs the sweeper's flows."""
    return Runner(
        sessions(), clock, dict([on(StartOwner, _start_owner()), on(TellStanding, _tell_standing)]), messages()
    )


def _start_owner() -> Callable[[StartOwner], bool]:
    """Starts owners: on v1 an execution of the state machine, on Digital-First the keeper that holds the socket."""
    if is_digital_first():
        nudges()
        return nudge_owner
    step_functions()
    return start_execution


@cache
def cxone_guests() -> Any:
    """CXone's guest API as configured: a ``typing_relay.platforms.webchat.guests.GuestsV1``. Raises InsecureUrl."""
    from typing_relay.platforms.shared import http, urls
    from typing_relay.platforms.webchat import guests
    from typing_relay.platforms.webchat.auth import Tokens
    from typing_relay.platforms.webchat.shared_state import SharedToken

    session = http.session()
    base_url = urls.base_url(setting("CXONE_BASE_URL"))
    share = SharedToken(dynamodb(), setting("CXONE_STATE_TABLE"))
    suffixes = urls.host_suffixes(setting(urls.SUFFIXES_SETTING, ""))
    return guests.GuestsV1(session, base_url, Tokens(session, base_url, _credentials, share, clock), clock, suffixes)


def gateway(channel: Any) -> Any:
    """NICE's Digital-First gateway as configured, for this channel: a
    ``typing_relay.platforms.digital_first.api.DfoApi``.

    Raises SettingWrong, InsecureUrl or UnknownEnvironment.
    """
    from typing_relay.platforms.digital_first.api import DfoApi
    from typing_relay.platforms.digital_first.urls import Client, custom_hosts, hosts
    from typing_relay.platforms.shared import http

    environment = setting("DFO_ENVIRONMENT", "custom")
    if environment == "custom":
        where = custom_hosts(setting("DFO_GATEWAY_URL"), setting("DFO_CHAT_URL"), setting("DFO_AUTHORIZE_URL"))
    else:
        where = hosts(environment)
    client = Client(setting("DFO_SDK_VERSION", Client().sdk_version))
    return DfoApi(http.session(), where, channel, client, clock)


def channels() -> tuple[Any, ...]:
    """The channels as configured: ``typing_relay.platforms.digital_first.identity.Channel``. The first is that of
    tokens that name none. Raises BadChannel."""
    from typing_relay.platforms.digital_first import identity

    named = (setting("DFO_CHANNEL_ID"), *setting("DFO_CHANNEL_IDS", "").replace(",", " ").split())
    return tuple(identity.channel(setting("DFO_BRAND_ID"), channel_id) for channel_id in dict.fromkeys(named))


def line_headers(url: str, keeper: str) -> dict[str, str]:
    """The headers of a keeper's handshake with the keepers' API (``url``): its name, signed as IAM requires."""
    parts = urlsplit(url)
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    named = {"Host": parts.netloc, "X-Keeper": keeper}
    region, credentials = account()
    headers = signed("GET", parts.path, named, b"", credentials.keys(), region, "execute-api", at)
    del headers["Host"]  # whoever opens the socket says it
    return headers


def _credentials() -> Any:
    """CXone's client id and secret, read when a token is needed, so that rotation needs no restart."""
    from typing_relay.platforms.webchat.auth import Credentials

    text = Secret(services.SecretsManager(account(), _LIMITS), setting("CXONE_SECRET_ARN")).value()
    try:
        secret = json.loads(text)
        return Credentials(secret["client_id"], secret["client_secret"])
    except (ValueError, KeyError, TypeError):
        raise SettingWrong(
            'The CXone secret must be JSON with "client_id" and "client_secret". Put it into Secrets Manager.'
        ) from None


def sender_runner(
    report_pause: Callable[[int], None],
    reported: Callable[[Guests], Guests],
    report_latency: Callable[[Latency, int], None],
) -> Runner:
    """Runs the sender's flows.

    ``report_pause`` is called with ms when the breaker opens; ``reported`` wraps CXone's guests in reports;
    ``report_latency`` takes the metric and ms.
    """
    from typing_relay.platforms.webchat.shared_state import SharedWeather

    guests = reported(cxone_guests())
    breaker = SharedWeather(dynamodb(), setting("CXONE_STATE_TABLE"), report_pause)
    handlers = dict(
        [
            on(AskForGuest, lambda due: ask_for_guest(due.session_id)),
            on(TellCxone, lambda due: guests.set_typing(due.guest_id, due.typing)),
            on(AskCxone, lambda due: guests.get_typing(due.guest_id)),
            on(AskBreaker, lambda due: breaker.calm_at(due.now)),
            on(TellBreaker, lambda due: breaker.note(due.guest_id, due.outcome, due.now)),
            on(TellTypingUnavailable, _tell_typing_unavailable),
            on(Jitter, lambda due: random.random()),
            on(ReportLatency, lambda due: report_latency(due.latency, due.ms)),
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
