"""Where a guest's socket may be."""

from __future__ import annotations

import pytest
from typing_relay.platforms.shared.urls import InsecureUrl, host_suffixes, web_socket_url

BASE = "https://acme.api.nicecxone.com"
OWN = "https://cxone.acme.example:8443"


@pytest.mark.parametrize(
    ("url", "base_url", "suffixes"),
    [
        ("wss://acme.api.nicecxone.com/g?s=1", BASE, ()),
        ("wss://chat-eu.nicecxone.com/g", BASE, ()),
        ("wss://CHAT.NiceInContact.com:443/g", BASE, ()),
        ("wss://chat.nicecxone.com./g", BASE, ()),
        ("wss://cxone.acme.example/g", OWN, ()),
        ("wss://chat.nicecxone.com/g", OWN, ()),
        ("wss://sockets.example.com/g", OWN, ("sockets.example.com",)),
        ("wss://eu.sockets.example.com/g", OWN, ("other.example", "sockets.example.com")),
        ("ws://127.0.0.1:9000/g", "http://localhost:8000", ()),
        ("wss://[::1]:9000/g", "http://127.0.0.1:8000", ()),
    ],
)
def test_a_socket_may_be_at_the_base_urls_host_at_cxones_and_at_the_configured(
    url: str, base_url: str, suffixes: tuple[str, ...]
) -> None:
    assert web_socket_url(url, base_url, suffixes) == url


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("wss://stranger.example/g?s=1", "'stranger.example'"),
        ("wss://evilnicecxone.com/g", "'evilnicecxone.com'"),
        ("wss://nicecxone.com.evil.example/g", "'nicecxone.com.evil.example'"),
        ("wss://api.nicecxone.org/g", "'api.nicecxone.org'"),
        ("wss://eu.sockets.example.co/g", "'eu.sockets.example.co'"),
        ("ws://127.0.0.1/g", "'127.0.0.1'"),
        ("wss://169.254.169.254/latest", "'169.254.169.254'"),
        ("wss://localhost/g", "'localhost'"),
    ],
)
def test_any_other_host_is_refused_by_name_with_the_setting_that_allows_it(url: str, named: str) -> None:
    with pytest.raises(InsecureUrl) as refusal:
        web_socket_url(url, BASE, ("sockets.example.com",))
    assert named in str(refusal.value)
    assert "CXONE_SOCKET_HOST_SUFFIXES" in str(refusal.value)
    assert "s=1" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "wss://acme.api.nicecxone.com@evil.example/g?s3cret",
        "wss://s3cret@acme.api.nicecxone.com/g",
        "wss://evil.example\\.nicecxone.com/g?s3cret",
        "wss://evil.example\\@acme.api.nicecxone.com/g?s3cret",
        "wss://acme.api.nicecxone.com\n/g?s3cret",
        "wss://acme.api.nicecxone.com\u2025/g?s3cret",
        "wss:/acme.api.nicecxone.com/g?s3cret",
    ],
)
def test_a_url_that_two_parsers_may_read_differently_is_refused_before_its_host_is_judged(url: str) -> None:
    with pytest.raises(InsecureUrl, match=r"cannot be read as a URL.*no user") as refusal:
        web_socket_url(url, BASE)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "suffixes"),
    [
        ("", ()),
        (" , ", ()),
        ("chat.example.com", ("chat.example.com",)),
        ("A.example , b.example,", ("a.example", "b.example")),
    ],
)
def test_suffixes_are_a_list_with_commas(text: str, suffixes: tuple[str, ...]) -> None:
    assert host_suffixes(text) == suffixes


@pytest.mark.parametrize(
    "text", ["com", "*.example.com", ".example.com", "https://example.com", "a.example:443", "a..b", "a b.c"]
)
def test_what_is_no_domain_is_refused_at_the_start(text: str) -> None:
    """`com` would allow nearly everybody."""
    with pytest.raises(InsecureUrl, match="CXONE_SOCKET_HOST_SUFFIXES takes domains like"):
        host_suffixes(f"fine.example,{text}")
