"""Where keys come from (T13): a secret under rotation, a key set by URL, and how often each is read."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from moto import mock_aws
from typing_relay.aws.secrets import Secret
from typing_relay.door.visitor_keys import (
    COLD_RETRY_SECONDS,
    MIN_SECRET_BYTES,
    STALE_KEYS_SECONDS,
    JwksVerifier,
    SecretVerifier,
    jwks_client,
)
from typing_relay.door.visitor_tokens import AdmittedVisitor, Reason, Refusal, TokenRules

from tests.support.token_samples import NOW, OTHER_SECRET, SECRET, signed

NEW_SECRET = b"the newest secret, long enough too"
SIGNATURE_WRONG = Refusal(Reason.SIGNATURE_WRONG)
OUT_OF_REACH = Refusal(Reason.KEYS_OUT_OF_REACH)


JWKS_RULES = TokenRules(("RS256", "ES256"))


def nothing() -> None:
    """Stale keys are in use, and nobody is told."""


def by_secret(secrets_manager: Any, using_stale_keys: Callable[[], None] = nothing) -> SecretVerifier:
    """HS256 by the secret `visitors`."""
    return SecretVerifier(Secret(secrets_manager, "visitors"), TokenRules(("HS256",)), using_stale_keys)


class CountingSecretsManager:
    """Secrets Manager, and how often it was asked."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reads = 0
        self.is_away = False

    def get_secret_value(self, **request: Any) -> Any:
        """Ask, and count it."""
        self.reads += 1
        if self.is_away:
            raise OSError("no route")
        return self._client.get_secret_value(**request)

    def rotate(self, secret: bytes) -> None:
        """Put a new current value; the one before becomes the previous."""
        self._client.put_secret_value(SecretId="visitors", SecretString=secret.decode())


@pytest.fixture
def secrets_manager() -> Iterator[CountingSecretsManager]:
    """A Secrets Manager that holds SECRET as `visitors`."""
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="eu-central-1")
        client.create_secret(Name="visitors", SecretString=SECRET.decode())
        yield CountingSecretsManager(client)


def test_a_secret_that_was_never_rotated_is_enough(secrets_manager: CountingSecretsManager) -> None:
    """T13: there is no previous value yet."""
    assert isinstance(by_secret(secrets_manager).verify(signed(), NOW), AdmittedVisitor)


def test_after_a_rotation_tokens_of_both_values_are_good(secrets_manager: CountingSecretsManager) -> None:
    """T13: visitors with a token of the former value are not locked out."""
    secrets_manager.rotate(OTHER_SECRET)
    verifier = by_secret(secrets_manager)
    assert isinstance(verifier.verify(signed(SECRET), NOW), AdmittedVisitor)
    assert isinstance(verifier.verify(signed(OTHER_SECRET), NOW), AdmittedVisitor)


def test_after_two_rotations_the_oldest_value_is_good_no_more(
    secrets_manager: CountingSecretsManager,
) -> None:
    """T13: a secret that leaked is out after two rotations."""
    secrets_manager.rotate(OTHER_SECRET)
    secrets_manager.rotate(NEW_SECRET)
    assert by_secret(secrets_manager).verify(signed(SECRET), NOW) == SIGNATURE_WRONG


def test_a_rotation_is_noticed_by_the_first_token_of_the_new_value(
    secrets_manager: CountingSecretsManager,
) -> None:
    """T13: not only when the cached value has aged."""
    verifier = by_secret(secrets_manager)
    verifier.verify(signed(), NOW)
    secrets_manager.rotate(OTHER_SECRET)
    assert isinstance(verifier.verify(signed(OTHER_SECRET), NOW + 10), AdmittedVisitor)


def test_good_tokens_do_not_read_the_secret_again_for_five_minutes(
    secrets_manager: CountingSecretsManager,
) -> None:
    """Cost: two reads (current, previous) per five minutes."""
    verifier = by_secret(secrets_manager)
    for seconds in range(0, 300, 10):
        verifier.verify(signed(), NOW + seconds)
    assert secrets_manager.reads == 2


