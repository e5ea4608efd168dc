"""AWS region and endpoints, from the environment and the profile. The variables are boto3's."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError

from typing_relay.plain_url import is_plain

#: Prefix of a region's name -> its partition's DNS suffix; every other region is in amazonaws.com.
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
#: With one of these, endpoints come from botocore, which knows which service has such endpoints in which region.
_VARIANTS = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


class AwsSettingWrong(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """Region, endpoint or credentials are missing or malformed. The message says which, and what to do."""

    fmt = "{message}"

    def __init__(self, message: str) -> None:
        super().__init__(message=message)


def region() -> str:
    """The region to call: AWS_REGION, else AWS_DEFAULT_REGION, else the profile's. Raises AwsSettingWrong."""
    found = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _region_of_profile()
    if not found:
        raise AwsSettingWrong("Which AWS region? Set AWS_REGION, or AWS_PROFILE to a profile that has one.")
    return found


def endpoint(name: str, variable: str, region: str) -> str:
    """The URL of the service whose host begins with ``name``. Raises AwsSettingWrong.

    As in boto3, AWS_ENDPOINT_URL_``variable`` overrides it, else AWS_ENDPOINT_URL does.
    """
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        for candidate in (f"AWS_ENDPOINT_URL_{variable}", "AWS_ENDPOINT_URL"):
            if url := os.environ.get(candidate):
                return checked(url, candidate)
    if any(os.environ.get(variant, "").lower() == "true" for variant in _VARIANTS):
        return _endpoint_by_botocore(name, region)
    suffix = next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    return f"https://{name}.{region}.{suffix}"


def checked(url: str, source: str) -> str:
    """``url``, if it is http or https and has a host. Raises AwsSettingWrong, which names ``source``."""
    try:
        parts = urlsplit(url)
        is_one = (
            is_plain(url)
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        is_one = False
    if not is_one:
        raise AwsSettingWrong(f"{source} must be a URL like https://host or http://127.0.0.1:4566.")
    return url


def _region_of_profile() -> str | None:
    from botocore.session import Session  # only where the environment has no region: the import costs 100 ms

    found: str | None = Session().get_config_variable("region")
    return found


def _endpoint_by_botocore(name: str, region: str) -> str:
    from botocore.session import Session

    service = {"states": "stepfunctions"}.get(name, name)
    # Keys that are never used: they keep botocore from searching for credentials.
    unused = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused"}
    url: str = Session().create_client(service, region, **unused).meta.endpoint_url
    return url
