"""Reading a handshake (T13): one token, by query string or subprotocol, and one origin on the list."""

from typing import Any

import pytest
from typing_relay.door.handshakes import Handshake, check_origin, read_handshake, the_token
from typing_relay.door.visitor_tokens import Reason, Refusal


def test_the_token_comes_in_the_query_string() -> None:
    """T13: `?token=…`."""
    assert read_handshake({"multiValueQueryStringParameters": {"token": ["a.b.c"]}}).tokens == ("a.b.c",)


@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "sec-websocket-protocol"])
@pytest.mark.parametrize("values", [["typing-relay, token.a.b.c"], ["typing-relay", "token.a.b.c"]])
def test_the_token_comes_as_a_subprotocol(name: str, values: list[str]) -> None:
    """T13: for those whose logs keep URLs; a header's case means nothing, nor how its list is split."""
    assert read_handshake({"multiValueHeaders": {name: values}}).tokens == ("a.b.c",)


@pytest.mark.parametrize("event", [{}, {"multiValueHeaders": None, "multiValueQueryStringParameters": None}])
def test_a_bare_handshake_names_no_token_and_no_origin(event: dict[str, Any]) -> None:
    """T13: API Gateway says null where there is nothing."""
    assert read_handshake(event) == Handshake((), ())


@pytest.mark.parametrize("tokens", [(), ("",)])
def test_a_handshake_without_a_token_is_refused(tokens: tuple[str, ...]) -> None:
    """T13: nobody comes in without."""
    assert the_token(Handshake(tokens, ())) == Refusal(Reason.MISSING)


def test_a_handshake_with_two_tokens_is_refused() -> None:
    """T13: what is checked must be what counts."""
    assert the_token(Handshake(("a.b.c", "a.b.c"), ())) == Refusal(Reason.REPEATED)


ALLOWED = ("https://shop.example", "http://localhost:8080")


@pytest.mark.parametrize("origins", [("https://shop.example",), ("http://localhost:8080",)])
def test_an_origin_on_the_list_comes_in(origins: tuple[str, ...]) -> None:
    """T13: the front ends of this deployment."""
    assert check_origin(Handshake((), origins), ALLOWED) is None


@pytest.mark.parametrize(
    "origins",
    [
        (),
        ("null",),
        ("http://shop.example",),
        ("https://shop.example:444",),
        ("https://shop.example.evil.example",),
        ("https://evil.example/https://shop.example",),
        ("https://evilshop.example",),
        ("https://shop.example", "https://evil.example"),
    ],
)
def test_any_other_origin_is_refused(origins: tuple[str, ...]) -> None:
    """T13: equal or not, and only one."""
    assert check_origin(Handshake((), origins), ALLOWED) == Refusal(Reason.ORIGIN_NOT_ALLOWED)


@pytest.mark.parametrize("origins", [(), ("https://anywhere.example",)])
def test_without_a_list_any_origin_comes_in(origins: tuple[str, ...]) -> None:
    """T13: origins are checked when configured."""
    assert check_origin(Handshake((), origins), ()) is None
