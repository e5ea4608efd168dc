"""Every URL that is plain is read alike by all parsers that judge or fetch one."""

import http.client
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typing_relay.plain_url import is_plain
from urllib3.util import parse_url
from websocket._url import parse_url as parse_socket_url

#: What parsers disagree about, more often than chance would have it.
PARTS = st.sampled_from(
    ["a.example", "s3.amazonaws.com", ":", "443", "0", "@", "\\", "/", "//", "?", "#", "[::1]", "[", "]", "%2f", ".",
     "..", " ", "\t", "\n", "\x00", "\u3002", "\uff0f", "\u2025", "%", ";", "&", "wss://", "127.1"]
)  # fmt: skip


@given(st.lists(PARTS, max_size=8).map("".join))
@example("evil.example\\.amazonaws.com/")
@example("user@evil.example/")
@example("a.example:99999/")
def test_a_plain_url_has_one_host_and_port_whoever_reads_it(rest: str) -> None:
    url = f"wss://{rest}"
    if not is_plain(url):
        return
    try:
        judged = urlsplit(url)
        host, port = judged.hostname or "", judged.port or 443
    except ValueError:
        return  # refused by whoever judges
    by_socket = parse_socket_url(url)
    assert (by_socket[0], by_socket[1]) == (host, port)
    fetched = parse_url(url.replace("wss", "https", 1))
    assert ((fetched.host or "").strip("[]"), fetched.port or 443) == (host, port)
    kept = http.client.HTTPSConnection(judged.netloc)
    assert (kept.host.lower(), kept.port) == (host, port)


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example:8443/x?y#z", "wss://[::1]:1/g", "http://127.0.0.1:9/%41?b=[c]"]
)
def test_ordinary_urls_are_plain(url: str) -> None:
    assert is_plain(url)