def test_bad_tokens_make_it_read_once_in_ten_seconds_at_most(secrets_manager: CountingSecretsManager) -> None:
    """T13: a stranger cannot drive up cost or meet Secrets Manager's rate limit."""
    verifier = by_secret(secrets_manager)
    for tenth in range(200):
        verifier.verify(signed(OTHER_SECRET), NOW + tenth / 10)
    assert secrets_manager.reads == 4


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_secret_too_short_for_hs256_is_an_error_that_says_so(
    secrets_manager: CountingSecretsManager,
) -> None:
    """T13: a guessable secret must not open the door; its value is not told."""
    secrets_manager.rotate(b"changeme")
    with pytest.raises(ValueError, match="visitor secret is too short") as error:
        by_secret(secrets_manager).verify(signed(b"changeme"), NOW)
    assert "changeme" not in str(error.value)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_short_previous_secret_opens_nothing(secrets_manager: CountingSecretsManager) -> None:
    """T13: a placeholder from before the first rotation is not good any more."""
    secrets_manager.rotate(b"changeme")
    secrets_manager.rotate(OTHER_SECRET)
    verifier = by_secret(secrets_manager)
    assert verifier.verify(signed(b"changeme"), NOW) == SIGNATURE_WRONG


def test_a_secret_as_short_as_hs256_allows_is_good_before_and_after_its_rotation(
    secrets_manager: CountingSecretsManager,
) -> None:
    """T13: RFC 7518 takes a key as long as its hash."""
    shortest = b"k" * MIN_SECRET_BYTES
    secrets_manager.rotate(shortest)
    verifier = by_secret(secrets_manager)
    assert isinstance(verifier.verify(signed(shortest), NOW), AdmittedVisitor)
    secrets_manager.rotate(OTHER_SECRET)
    assert isinstance(by_secret(secrets_manager).verify(signed(shortest), NOW), AdmittedVisitor)


def test_while_the_secret_is_out_of_reach_what_was_read_stays_in_use_for_an_hour(
    secrets_manager: CountingSecretsManager,
) -> None:
    """T13: AWS's trouble must not lock every visitor out; nor may an old secret open the door for ever."""
    told: list[int] = []
    verifier = by_secret(secrets_manager, lambda: told.append(1))
    verifier.verify(signed(), NOW)
    secrets_manager.is_away = True
    too_old_at = NOW + STALE_KEYS_SECONDS
    assert isinstance(verifier.verify(signed(exp=NOW + 86_400), too_old_at - 30), AdmittedVisitor)
    assert told == [1]
    with pytest.raises(OSError, match="no route"):
        verifier.verify(signed(exp=NOW + 86_400), too_old_at)


def test_meanwhile_it_is_asked_for_seldom(secrets_manager: CountingSecretsManager) -> None:
    """A try takes seconds, and a handshake waits for it."""
    verifier = by_secret(secrets_manager)
    verifier.verify(signed(), NOW)
    secrets_manager.is_away = True
    before = secrets_manager.reads
    for second in range(300, 360):
        verifier.verify(signed(), NOW + second)
    assert secrets_manager.reads - before == 2


def test_once_it_is_back_all_is_as_before(secrets_manager: CountingSecretsManager) -> None:
    verifier = by_secret(secrets_manager)
    verifier.verify(signed(), NOW)
    secrets_manager.is_away = True
    verifier.verify(signed(), NOW + 300)
    secrets_manager.is_away = False
    secrets_manager.rotate(OTHER_SECRET)
    assert isinstance(verifier.verify(signed(OTHER_SECRET), NOW + 330), AdmittedVisitor)


def test_a_token_that_fits_no_known_secret_is_refused_while_it_is_out_of_reach(
    secrets_manager: CountingSecretsManager,
) -> None:
    """T13: a stranger gets no 500 out of it, and no alarm of failures."""
    verifier = by_secret(secrets_manager)
    verifier.verify(signed(), NOW)
    secrets_manager.is_away = True
    assert verifier.verify(signed(OTHER_SECRET), NOW + 60) == SIGNATURE_WRONG


