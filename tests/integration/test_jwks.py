"""The key set of an issuer over real HTTP (T13): how often it is fetched, and what is made of odd answers."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from typing_relay.door.visitor_keys import JwksVerifier, jwks_client
from typing_relay.door.visitor_tokens import AdmittedVisitor, Reason, Refusal, TokenRules

from tests.support.token_samples import signed

OLD_KEY, NEW_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = int(time.time())
HOUR = NOW + 3600


class Issuer:
    """Serves a key set at `url` and counts how often it is fetched."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = [_public("old", OLD_KEY), _public("rsa", RSA_KEY)]
        self.status = 200
        self.body: bytes | None = None  # instead of the key set
        self.location = ""
        self.fetches = 0

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a GET."""
        self.fetches += 1
        body = self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
        handler.send_response(self.status)
        handler.send_header("Location", self.location)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def _public(kid: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, Any]:
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    fields: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**fields, "kid": kid, "alg": algorithm, "use": "sig"}


@contextmanager
def _serving() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            """No noise."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}/jwks.json")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with the keys `old` (ES256) and `rsa` (RS256)."""
    with _serving() as running:
        yield running


@pytest.fixture
def verifier(issuer: Issuer) -> JwksVerifier:
    """What the authorizer has in a fresh process."""
    return JwksVerifier(jwks_client(issuer.url), TokenRules(("RS256", "ES256")), lambda: None)


def _by(kid: str, key: Any, algorithm: str = "ES256") -> str:
    return signed(key, algorithm, kid=kid, exp=HOUR)


def test_tokens_of_all_keys_in_the_set_are_good(verifier: JwksVerifier) -> None:
    """T13: ES256 and RS256 side by side."""
    assert isinstance(verifier.verify(_by("old", OLD_KEY), NOW), AdmittedVisitor)
    assert isinstance(verifier.verify(_by("rsa", RSA_KEY, "RS256"), NOW), AdmittedVisitor)


def test_the_key_set_is_fetched_once_for_many_tokens(issuer: Issuer, verifier: JwksVerifier) -> None:
    """T13: cached."""
    for _ in range(50):
        verifier.verify(_by("old", OLD_KEY), NOW)
    assert issuer.fetches == 1


def test_unknown_key_ids_cause_no_flood_of_fetches(issuer: Issuer, verifier: JwksVerifier) -> None:
    """T13: whoever invents key ids cannot make the relay attack the issuer."""
    verdicts = {verifier.verify(_by(f"made-up-{n}", NEW_KEY), NOW) for n in range(50)}
    assert (verdicts, issuer.fetches) == ({Refusal(Reason.KEY_UNKNOWN)}, 1)


def test_a_new_key_is_found_without_waiting_for_the_cache(issuer: Issuer) -> None:
    """T13: the issuer rotates its keys; an unknown key id leads to one fetch when the last is long enough ago."""
    verifier = JwksVerifier(jwks_client(issuer.url), TokenRules(("RS256", "ES256")), lambda: None)
    verifier.verify(_by("old", OLD_KEY), NOW)
    issuer.keys.append(_public("new", NEW_KEY))
    assert isinstance(verifier.verify(_by("new", NEW_KEY), NOW + 30), AdmittedVisitor)
    assert issuer.fetches == 2


def test_a_key_of_the_set_opens_nothing_for_another_signer(verifier: JwksVerifier) -> None:
    """T13: naming a key is not having it."""
    assert verifier.verify(_by("old", NEW_KEY), NOW) == Refusal(Reason.SIGNATURE_WRONG)


def test_an_issuer_that_fails_is_an_error_and_no_refusal(issuer: Issuer, verifier: JwksVerifier) -> None:
    """T13: the alarm rings, no visitor is called a liar."""
    issuer.status = 503
    with pytest.raises(jwt.PyJWKClientConnectionError):
        verifier.verify(_by("old", OLD_KEY), NOW)


def test_an_issuer_that_fails_for_a_while_does_not_matter(issuer: Issuer, verifier: JwksVerifier) -> None:
    """T13: the keys at hand are used on."""
    verifier.verify(_by("old", OLD_KEY), NOW)
    issuer.status = 503
    assert isinstance(verifier.verify(_by("old", OLD_KEY), NOW), AdmittedVisitor)


def test_a_redirect_is_not_followed(issuer: Issuer, verifier: JwksVerifier) -> None:
    """T13: keys come from the configured URL and from nowhere else."""
    with _serving() as elsewhere:
        issuer.status, issuer.location = 302, elsewhere.url
        with pytest.raises(jwt.PyJWKClientConnectionError):
            verifier.verify(_by("old", OLD_KEY), NOW)
        assert elsewhere.fetches == 0


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys":[]}', b'{"keys":[{"kty":"EC","kid":"old"}]}'])
def test_an_answer_that_is_no_key_set_is_an_error(issuer: Issuer, verifier: JwksVerifier, body: bytes) -> None:
    """T13: it admits nobody, and is the issuer's fault and not the visitor's."""
    issuer.body = body
    with pytest.raises((jwt.PyJWTError, ValueError)):
        verifier.verify(_by("old", OLD_KEY), NOW)


def test_a_symmetric_key_in_the_set_opens_nothing(issuer: Issuer, verifier: JwksVerifier) -> None:
    """T13: what is published is no secret."""
    issuer.keys.append({"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"})
    assert verifier.verify(_by("shared", OLD_KEY), NOW) == Refusal(Reason.ALGORITHM_NOT_ALLOWED)
