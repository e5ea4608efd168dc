"""AWS Signature Version 4, pure: a request in, its Authorization header out.

Written here because importing botocore's would be the larger half of a cold start (docs/decisions.md). The tests
compare it with botocore's, header by header. Source: AWS, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from typing_relay.aws.credentials import Keys

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed(
    method: str, path: str, headers: Mapping[str, str], body: bytes, keys: Keys, region: str, service: str, at: str
) -> dict[str, str]:
    """``headers``, which must contain ``Host``, plus the date, the role's token and the Authorization header.

    ``path`` is as sent, without a query. ``at`` is the time in AWS's format, like 20261124T101500Z.
    """
    sent = {**headers, "X-Amz-Date": at}
    if keys.token:
        sent["X-Amz-Security-Token"] = keys.token
    by_name = sorted((name.lower(), value.strip()) for name, value in sent.items())
    names = ";".join(name for name, _ in by_name)
    lines = "".join(f"{name}:{value}\n" for name, value in by_name)
    # The path is encoded a second time for signing (every service but S3 requires that); there is no query.
    canonical = f"{method}\n{quote(path)}\n\n{lines}\n{names}\n{_hash(body)}"
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    signing_key = _signing_key(keys.secret_key, at[:8], region, service)
    signature = hmac.new(signing_key, f"{_ALGORITHM}\n{at}\n{scope}\n{_hash(canonical.encode())}".encode(), "sha256")
    credential = f"Credential={keys.access_key}/{scope}"
    sent["Authorization"] = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature.hexdigest()}"
    return sent


@lru_cache(maxsize=16)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    """The key is the same for all calls of a day, so it is cached."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
