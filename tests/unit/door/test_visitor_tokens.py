"""The rules of visitor tokens (T13): what opens which session, and why the rest does not."""

import subprocess
import sys
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typing_relay.door.visitor_tokens import (
    MAX_EPOCH_SECONDS,
    MAX_KEY_ID_CHARACTERS,
    MAX_TOKEN_CHARACTERS,
    AdmittedVisitor,
    Reason,
    Refusal,
    TokenRules,
    key_id,
    verify,
)

from tests.support.token_samples import NOW, OTHER_SECRET, SECRET, claims, part, signed, signed_as_is

HS256 = TokenRules(("HS256",))
PUBLIC_KEY_RULES = TokenRules(("RS256", "ES256"))
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def _public_jwk(private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> jwt.PyJWK:
    algorithm = "RS256" if isinstance(private_key, rsa.RSAPrivateKey) else "ES256"
    fields = jwt.get_algorithm_by_name(algorithm).to_jwk(private_key.public_key(), as_dict=True)
    return jwt.PyJWK({**fields, "kid": "k1", "alg": algorithm})


def _reason_for(token: str, rules: TokenRules = HS256, now: float = NOW) -> Reason | None:
    verdict = verify(token, [SECRET], rules, now)
    return verdict.reason if isinstance(verdict, Refusal) else None


def test_a_good_token_opens_the_session_it_names_until_it_expires() -> None:
    """T13: `sub` is the session; expires_at is `exp` with the leeway of ten seconds."""
    assert verify(signed(), [SECRET], HS256, NOW) == AdmittedVisitor("alice", signals=True, expires_at=NOW + 3610)


def test_a_token_of_the_previous_secret_is_good_while_both_are_known() -> None:
    """T13: rotating the secret locks no visitor out."""
    assert isinstance(verify(signed(OTHER_SECRET), [SECRET, OTHER_SECRET], HS256, NOW), AdmittedVisitor)


def test_an_expired_token_of_the_previous_secret_is_called_expired() -> None:
    """T13: the reason in the log is the true one."""
    token = signed(OTHER_SECRET, exp=NOW - 60)
    assert verify(token, [SECRET, OTHER_SECRET], HS256, NOW) == Refusal(Reason.EXPIRED)


def test_a_token_of_a_strange_secret_is_refused() -> None:
    """T13: a visitor cannot sign a token of their own."""
    assert _reason_for(signed(OTHER_SECRET)) is Reason.SIGNATURE_WRONG


def test_without_any_key_no_token_is_good() -> None:
    """T13: an empty list of keys admits nobody."""
    assert verify(signed(), [], HS256, NOW) == Refusal(Reason.SIGNATURE_WRONG)


def test_a_token_whose_payload_was_changed_is_refused() -> None:
    """T13: alice's signature does not open bob's session."""
    header, _, signature = signed().split(".")
    assert _reason_for(f"{header}.{part(claims(sub='bob'))}.{signature}") is Reason.SIGNATURE_WRONG


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_a_token_that_asks_for_no_signature_is_refused(algorithm: str) -> None:
    """T13: `alg: none` in any spelling, with an empty signature or with some."""
    unsigned = f"{part({'alg': algorithm})}.{part(claims())}."
    assert _reason_for(unsigned) is Reason.MALFORMED
    assert _reason_for(f"{unsigned}AAAA") is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_of_another_hash_is_refused_even_with_the_right_secret(algorithm: str) -> None:
    """T13: one algorithm per deployment."""
    assert _reason_for(signed(b"k" * 64, algorithm)) is Reason.ALGORITHM_NOT_ALLOWED


def test_a_public_key_does_not_pass_for_a_secret() -> None:
    """T13: algorithm confusion; HS256 over the published RSA key."""
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = signed_as_is({"alg": "HS256", "kid": "k1"}, claims(), secret=pem)
    verdict = verify(token, [_public_jwk(RSA_KEY)], PUBLIC_KEY_RULES, NOW)
    assert verdict == Refusal(Reason.ALGORITHM_NOT_ALLOWED)


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256")])
def test_a_token_signed_with_a_private_key_is_good_by_its_public_one(key: Any, algorithm: str) -> None:
    """T13: RS256 and ES256 by the issuer's key set."""
    token = signed(key, algorithm, kid="k1")
    assert isinstance(verify(token, [_public_jwk(key)], PUBLIC_KEY_RULES, NOW), AdmittedVisitor)


def test_a_key_serves_no_other_algorithm_than_its_own() -> None:
    """T13: an ES256 token is not tried with an RSA key."""
    token = signed(EC_KEY, "ES256", kid="k1")
    assert verify(token, [_public_jwk(RSA_KEY)], PUBLIC_KEY_RULES, NOW) == Refusal(Reason.ALGORITHM_NOT_ALLOWED)


def test_a_symmetric_key_in_a_key_set_opens_nothing() -> None:
    """T13: what a JWKS publishes is no secret, so HS256 by it is refused."""
    key = jwt.PyJWK({"kty": "oct", "k": part(SECRET), "kid": "k1", "alg": "HS256"})
    assert verify(signed(kid="k1"), [key], PUBLIC_KEY_RULES, NOW) == Refusal(Reason.ALGORITHM_NOT_ALLOWED)


def test_a_short_rsa_key_opens_nothing() -> None:
    """T13: 1024 bits can be broken."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed(key, "RS256", kid="k1")
    assert verify(token, [_public_jwk(key)], PUBLIC_KEY_RULES, NOW) == Refusal(Reason.KEY_UNKNOWN)


@pytest.mark.parametrize(("late", "reason"), [(9.9, None), (10, Reason.EXPIRED)])
def test_a_token_is_good_for_ten_seconds_beyond_its_expiry(late: float, reason: Reason | None) -> None:
    """T13: the issuer's clock may differ a little from ours."""
    assert _reason_for(signed(exp=NOW), now=NOW + late) is reason


@pytest.mark.parametrize(("early", "reason"), [(10, None), (11, Reason.NOT_YET_VALID)])
def test_a_token_is_good_from_ten_seconds_before_it_begins(early: int, reason: Reason | None) -> None:
    """T13: the same leeway for `nbf`."""
    assert _reason_for(signed(nbf=NOW + early)) is reason


@pytest.mark.parametrize("claim", ["exp", "sub"])
def test_a_token_without_a_required_claim_is_refused(claim: str) -> None:
    """T13: a token that never expires, or is nobody's, opens nothing."""
    assert _reason_for(signed(**{claim: None})) is Reason.CLAIM_MISSING


@pytest.mark.parametrize(
    "expires", [b'"1900000000"', b"true", b"NaN", b"Infinity", b"-1", b"1e400", b"[1900000000]", b"9" * 400]
)
def test_an_expiry_that_is_no_time_is_refused(expires: bytes) -> None:
    """T13: not everything that JSON or Python takes for a number is a time."""
    token = signed_as_is({"alg": "HS256"}, b'{"sub":"alice","exp":' + expires + b"}")
    assert _reason_for(token) is Reason.MALFORMED


@pytest.mark.parametrize("session", ["alice", "a" * 128, "auth0|5f7c8ec7", "alice@shop", "a-b_c.d:e~f+g=1"])
def test_usual_subjects_are_session_ids(session: str) -> None:
    """T13: what common issuers put in `sub` works as it is."""
    assert verify(signed(sub=session), [SECRET], HS256, NOW) == AdmittedVisitor(session, True, NOW + 3610)


@pytest.mark.parametrize("session", ["alice@example.com", "a.b+c@mail.example.co"])
def test_an_email_address_is_no_session(session: str) -> None:
    """T13: it would stand in logs. The operator's log says what to change."""
    assert verify(signed(sub=session), [SECRET], HS256, NOW) == Refusal(Reason.SUBJECT_IS_EMAIL_ADDRESS)


@pytest.mark.parametrize("session", ["", "a" * 129, "a b", "alice\n", "al\x00ice", "älice", "a/b", '"', 7, ["alice"]])
def test_a_subject_that_is_no_session_id_is_refused(session: Any) -> None:
    """T13: it would become a table key and a log field."""
    assert _reason_for(signed_as_is({"alg": "HS256"}, claims(sub=session))) is Reason.SUBJECT_MALFORMED


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        ("https://shop.example", None),
        ("https://shop.example.evil", Reason.ISSUER_WRONG),
        (None, Reason.CLAIM_MISSING),
    ],
)
def test_a_configured_issuer_is_required(issuer: str | None, reason: Reason | None) -> None:
    """T13: `iss` must be there and equal."""
    assert _reason_for(signed(iss=issuer), TokenRules(("HS256",), issuer="https://shop.example")) is reason


