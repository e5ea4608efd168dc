"""What the environment says about the stack to start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from typing_relay.platforms.registry import FOLDERS

from local.stack.processes import StackError, free_port
from local.template_file import read_template

# The built-in simulator's own, when none are given.
_SIMULATOR_CREDENTIALS = {"client_id": "local-client", "client_secret": "local-secret"}
# The environment's variable and the template's parameter for each part of a gateway.
_GATEWAY = {
    "gateway_url": ("DFO_GATEWAY_URL", "DfoGatewayUrl"),
    "chat_url": ("DFO_CHAT_URL", "DfoChatUrl"),
    "authorize_url": ("DFO_AUTHORIZE_URL", "DfoAuthorizeUrl"),
    "brand_id": ("DFO_BRAND_ID", "DfoBrandId"),
    "channel_id": ("DFO_CHANNEL_ID", "DfoChannelId"),
}


@dataclass(frozen=True)
class Gateway:
    """A Digital-First gateway: whose, and where."""

    gateway_url: str
    chat_url: str
    authorize_url: str
    brand_id: str
    channel_id: str


@dataclass(frozen=True)
class Settings:
    """How to start a stack. `cxone_base_url` or `gateway` None means the built-in simulator."""

    console_port: int
    cxone_base_url: str | None
    credentials: Mapping[str, str]  # client_id, client_secret
    platform: str = "v1"
    gateway: Gateway | None = None
    #: The emulator's, and so of the visitors' WebSocket; 0: a free one.
    ws_port: int = 0
    #: Whose pages may connect, as the template's AllowedOrigins: empty means any.
    allowed_origins: str = ""
    #: Custom fields that tokens may set, as the template's CustomFields.
    custom_fields: str = "plan"
    #: Other channels that tokens may name, as the template's DfoChannelIds. The simulated gateway has this one.
    channel_ids: str = "chat_second"


def read_settings(environment: Mapping[str, str], default_port: int = 0) -> Settings:
    """From PORT and WS_PORT (0: a free one), ALLOWED_ORIGINS, CUSTOM_FIELDS, CXONE_PLATFORM and what belongs to it.

    v1: CXONE_BASE_URL, CXONE_CLIENT_ID, CXONE_CLIENT_SECRET. dfo: DFO_GATEWAY_URL, DFO_CHAT_URL, DFO_AUTHORIZE_URL,
    DFO_BRAND_ID, DFO_CHANNEL_ID, and perhaps DFO_CHANNEL_IDS. StackError, naming what is wrong and what to do, for a
    value that cannot be used.
    """
    platform = environment.get("CXONE_PLATFORM") or "v1"
    if platform not in FOLDERS:
        raise StackError(f"CXONE_PLATFORM must be {' or '.join(FOLDERS)}, not {platform!r}.")
    base_url = environment.get("CXONE_BASE_URL", "").rstrip("/") or None
    gateway = _gateway(environment)
    if platform != "dfo" and gateway:
        raise StackError("DFO_… names a Digital-First gateway; set CXONE_PLATFORM=dfo too, to go there.")
    if platform == "dfo" and base_url:
        raise StackError("CXONE_BASE_URL is for CXONE_PLATFORM=v1; a Digital-First gateway is named by DFO_….")
    if base_url:
        _check("CXONE_BASE_URL", base_url, "CxoneBaseUrl")
    allowed_origins = environment.get("ALLOWED_ORIGINS", "")
    _check("ALLOWED_ORIGINS", allowed_origins, "AllowedOrigins")
    custom_fields = environment.get("CUSTOM_FIELDS", Settings.custom_fields)
    _check("CUSTOM_FIELDS", custom_fields, "CustomFields")
    channel_ids = environment.get("DFO_CHANNEL_IDS", "" if gateway else Settings.channel_ids)
    _check("DFO_CHANNEL_IDS", channel_ids, "DfoChannelIds")
    return Settings(
        console_port=_port("PORT", environment.get("PORT") or str(default_port)) or free_port(),
        cxone_base_url=base_url,
        credentials=_credentials(environment, needed=base_url is not None),
        platform=platform,
        gateway=gateway,
        ws_port=_port("WS_PORT", environment.get("WS_PORT") or "0"),
        allowed_origins=allowed_origins,
        custom_fields=custom_fields,
        channel_ids=channel_ids,
    )


def _gateway(environment: Mapping[str, str]) -> Gateway | None:
    """All five or none: a brand is not at another brand's gateway."""
    given = {name: environment.get(variable, "").rstrip("/") for name, (variable, _) in _GATEWAY.items()}
    if not any(given.values()):
        return None
    missing = [variable for name, (variable, _) in _GATEWAY.items() if not given[name]]
    if missing:
        raise StackError(f"DFO_… names a Digital-First gateway; set {' and '.join(missing)} too.")
    for name, (variable, parameter) in _GATEWAY.items():
        _check(variable, given[name], parameter)
    return Gateway(**given)


def _port(variable: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise StackError(f"{variable} must be a number from 0 (any free port) to 65535, not {text!r}.")
    return int(text)


@cache
def _parameters() -> dict[str, Any]:
    """Of the template, which takes a while to read."""
    parameters: dict[str, Any] = read_template()["Parameters"]
    return parameters


def _check(variable: str, value: str, name: str) -> None:
    """The template's own rule for the parameter `name`, before anything is started."""
    parameter = _parameters()[name]
    if not re.fullmatch(parameter["AllowedPattern"], value):
        raise StackError(f"{variable} {parameter['ConstraintDescription']}")


def _credentials(environment: Mapping[str, str], *, needed: bool) -> dict[str, str]:
    names = {"client_id": "CXONE_CLIENT_ID", "client_secret": "CXONE_CLIENT_SECRET"}
    missing = [variable for variable in names.values() if not environment.get(variable)]
    if needed and missing:
        raise StackError(f"CXONE_BASE_URL names a CXone; set {' and '.join(missing)} too, to sign in there.")
    return {key: environment.get(variable) or _SIMULATOR_CREDENTIALS[key] for key, variable in names.items()}
