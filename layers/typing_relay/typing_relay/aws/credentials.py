"""AWS credentials: the environment's keys, as Lambda sets them, or whatever botocore's chain finds.

The chain knows profiles, SSO, containers (ECS) and instances, and renews keys that expire. Importing it is slow, so a
Lambda, which has its keys in the environment, does not.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from typing_relay.aws.settings import AwsSettingWrong


class Keys(NamedTuple):
    """The keys that sign a call. ``token`` is set for a role's keys."""

    access_key: str
    secret_key: str
    token: str | None


class Credentials(Protocol):
    """A source of keys."""

    def keys(self) -> Keys:
        """The keys to use now. Raises AwsSettingWrong."""

    def forget(self) -> bool:
        """AWS says that the keys have expired. Returns whether asking again may give others."""


def find() -> Credentials:
    """The source that boto3 would use. Raises AwsSettingWrong when it has no keys now."""
    source = EnvironmentCredentials() if "AWS_ACCESS_KEY_ID" in os.environ else ChainCredentials()
    source.keys()
    return source


class EnvironmentCredentials:
    """AWS_ACCESS_KEY_ID and its companions, read at each call."""

    def keys(self) -> Keys:
        """The keys. Raises AwsSettingWrong when the secret is missing, or AWS_CREDENTIAL_EXPIRATION has passed."""
        secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
        if not secret_key:
            raise AwsSettingWrong("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not. Set both, or neither.")
        _refuse_expired(os.environ.get("AWS_CREDENTIAL_EXPIRATION"))
        return Keys(os.environ["AWS_ACCESS_KEY_ID"], secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)

    def forget(self) -> bool:
        """False: the environment does not change."""
        return False


class ChainCredentials:
    """botocore's chain: a profile, SSO, a container's or an instance's role."""

    def __init__(self) -> None:
        self._found: Any = None

    def keys(self) -> Keys:
        """The keys, renewed before they expire. Raises AwsSettingWrong."""
        from botocore.exceptions import BotoCoreError

        try:
            if self._found is None:
                self._found = _search()
            return Keys(*self._found.get_frozen_credentials()[:3])
        except BotoCoreError as error:  # an SSO session that is over, a profile that does not exist, …
            hint = " Sign in with `aws sso login`." if "SSO" in str(error) else ""
            raise AwsSettingWrong(f"There are no AWS credentials: {error}.{hint}") from error

    def forget(self) -> bool:
        """True: the next call searches again, as somebody may have signed in again meanwhile."""
        self._found = None
        return True


def _search() -> Any:
    from botocore.session import Session

    found = Session().get_credentials()
    if found is None:
        raise AwsSettingWrong(
            "There are no AWS credentials. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY;"
            " in a task or function its role provides them."
        )
    return found


def _refuse_expired(expiration: str | None) -> None:
    if not expiration:
        return
    try:
        expires_at = datetime.fromisoformat(expiration).timestamp()
    except ValueError:
        return  # malformed: let AWS judge the keys
    if expires_at <= time.time():
        raise AwsSettingWrong(f"The AWS credentials in the environment expired at {expiration}. Get new ones.")
