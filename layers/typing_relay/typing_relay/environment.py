"""What the environment variables say, and what a process makes of them once: its account, its client of DynamoDB.

It imports nothing but ``aws``: a platform can read its own settings.
"""

from __future__ import annotations

import os
import time
from functools import cache

from typing_relay.aws import services
from typing_relay.aws.client import CallLimits
from typing_relay.aws.services import Account

#: Of a call without a deadline; a function's ends with its invocation at the latest (``typing_relay.deadline``).
LIMITS = CallLimits(connect_s=1, read_s=2, tries=3)


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
    return services.DynamoDb(account(), LIMITS)