@pytest.mark.parametrize(
    ("audience", "reason"),
    [
        ("relay", None),
        (["shop", "relay"], None),
        ("relay2", Reason.AUDIENCE_WRONG),
        ([], Reason.CLAIM_MISSING),
        (None, Reason.CLAIM_MISSING),
    ],
)
def test_a_configured_audience_is_required(audience: Any, reason: Reason | None) -> None:
    """T13: `aud` must name this relay, alone or among others."""
    assert _reason_for(signed(aud=audience), TokenRules(("HS256",), audience="relay")) is reason


def test_a_token_for_somebody_else_is_refused_where_no_audience_is_configured() -> None:
    """T13, RFC 7519 §4.1.3: who is not named in `aud` must refuse."""
    assert _reason_for(signed(aud="billing")) is Reason.AUDIENCE_WRONG


def test_a_visitor_opts_out_of_typing_signals_by_a_claim() -> None:
    """T13: `"signals": "off"` lets the visitor in, without signals."""
    assert verify(signed(signals="off"), [SECRET], HS256, NOW) == AdmittedVisitor("alice", False, NOW + 3610)


@pytest.mark.parametrize("signals", ["OFF", "", False, 0, ["off"]])
def test_an_opt_out_that_cannot_be_read_is_refused(signals: Any) -> None:
    """T13: guessing might show the typing of somebody who asked for the opposite."""
    assert _reason_for(signed(signals=signals)) is Reason.SIGNALS_MALFORMED


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "a.b.c",
        "null",
        "ä.b.c",
        "\ud800.b.c",
        "a.b.c\n",
        " a.b.c",
        f"{part([])}.{part(claims())}.AAAA",
        f"{part(b'[' * 2000)}.{part(claims())}.AAAA",
        f"{part({'alg': 'HS256', 'crit': ['exp']})}.{part(claims())}.AAAA",
        f"{part({'alg': 'HS256', 'kid': 7})}.{part(claims())}.AAAA",
        f"{part({'alg': 'HS256', 'b64': False, 'crit': ['b64']})}.{part(claims())}.AAAA",
    ],
)
def test_what_is_no_token_is_refused_as_malformed(token: str) -> None:
    """T13: bad input gives a refusal, never an exception."""
    assert _reason_for(token) is Reason.MALFORMED


