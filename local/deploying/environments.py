"""An environment of samconfig.toml: which stack `sam deploy` would make, of which parameters."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONG_FORM = re.compile(r"ParameterKey=([^,]+),ParameterValue=(.*)", re.DOTALL)


class NoSuchEnvironment(Exception):
    """samconfig.toml does not say what to deploy; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`parameters` are those given, without the template's defaults. No region or profile: the AWS SDK's own."""

    name: str
    stack_name: str
    parameters: Mapping[str, str]
    region: str | None = None
    profile: str | None = None


def read(path: Path, name: str) -> Environment:
    """The environment of this name, from what SAM reads for `sam deploy`. NoSuchEnvironment."""
    try:
        config = tomllib.loads(path.read_text())
    except OSError:
        raise NoSuchEnvironment(f"there is no {path.name} beside template.yaml") from None
    except tomllib.TOMLDecodeError as error:
        raise NoSuchEnvironment(f"{path.name} is no TOML: {error}") from None
    environments = [key for key, value in config.items() if isinstance(value, dict)]
    if name not in environments:
        raise NoSuchEnvironment(f"{path.name} has no environment {name!r}. ENV is one of: {', '.join(environments)}")
    settings = _settings(config[name], "global") | _settings(config[name], "deploy")
    if "stack_name" not in settings:
        raise NoSuchEnvironment(f"[{name}.deploy.parameters] in {path.name} has no stack_name")
    return Environment(
        name=name,
        stack_name=str(settings["stack_name"]),
        parameters=_parameters(settings.get("parameter_overrides", [])),
        region=settings.get("region"),
        profile=settings.get("profile"),
    )


def _settings(environment: Mapping[str, Any], command: str) -> dict[str, Any]:
    return dict(environment.get(command, {}).get("parameters", {}))


def _parameters(given: Any) -> dict[str, str]:
    """As SAM takes them: a table, or `Key=Value` and `ParameterKey=…,ParameterValue=…` in one text or in several."""
    if isinstance(given, dict):
        return {key: _text(value) for key, value in given.items()}
    found: dict[str, str] = {}
    for part in [given] if isinstance(given, str) else given:
        if isinstance(part, dict):
            found |= _parameters(part)
            continue
        for word in shlex.split(part):
            key, is_pair, value = (m[1], "=", m[2]) if (m := _LONG_FORM.fullmatch(word)) else word.partition("=")
            last = next(reversed(found), "")
            if not is_pair and found.get(last, "").endswith(","):
                raise NoSuchEnvironment(f"{last} has a blank after a comma: {last}={found[last]}{word}")
            if not is_pair:
                raise NoSuchEnvironment(f"parameter_overrides has {word!r}, which is not Key=Value")
            found[key] = value
    return found


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