def test_tokens_that_fit_nothing_cost_a_read_in_thirty_seconds_while_it_is_out_of_reach(
    secrets_manager: CountingSecretsManager,
) -> None:
    """T18."""
    verifier = by_secret(secrets_manager)
    verifier.verify(signed(), NOW)
    secrets_manager.is_away = True
    before = secrets_manager.reads
    for n in range(600):
        assert verifier.verify(signed(OTHER_SECRET), NOW + 10 + n / 10) == SIGNATURE_WRONG
    assert secrets_manager.reads - before == 2


def test_a_process_that_has_read_no_secret_fails_once_a_try(secrets_manager: CountingSecretsManager) -> None:
    """T18: whoever comes in between is refused, and costs no read."""
    secrets_manager.is_away = True
    verifier = by_secret(secrets_manager)
    with pytest.raises(OSError, match="no route"):
        verifier.verify(signed(), NOW)
    assert verifier.verify(signed(), NOW + COLD_RETRY_SECONDS - 1) == OUT_OF_REACH
    with pytest.raises(OSError, match="no route"):
        verifier.verify(signed(), NOW + COLD_RETRY_SECONDS)
    assert secrets_manager.reads == 2


def test_a_process_that_has_read_nothing_cannot_judge(secrets_manager: CountingSecretsManager) -> None:
    """T13: the operator must hear of it."""
    secrets_manager.is_away = True
    with pytest.raises(OSError, match="no route"):
        by_secret(secrets_manager).verify(signed(), NOW)


EC_KEY = ec.generate_private_key(ec.SECP256R1())


class KeySet:
    """What JwksVerifier uses of PyJWT's client, with one key, `k1`."""

    def __init__(self) -> None:
        fields = jwt.get_algorithm_by_name("ES256").to_jwk(EC_KEY.public_key(), as_dict=True)
        self._key = jwt.PyJWK({**fields, "kid": "k1", "alg": "ES256"})
        self.is_away = False
        self.tries = 0

    def get_signing_keys(self) -> list[jwt.PyJWK]:
        """All of them."""
        self.tries += 1
        if self.is_away:
            raise jwt.PyJWKClientConnectionError("no route")
        return [self._key]


def test_a_token_is_verified_by_the_key_it_names() -> None:
    """T13: by `kid`, from the issuer's key set."""
    verifier = JwksVerifier(KeySet(), JWKS_RULES, nothing)  # type: ignore[arg-type]
    assert isinstance(verifier.verify(signed(EC_KEY, "ES256", kid="k1"), NOW), AdmittedVisitor)


def test_a_token_that_names_an_unknown_key_is_refused() -> None:
    """T13: only keys of the set are trusted."""
    verifier = JwksVerifier(KeySet(), JWKS_RULES, nothing)  # type: ignore[arg-type]
    assert verifier.verify(signed(EC_KEY, "ES256", kid="k2"), NOW) == Refusal(Reason.KEY_UNKNOWN)


def test_a_token_of_the_wrong_algorithm_asks_for_no_key() -> None:
    """T13: nor does it cost a fetch."""
    keys = KeySet()
    verifier = JwksVerifier(keys, JWKS_RULES, nothing)  # type: ignore[arg-type]
    assert verifier.verify(signed(kid="k1"), NOW) == Refusal(Reason.ALGORITHM_NOT_ALLOWED)
    assert keys.tries == 0


def test_a_key_set_out_of_reach_is_an_error_and_no_refusal() -> None:
    """T13: the visitor did nothing wrong, and the operator must hear of it."""
    keys = KeySet()
    keys.is_away = True
    verifier = JwksVerifier(keys, JWKS_RULES, nothing)  # type: ignore[arg-type]
    with pytest.raises(jwt.PyJWKClientConnectionError):
        verifier.verify(signed(EC_KEY, "ES256", kid="k1"), NOW)


