"""What the environment says about the stack to start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from samtranslator.yaml_helper import yaml_parse

from local.stack.deploy import TEMPLATE
from local.stack.processes import StackError, free_port

# The built-in simulator's own, when none are given.
_SIMULATOR_CREDENTIALS = {"client_id": "local-client", "client_secret": "local-secret"}


@dataclass(frozen=True)
class Settings:
    """How to start a stack. `cxone_base_url` None means the built-in simulator."""

    console_port: int
    cxone_base_url: str | None
    credentials: Mapping[str, str]  # client_id, client_secret


def read_settings(environment: Mapping[str, str], default_port: int = 0) -> Settings:
    """From PORT (0: a free one), CXONE_BASE_URL, CXONE_CLIENT_ID, CXONE_CLIENT_SECRET.

    StackError, naming what is wrong and what to do, for a value that cannot be used.
    """
    base_url = environment.get("CXONE_BASE_URL", "").rstrip("/") or None
    if base_url:
        _check_base_url(base_url)
    return Settings(
        console_port=_port(environment.get("PORT") or str(default_port)),
        cxone_base_url=base_url,
        credentials=_credentials(environment, needed=base_url is not None),
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise StackError(f"PORT must be a number from 0 (any free port) to 65535, not {text!r}.")
    return int(text) or free_port()


def _check_base_url(url: str) -> None:
    """The template's own rule, before anything is started."""
    parameter = yaml_parse(TEMPLATE.read_text())["Parameters"]["CxoneBaseUrl"]
    if not re.fullmatch(parameter["AllowedPattern"], url):
        raise StackError(f"CXONE_BASE_URL {parameter['ConstraintDescription']}")


def _credentials(environment: Mapping[str, str], *, needed: bool) -> dict[str, str]:
    names = {"client_id": "CXONE_CLIENT_ID", "client_secret": "CXONE_CLIENT_SECRET"}
    missing = [variable for variable in names.values() if not environment.get(variable)]
    if needed and missing:
        raise StackError(f"CXONE_BASE_URL names a CXone; set {' and '.join(missing)} too, to sign in there.")
    return {key: environment.get(variable) or _SIMULATOR_CREDENTIALS[key] for key, variable in names.items()}