def test_a_token_longer_than_a_url_is_refused_unread() -> None:
    """T13: 4096 characters are API Gateway's limit for a URL."""
    assert _reason_for("a" * (MAX_TOKEN_CHARACTERS + 1)) is Reason.TOO_LONG


def test_a_token_as_long_as_a_url_may_be_is_read() -> None:
    """T13."""
    lengths = range(MAX_TOKEN_CHARACTERS // 2, MAX_TOKEN_CHARACTERS)
    longest = next(token for n in lengths if len(token := signed(about="x" * n)) == MAX_TOKEN_CHARACTERS)
    assert isinstance(verify(longest, [SECRET], HS256, NOW), AdmittedVisitor)


@pytest.mark.parametrize(("expires", "reason"), [(MAX_EPOCH_SECONDS, None), (MAX_EPOCH_SECONDS + 1, Reason.MALFORMED)])
def test_a_token_expires_in_the_year_9999_at_the_latest(expires: int, reason: Reason | None) -> None:
    """T13."""
    assert _reason_for(signed(exp=expires)) is reason


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ({"alg": "RS256", "kid": "k1"}, "k1"),
        ({"alg": "RS256"}, Refusal(Reason.KEY_UNKNOWN)),
        ({"alg": "RS256", "kid": ""}, Refusal(Reason.KEY_UNKNOWN)),
        ({"alg": "RS256", "kid": "k" * MAX_KEY_ID_CHARACTERS}, "k" * MAX_KEY_ID_CHARACTERS),
        ({"alg": "RS256", "kid": "k" * (MAX_KEY_ID_CHARACTERS + 1)}, Refusal(Reason.KEY_UNKNOWN)),
        ({"alg": "RS256", "kid": {"a": 1}}, Refusal(Reason.MALFORMED)),
        ({"alg": "HS256", "kid": "k1"}, Refusal(Reason.ALGORITHM_NOT_ALLOWED)),
        ({"alg": ["RS256"], "kid": "k1"}, Refusal(Reason.ALGORITHM_NOT_ALLOWED)),
    ],
)
def test_a_key_is_looked_up_only_for_a_sound_header(header: dict[str, Any], answer: str | Refusal) -> None:
    """T13: a hopeless token costs no fetch of keys."""
    assert key_id(f"{part(header)}.{part(claims())}.AAAA", PUBLIC_KEY_RULES) == answer


@pytest.mark.parametrize(("jwks_url", "loaded"), [("", False), ("https://issuer.example/jwks", True)])
def test_cryptography_is_imported_only_for_public_keys(jwks_url: str, loaded: bool) -> None:
    """A cold start with HS256 does not pay for what it does not use."""
    program = "import sys, typing_relay.door.visitor_tokens; print('cryptography' in sys.modules)"
    environment = {"VISITOR_JWKS_URL": jwks_url, "PYTHONPATH": "layers/typing_relay"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)


@pytest.mark.parametrize(("life", "is_admitted"), [(610, True), (611, False)])
def test_a_deployment_may_cap_the_life_of_tokens(life: int, is_admitted: bool) -> None:
    """T13: a token that leaked is good for this long at most; the leeway of clocks included."""
    rules = TokenRules(("HS256",), max_life_seconds=600)
    verdict = verify(signed(exp=NOW + life), (SECRET,), rules, NOW)
    assert isinstance(verdict, AdmittedVisitor) if is_admitted else verdict == Refusal(Reason.LIFETIME_TOO_LONG)
