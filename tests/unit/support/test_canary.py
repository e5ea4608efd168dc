"""The search for a text finds it in every form that it knows: a search that finds nothing would prove nothing."""

import base64
import hashlib

import pytest

from tests.support.canary import found_in

TEXT, IDS = "my pin is 483107", ("alice", "m-1")


@pytest.mark.parametrize(
    "where",
    [
        f"… {TEXT} …",
        hashlib.sha256(TEXT.encode()).hexdigest(),
        hashlib.md5(TEXT.encode()).hexdigest().upper(),
        hashlib.sha1(f"{TEXT}:alice".encode()).hexdigest(),
        base64.b64encode(hashlib.sha512(f"alice\0m-1\0{TEXT}".encode()).digest()).decode(),
        base64.urlsafe_b64encode(hashlib.blake2b(f"m-1|{TEXT}|alice".encode()).digest()).decode().rstrip("="),
    ],
)
def test_a_text_is_found_as_it_is_and_as_a_plain_hash(where: str) -> None:
    assert found_in(f"before {where} after", TEXT, IDS)


def test_it_is_not_found_where_it_is_not() -> None:
    assert found_in(f"alice m-1 {hashlib.sha256(b'another').hexdigest()}", TEXT, IDS) == []
