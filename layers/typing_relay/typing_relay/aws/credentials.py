"""Whose calls these are: the environment's keys, as Lambda sets them, or whatever botocore's chain finds.

The chain knows profiles, SSO, containers (ECS) and instances, and renews what runs out; importing it costs more than
everything else here, so a Lambda does not.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from typing_relay.aws.settings import AwsSettingWrong


class Keys(NamedTuple):
    """What a call is signed with. ``token`` is there for roles."""

    access_key: str
    secret_key: str
    token: str | None


class Credentials(Protocol):
    """A source of keys."""

    def keys(self) -> Keys:
        """The keys of this moment. Raises AwsSettingWrong."""

    def forget(self) -> bool:
        """AWS says that they have expired. Returns whether others may be found."""


def find() -> Credentials:
    """The source that boto3 would take. Raises AwsSettingWrong when it has no keys now."""
    source = EnvironmentCredentials() if "AWS_ACCESS_KEY_ID" in os.environ else ChainCredentials()
    source.keys()
    return source


class EnvironmentCredentials:
    """AWS_ACCESS_KEY_ID and its companions, read at each call."""

    def keys(self) -> Keys:
        """Raises AwsSettingWrong when the secret is missing, or the keys say themselves that they have expired."""
        secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
        if not secret_key:
            raise AwsSettingWrong("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not. Set both, or neither.")
        _refuse_expired(os.environ.get("AWS_CREDENTIAL_EXPIRATION"))
        return Keys(os.environ["AWS_ACCESS_KEY_ID"], secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)

    def forget(self) -> bool:
        """There are no others."""
        return False


class ChainCredentials:
    """botocore's: a profile, SSO, a container's or an instance's role."""

    def __init__(self) -> None:
        self._found: Any = None

    def keys(self) -> Keys:
        """Renewed before they run out. Raises AwsSettingWrong."""
        from botocore.exceptions import BotoCoreError

        try:
            if self._found is None:
                self._found = _search()
            return Keys(*self._found.get_frozen_credentials()[:3])
        except BotoCoreError as error:  # an SSO session that is over, a profile that does not exist, …
            hint = " Sign in with `aws sso login`." if "SSO" in str(error) else ""
            raise AwsSettingWrong(f"There are no AWS credentials: {error}.{hint}") from error

    def forget(self) -> bool:
        """The next call searches anew: a profile may have been signed in again."""
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
        return  # not ours to judge; AWS will
    if expires_at <= time.time():
        raise AwsSettingWrong(f"The AWS credentials in the environment expired at {expiration}. Get new ones.")