def test_made_up_key_ids_cost_one_fetch_in_thirty_seconds() -> None:
    """T18: whatever strangers send, good tokens are judged by the keys at hand."""
    keys = KeySet()
    verifier = JwksVerifier(keys, JWKS_RULES, nothing)  # type: ignore[arg-type]
    refused = {verifier.verify(signed(EC_KEY, "ES256", kid=f"x{n}"), NOW + n / 10) for n in range(600)}
    assert (refused, keys.tries) == ({Refusal(Reason.KEY_UNKNOWN)}, 2)


def test_made_up_key_ids_fail_no_invocation_while_the_key_set_is_out_of_reach() -> None:
    """T18: nor does each cost the 3 s of a fetch."""
    keys, told = KeySet(), list[int]()
    verifier = JwksVerifier(keys, JWKS_RULES, lambda: told.append(1))  # type: ignore[arg-type]
    verifier.verify(signed(EC_KEY, "ES256", kid="k1"), NOW)
    keys.is_away = True
    refused = {verifier.verify(signed(EC_KEY, "ES256", kid=f"x{n}"), NOW + 30 + n / 10) for n in range(300)}
    assert refused == {Refusal(Reason.KEY_UNKNOWN)}
    assert (keys.tries, told) == (2, [1])


def test_a_process_without_keys_fails_once_a_try_and_refuses_all_others() -> None:
    """T18: how often it fails is not up to those who come; the operator hears of it all the same."""
    keys = KeySet()
    keys.is_away = True
    verifier = JwksVerifier(keys, JWKS_RULES, nothing)  # type: ignore[arg-type]
    failed = 0
    for n in range(100):
        try:
            assert verifier.verify(signed(EC_KEY, "ES256", kid=f"x{n}"), NOW + n / 10) == OUT_OF_REACH
        except jwt.PyJWKClientConnectionError:
            failed += 1
    assert failed == keys.tries == 10 / COLD_RETRY_SECONDS
    keys.is_away = False
    assert isinstance(verifier.verify(signed(EC_KEY, "ES256", kid="k1"), NOW + 10), AdmittedVisitor)


def test_while_the_key_set_is_out_of_reach_the_last_one_stays_in_use_for_an_hour() -> None:
    """T13."""
    keys, told = KeySet(), list[int]()
    verifier = JwksVerifier(keys, JWKS_RULES, lambda: told.append(1))  # type: ignore[arg-type]
    token = signed(EC_KEY, "ES256", kid="k1", exp=NOW + 86_400)
    verifier.verify(token, NOW)
    keys.is_away = True
    too_old_at = NOW + STALE_KEYS_SECONDS
    assert isinstance(verifier.verify(token, too_old_at - 30), AdmittedVisitor)
    assert verifier.verify(signed(EC_KEY, "ES256", kid="k2"), too_old_at - 30) == Refusal(Reason.KEY_UNKNOWN)
    assert (told, keys.tries) == ([1], 2)  # asked again after 30 s, not for each visitor
    with pytest.raises(jwt.PyJWKClientConnectionError):
        verifier.verify(token, too_old_at)


@pytest.mark.parametrize("url", ["http://issuer.example/jwks", "ftp://issuer.example", "file:///etc/passwd", "jwks"])
def test_a_key_set_is_fetched_by_https_only(url: str) -> None:
    """T13: keys that came in the clear could be anybody's."""
    with pytest.raises(ValueError, match="VISITOR_JWKS_URL must start with https://"):
        jwks_client(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example\\@issuer.example/jwks",
        "https://s3cret@issuer.example/jwks",
        "https://issuer.example\n/j",
        "https:/x",
    ],
)
def test_a_key_set_is_fetched_from_the_host_that_every_parser_finds(url: str) -> None:
    """T13: its URL is judged by one parser and fetched by another."""
    with pytest.raises(ValueError, match="VISITOR_JWKS_URL must name a host") as refused:
        jwks_client(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://issuer.example/jwks", "http://localhost:9/jwks", "http://127.0.0.1:9/jwks"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    """The local stack has no certificates."""
    assert jwks_client(url).uri == url
