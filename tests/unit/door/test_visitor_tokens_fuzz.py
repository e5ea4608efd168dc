"""Fuzzing the door (T13): no token, header or event makes it raise, and only sound tokens open it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from typing_relay.door.handshakes import check_origin, read_handshake, the_token
from typing_relay.door.visitor_tokens import AdmittedVisitor, Refusal, TokenRules, key_id, verify

from tests.support.fuzzing import fuzz, json_values
from tests.support.token_samples import NOW, SECRET, claims, part, signed, signed_as_is

HS256 = TokenRules(("HS256",), issuer="https://shop.example", audience="relay")
GOOD = signed(iss="https://shop.example", aud="relay")
TOKEN_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.="

any_text = st.text(st.characters(), max_size=200)
header_values = st.fixed_dictionaries(
    {"alg": st.just("HS256")},
    optional=dict.fromkeys(("kid", "typ", "crit", "b64", "jku", "jwk", "x5u"), json_values),
)
claim_values = st.fixed_dictionaries(
    {"sub": st.just("alice") | json_values, "exp": st.just(NOW + 60) | json_values},
    optional=dict.fromkeys(("iss", "aud", "nbf", "iat", "jti", "signals"), json_values),
)


@fuzz
@given(any_text | st.text(TOKEN_CHARACTERS, max_size=200))
def test_no_text_is_a_token_by_chance(token: str) -> None:
    """T13: a refusal, never an exception."""
    assert isinstance(verify(token, [SECRET], HS256, NOW), Refusal)


@fuzz
@given(st.integers(0, len(GOOD) - 1), st.sampled_from(TOKEN_CHARACTERS) | st.characters())
def test_a_token_with_any_one_character_changed_opens_nothing(at: int, character: str) -> None:
    """T13: also not one that decodes to the same bytes."""
    changed = GOOD[:at] + character + GOOD[at + 1 :]
    assert changed == GOOD or isinstance(verify(changed, [SECRET], HS256, NOW), Refusal)


@fuzz
@given(header_values | json_values, claim_values | json_values)
def test_whatever_an_issuer_signs_is_judged(header: Any, payload: Any) -> None:
    """T13: a true signature over odd JSON opens the session it names or nothing."""
    verdict = verify(signed_as_is(header, payload), [SECRET], TokenRules(("HS256",)), NOW)
    if isinstance(verdict, AdmittedVisitor):
        assert verdict.session == payload["sub"]
        assert verdict.expires_at > NOW


@fuzz
@given(header_values | json_values | st.binary(max_size=60), st.binary(max_size=60))
def test_any_header_names_a_key_or_is_refused(header: Any, signature: bytes) -> None:
    """T13: headers are read before anything is verified."""
    token = f"{part(header)}.{part(claims())}.{part(signature)}"
    assert isinstance(key_id(token, TokenRules(("HS256",))), str | Refusal)


names = st.sampled_from(["Origin", "origin", "Sec-WebSocket-Protocol", "Cookie"]) | any_text
values = st.lists(any_text | st.just("typing-relay, token.a.b.c") | st.just("https://shop.example"), max_size=3)
events = st.fixed_dictionaries(
    {},
    optional={
        "multiValueHeaders": st.none() | st.dictionaries(names, values, max_size=4),
        "multiValueQueryStringParameters": st.none() | st.dictionaries(st.just("token") | any_text, values),
    },
)


@fuzz
@given(events)
def test_any_handshake_is_read_and_none_of_these_comes_in(event: dict[str, Any]) -> None:
    """T13: headers in any case and number, values of any text."""
    handshake = read_handshake(event)
    check_origin(handshake, ["https://shop.example"])
    token = the_token(handshake)
    assert isinstance(token, Refusal) or isinstance(verify(token, [SECRET], HS256, NOW), Refusal)
