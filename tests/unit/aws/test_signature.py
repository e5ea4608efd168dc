"""Signatures, beside botocore's for the same request, keys and time."""

from __future__ import annotations

import datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_relay.aws.credentials import Keys
from typing_relay.aws.signature import signed

AT = datetime.datetime(2026, 11, 24, 10, 15, 0, tzinfo=datetime.UTC)
WRITTEN = "20261124T101500Z"
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/session+token==")


class FrozenSigner(SigV4Auth):
    """botocore's, which looks at the clock by itself."""

    def add_auth(self, request: AWSRequest) -> None:
        request.context["timestamp"] = WRITTEN
        request.headers["X-Amz-Date"] = WRITTEN
        if self.credentials.token:
            request.headers["X-Amz-Security-Token"] = self.credentials.token
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


def by_botocore(method: str, path: str, headers: dict[str, str], body: bytes, keys: Keys, service: str) -> str:
    request = AWSRequest(method, f"https://{headers['Host']}{path}", data=body, headers=headers)
    FrozenSigner(Credentials(*keys), service, "eu-central-1").add_auth(request)
    authorization: str = request.headers["Authorization"]
    return authorization


def by_us(method: str, path: str, headers: dict[str, str], body: bytes, keys: Keys, service: str) -> str:
    return signed(method, path, headers, body, keys, "eu-central-1", service, WRITTEN)["Authorization"]


@pytest.mark.parametrize("token", ["a/session+token==", None])
@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("POST", "/", "dynamodb"),
        ("POST", "/live/@connections/P3sVVdGkDoECJhQ%3D", "execute-api"),
        ("DELETE", "/live/@connections/a%2Fb~c.d-e_f%3D", "execute-api"),
    ],
)
def test_a_signature_is_botocores(method: str, path: str, service: str, token: str | None):
    """SigV4."""
    headers = {"Host": "dynamodb.eu-central-1.amazonaws.com", "X-Amz-Target": "DynamoDB_20120810.UpdateItem"}
    request = (method, path, headers, b'{"a": "\xc3\xa4"}', KEYS._replace(token=token), service)
    assert by_us(*request) == by_botocore(*request)


@settings(max_examples=50)
@given(
    body=st.binary(max_size=50),
    secret=st.text(st.characters(codec="ascii", exclude_categories=("C", "Z")), min_size=1),
    value=st.text("abc XYZ/=+*;:,", max_size=20),
)
def test_any_body_secret_and_header_is_signed_as_botocore_signs_it(body: bytes, secret: str, value: str):
    """SigV4."""
    headers = {"Host": "sqs.example", "X-Amz-Target": " ".join(value.split())}
    request = ("POST", "/", headers, body, Keys("AKID", secret, None), "sqs")
    assert by_us(*request) == by_botocore(*request)


def test_nothing_but_the_signature_comes_of_the_secret():
    headers = signed("POST", "/", {"Host": "sqs.example"}, b"", KEYS, "eu-central-1", "sqs", WRITTEN)
    assert KEYS.secret_key not in str(headers)
    assert headers["X-Amz-Security-Token"] == KEYS.token
