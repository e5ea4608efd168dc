"""The gateway, its channels and the keepers' line as the environment names them."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from typing_relay.aws.signature import signed
from typing_relay.environment import SettingWrong, account, clock, number, setting
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.platforms.digital_first import identity
from typing_relay.platforms.digital_first.api import DfoApi
from typing_relay.platforms.digital_first.identity import Channel
from typing_relay.platforms.digital_first.in_keeper import Dependencies
from typing_relay.platforms.digital_first.urls import Client, custom_hosts, hosts
from typing_relay.platforms.platform import Lent
from typing_relay.platforms.shared import http

#: Each reads one message, some of them while they are being written: they wait, and cost hardly anything.
CONTENT_THREADS = 32


def configured(lent: Lent) -> Dependencies:
    """What a keeper lends, and what the environment says. Raises SettingWrong, InsecureUrl, UnknownEnvironment or
    BadChannel."""
    if lent.messages is None:
        raise SettingWrong("The environment variable MESSAGES_TABLE is not set; Digital-First needs it.")
    line_url = setting("KEEPER_LINE_URL")
    first, *others = channels()
    return Dependencies(
        lent.keeper,
        lent.loop,
        lent.workers,
        Jobs(lent.loop, CONTENT_THREADS, "contents"),
        lent.sessions,
        lent.messages,
        lent.outbox,
        gateway(first),
        first,
        lent.counters,
        lent.clock,
        lent.policy,
        lent.ask_for_guest,
        number("MESSAGE_DEADLINE_SECONDS", 300) * 1000,
        lent.agent_typing_ms,
        lent.tls,
        line_url,
        sign=lambda: line_headers(line_url, lent.keeper),
        talk=lent.talk,
        report_latency=lent.report_latency,
        other_channels=tuple(others),
        api_of=gateway,
    )


def gateway(channel: Channel) -> DfoApi:
    """NICE's gateway for this channel. Raises SettingWrong, InsecureUrl or UnknownEnvironment."""
    environment = setting("DFO_ENVIRONMENT", "custom")
    if environment == "custom":
        where = custom_hosts(setting("DFO_GATEWAY_URL"), setting("DFO_CHAT_URL"), setting("DFO_AUTHORIZE_URL"))
    else:
        where = hosts(environment)
    client = Client(setting("DFO_SDK_VERSION", Client().sdk_version))
    return DfoApi(http.session(), where, channel, client, clock)


def channels() -> tuple[Channel, ...]:
    """The first is that of tokens that name none. Raises SettingWrong or BadChannel."""
    named = (setting("DFO_CHANNEL_ID"), *setting("DFO_CHANNEL_IDS", "").replace(",", " ").split())
    return tuple(identity.channel(setting("DFO_BRAND_ID"), channel_id) for channel_id in dict.fromkeys(named))


def line_headers(url: str, keeper: str) -> dict[str, str]:
    """The headers of a keeper's handshake with the keepers' API (``url``): its name, and that it claims the bursts that
    it is nudged about, signed as IAM requires."""
    parts = urlsplit(url)
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    named = {"Host": parts.netloc, "X-Keeper": keeper, "X-Keeper-Claims": "bursts"}
    region, credentials = account()
    headers = signed("GET", parts.path, named, b"", credentials.keys(), region, "execute-api", at)
    del headers["Host"]  # whoever opens the socket says it
    return headers
