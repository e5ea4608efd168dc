"""CXone webchat v1 as the relay speaks it: token, guests, typing. HTTP is answered in process."""

import base64
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
import requests
import responses
from typing_relay.platforms.shared import urls
from typing_relay.platforms.shared.http import session
from typing_relay.platforms.webchat.auth import Credentials, ShareUnavailable, Token, Tokens
from typing_relay.platforms.webchat.guests import LATEST_START_MS, GuestsV1
from typing_relay.relay.outcomes import Guest, Kind, Outcome

BASE = "https://acme.api.nicecxone.com"
TOKEN_URL = f"{BASE}/api/v1/oauth/token"
GUESTS_URL = f"{BASE}/api/v1/webchat/guests"
TYPING_URL = f"{GUESTS_URL}/g%2F1/typing"
NOW = 1_800_000_000_000


class Clock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class OwnShare:
    """A shared copy in this process."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self.locked = False

    def read(self) -> Token | None:
        return self.token

    def try_lock(self, now: int) -> bool:
        self.locked, was = True, self.locked
        return not was

    def save(self, token: Token) -> None:
        self.token, self.locked = token, False

    def forget(self, value: str) -> None:
        if self.token and self.token.value == value:
            self.token = None


class BrokenShare(OwnShare):
    """A shared copy that cannot be reached."""

    def read(self) -> Token | None:
        raise ShareUnavailable("down")

    def forget(self, value: str) -> None:
        raise ShareUnavailable("down")


@pytest.fixture
def cxone() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def share() -> OwnShare:
    return OwnShare()


def connect(clock: Clock, share: OwnShare, socket_suffixes: tuple[str, ...] = ()) -> GuestsV1:
    """A process of its own that shares its token by ``share``."""
    http = session()
    tokens = Tokens(http, BASE, lambda: Credentials("id", "s3cret"), share, clock, sleep=lambda _seconds: None)
    return GuestsV1(http, BASE, tokens, clock, socket_suffixes)


@pytest.fixture
def guests(clock: Clock, share: OwnShare) -> GuestsV1:
    return connect(clock, share)


def give_token(cxone: responses.RequestsMock, value: str = "tok", expires_in: int = 3600) -> None:
    cxone.post(TOKEN_URL, json={"access_token": value, "expires_in": expires_in})


def requests_to(cxone: responses.RequestsMock, url: str) -> list[requests.PreparedRequest]:
    return [call.request for call in cxone.calls if call.request.url == url]


# --- the token


def test_the_token_is_asked_for_by_basic_auth_with_both_scopes(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """CXone fact: Basic client id and secret, form body."""
    give_token(cxone)
    cxone.post(TYPING_URL)
    guests.set_typing("g/1", True)
    [request] = requests_to(cxone, TOKEN_URL)
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"id:s3cret").decode()
    assert parse_qs(str(request.body)) == {
        "grant_type": ["client_credentials"],
        "scope": ["webchat.guest webchat.message"],
    }


def test_a_token_serves_many_calls(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """CXone fact: cached."""
    give_token(cxone)
    cxone.post(TYPING_URL)
    for typing in (True, False, True):
        guests.set_typing("g/1", typing)
    assert len(requests_to(cxone, TOKEN_URL)) == 1


@pytest.mark.parametrize(("later_ms", "tokens"), [(29_999, 1), (30_000, 2)])
def test_a_token_is_renewed_30_s_before_it_expires(
    cxone: responses.RequestsMock, guests: GuestsV1, clock: Clock, later_ms: int, tokens: int
) -> None:
    """CXone fact: taken as expired 30 s early."""
    give_token(cxone, expires_in=60)
    cxone.post(TYPING_URL)
    guests.set_typing("g/1", True)
    clock.now += later_ms
    guests.set_typing("g/1", False)
    assert len(requests_to(cxone, TOKEN_URL)) == tokens


def test_a_second_process_uses_the_shared_token(cxone: responses.RequestsMock, clock: Clock, share: OwnShare) -> None:
    """One token for all senders and keepers."""
    give_token(cxone)
    cxone.post(TYPING_URL)
    for process in (connect(clock, share), connect(clock, share)):
        process.set_typing("g/1", True)
    assert len(requests_to(cxone, TOKEN_URL)) == 1


def test_a_process_waits_for_the_one_that_is_renewing(cxone: responses.RequestsMock, clock: Clock) -> None:
    """Single flight: a burst of cold starts makes one token request."""
    share = OwnShare()
    share.locked = True
    cxone.post(TYPING_URL)
    http = session()

    waited: list[float] = []

    def other_saves(seconds: float) -> None:
        waited.append(seconds)
        share.save(Token("theirs", NOW + 3_600_000))
        share.locked = True  # a third one is at it already

    tokens = Tokens(http, BASE, lambda: Credentials("id", "s3cret"), share, clock, sleep=other_saves)
    assert GuestsV1(http, BASE, tokens, clock).set_typing("g/1", True).kind is Kind.ACCEPTED
    assert (requests_to(cxone, TOKEN_URL), len(waited)) == ([], 1)


def test_a_process_that_waits_in_vain_asks_for_no_token_of_its_own(
    cxone: responses.RequestsMock, clock: Clock, share: OwnShare
) -> None:
    """The one that renews may have died: many that waited must not become a storm. Its lock runs out."""
    share.locked = True
    assert connect(clock, share).set_typing("g/1", True).kind is Kind.THROTTLED
    assert requests_to(cxone, TOKEN_URL) == []


def test_a_token_that_cannot_be_shared_serves_its_own_process(cxone: responses.RequestsMock, clock: Clock) -> None:
    """One request, not two."""

    class Unwritable(OwnShare):
        def save(self, token: Token) -> None:
            raise ShareUnavailable("down")

    give_token(cxone)
    cxone.post(TYPING_URL)
    assert connect(clock, Unwritable()).set_typing("g/1", True).kind is Kind.ACCEPTED
    assert len(requests_to(cxone, TOKEN_URL)) == 1


def test_a_token_request_that_got_no_answer_means_that_the_call_was_not_made(
    cxone: responses.RequestsMock, guests: GuestsV1
) -> None:
    """So nothing needs to be waited out (T6)."""
    cxone.post(TOKEN_URL, body=requests.ReadTimeout())
    assert guests.set_typing("g/1", True).kind is Kind.THROTTLED


def test_each_process_works_for_itself_when_the_shared_copy_is_away(
    cxone: responses.RequestsMock, clock: Clock
) -> None:
    """They still work, each for itself, when the shared copy cannot be read."""
    give_token(cxone)
    cxone.post(TYPING_URL)
    assert connect(clock, BrokenShare()).set_typing("g/1", True).kind is Kind.ACCEPTED


def test_401_renews_the_token_once_and_repeats_the_call_once(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """CXone fact: 401 → refresh once, retry once."""
    give_token(cxone, "old")
    give_token(cxone, "new")
    cxone.post(TYPING_URL, status=401)
    cxone.post(TYPING_URL)
    assert guests.set_typing("g/1", True).kind is Kind.ACCEPTED
    assert [request.headers["Authorization"] for request in requests_to(cxone, TYPING_URL)] == [
        "Bearer old",
        "Bearer new",
    ]


def test_a_second_401_is_a_matter_of_configuration(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """CXone fact: retry once, no more."""
    give_token(cxone, "old")
    give_token(cxone, "new")
    cxone.post(TYPING_URL, status=401)
    outcome = guests.set_typing("g/1", True)
    assert (outcome.kind, len(requests_to(cxone, TYPING_URL))) == (Kind.DENIED, 2)


def test_a_shared_token_that_was_revoked_too_is_renewed(
    cxone: responses.RequestsMock, clock: Clock, share: OwnShare
) -> None:
    """401 for the own, then for the shared token: both were revoked, and only then one is asked for."""
    give_token(cxone, "own")
    give_token(cxone, "new")
    cxone.add_callback(
        responses.POST,
        TYPING_URL,
        lambda request: (200 if request.headers["Authorization"] == f"Bearer {good}" else 401, {}, ""),
    )
    good = "own"
    process = connect(clock, share)
    process.set_typing("g/1", True)
    clock.now += 60_000
    share.token, good = Token("shared", clock.now + 3_600_000), "new"
    assert process.set_typing("g/1", False).kind is Kind.ACCEPTED
    assert len(requests_to(cxone, TOKEN_URL)) == 2


def test_a_revoked_token_is_renewed_once_for_all(cxone: responses.RequestsMock, clock: Clock, share: OwnShare) -> None:
    """A revoked token causes no storm."""
    processes = [connect(clock, share) for _ in range(20)]
    give_token(cxone, "old")
    give_token(cxone, "new")
    cxone.add_callback(
        responses.POST,
        TYPING_URL,
        lambda request: (401 if revoked and request.headers["Authorization"] == "Bearer old" else 200, {}, ""),
    )
    revoked = False
    for process in processes:
        process.set_typing("g/1", True)
    revoked = True
    outcomes = {process.set_typing("g/1", False).kind for process in processes}
    assert outcomes == {Kind.ACCEPTED}
    assert len(requests_to(cxone, TOKEN_URL)) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_say_what_to_check(cxone: responses.RequestsMock, guests: GuestsV1, status: int) -> None:
    """Bad input: missing or wrong credentials."""
    cxone.post(TOKEN_URL, status=status)
    outcome = guests.set_typing("g/1", True)
    assert outcome.kind is Kind.DENIED
    assert "check client id, secret and scopes" in outcome.reason
    assert "s3cret" not in outcome.reason


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"access_token":"t"}', b'{"access_token":"t","expires_in":"x"}'])
def test_an_answer_without_a_token_is_a_failure(cxone: responses.RequestsMock, guests: GuestsV1, body: bytes) -> None:
    cxone.post(TOKEN_URL, body=body)
    assert guests.set_typing("g/1", True).kind is Kind.FAILED


def test_secrets_are_not_in_their_reprs() -> None:
    """Secrets and tokens are never logged."""
    assert "s3cret" not in repr(Credentials("id", "s3cret"))
    assert "tok" not in repr(Token("tok", 1)).replace("Token", "")


# --- typing calls


@pytest.mark.parametrize("body", [b"", b'{"ok":true}', b"not json"])
def test_200_is_accepted_whatever_its_body(cxone: responses.RequestsMock, guests: GuestsV1, body: bytes) -> None:
    """CXone fact: 200, body empty or JSON."""
    give_token(cxone)
    cxone.post(TYPING_URL, body=body)
    assert guests.set_typing("g/1", True) == Outcome(Kind.ACCEPTED)


def test_a_typing_call_is_json_with_a_bearer_token(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """CXone fact: POST {"typing": true|false}; an odd guest id stays one path segment."""
    give_token(cxone)
    cxone.post(TYPING_URL)
    guests.set_typing("g/1", False)
    [request] = requests_to(cxone, TYPING_URL)
    assert (request.body, request.headers["Content-Type"]) == (b'{"typing": false}', "application/json")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (300, Kind.FAILED),
        (302, Kind.FAILED),
        (400, Kind.FAILED),
        (403, Kind.GUEST_OVER),
        (404, Kind.UNAVAILABLE),
        (429, Kind.THROTTLED),
        (500, Kind.FAILED),
        (503, Kind.FAILED),
    ],
)
def test_each_status_is_an_outcome(cxone: responses.RequestsMock, guests: GuestsV1, status: int, kind: Kind) -> None:
    """Outside this package nobody sees a status code."""
    give_token(cxone)
    cxone.post(TYPING_URL, status=status)
    assert guests.set_typing("g/1", True).kind is kind


def test_404_says_what_cxone_says(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """CXone fact: the words for 404."""
    give_token(cxone)
    cxone.post(TYPING_URL, status=404)
    assert guests.set_typing("g/1", True).reason == "Typing endpoint not available for this guest session."


def test_429_carries_its_retry_after(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """T7: the delay that CXone asks for."""
    give_token(cxone)
    cxone.post(TYPING_URL, status=429, headers={"Retry-After": "7"})
    assert guests.set_typing("g/1", True).retry_after_ms == 7_000


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"WWW-Authenticate": 'Bearer error="insufficient_scope"'}, ""),
        ({}, '{"error":"Missing Scope webchat.message"}'),
    ],
)
def test_403_for_a_scope_is_told_apart(
    cxone: responses.RequestsMock, guests: GuestsV1, headers: dict[str, str], body: str
) -> None:
    """CXone fact: scope errors are told apart from a guest session that is over, and reported."""
    give_token(cxone)
    cxone.post(TYPING_URL, status=403, headers=headers, body=body)
    outcome = guests.set_typing("g/1", True)
    assert outcome.kind is Kind.DENIED
    assert "webchat.message" in outcome.reason


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.ReadTimeout(), Kind.LOST),
        (requests.ConnectionError(), Kind.LOST),
        (requests.ConnectTimeout(), Kind.FAILED),
    ],
)
def test_a_call_that_got_no_answer_may_have_been_taken(
    cxone: responses.RequestsMock, guests: GuestsV1, error: Exception, kind: Kind
) -> None:
    """T4, T6: whoever does not know says so."""
    give_token(cxone)
    cxone.post(TYPING_URL, body=error)
    assert guests.set_typing("g/1", True).kind is kind


@pytest.mark.parametrize(
    ("took_ms", "kind", "calls"), [(LATEST_START_MS, Kind.ACCEPTED, 1), (LATEST_START_MS + 1, Kind.THROTTLED, 0)]
)
def test_a_call_whose_token_came_too_late_is_not_made(
    cxone: responses.RequestsMock, clock: Clock, share: OwnShare, took_ms: int, kind: Kind, calls: int
) -> None:
    """T6: a POST must have ended before its lock does."""
    cxone.post(TYPING_URL)

    def slowly(_request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        clock.now += took_ms
        return 200, {}, '{"access_token":"tok","expires_in":3600}'

    cxone.add_callback(responses.POST, TOKEN_URL, slowly)
    outcome = connect(clock, share).set_typing("g/1", True)
    assert (outcome.kind, len(requests_to(cxone, TYPING_URL))) == (kind, calls)


@pytest.mark.parametrize(("body", "answer"), [({"typing": True}, True), ({"typing": False, "since": 1}, False)])
def test_what_cxone_shows_can_be_asked(
    cxone: responses.RequestsMock, guests: GuestsV1, body: dict[str, object], answer: bool
) -> None:
    """CXone fact: GET the same → {"typing": …}."""
    give_token(cxone)
    cxone.get(TYPING_URL, json=body)
    assert guests.get_typing("g/1") is answer


@pytest.mark.parametrize("body", [b"", b"[]", b'{"typing":"yes"}'])
def test_an_answer_that_does_not_say_is_no_answer(cxone: responses.RequestsMock, guests: GuestsV1, body: bytes) -> None:
    give_token(cxone)
    cxone.get(TYPING_URL, body=body)
    answer = guests.get_typing("g/1")
    assert isinstance(answer, Outcome)
    assert answer.kind is Kind.FAILED


def test_a_question_that_is_refused_is_an_outcome(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """T7: whoever asks waits as long as whoever tells."""
    give_token(cxone)
    cxone.get(TYPING_URL, status=429, headers={"Retry-After": "7"})
    assert guests.get_typing("g/1") == Outcome(Kind.THROTTLED, 7_000, "429")


# --- guests

SHOP = {"source": "shop"}


def test_a_guest_has_an_id_and_a_socket_url(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """CXone fact: POST guests with attributes.source."""
    give_token(cxone)
    cxone.post(GUESTS_URL, json={"id": "g1", "webSocketUrl": "wss://chat.nicecxone.com/g1?key=k"})
    assert guests.create_guest(SHOP) == Guest("g1", "wss://chat.nicecxone.com/g1?key=k")
    assert requests_to(cxone, GUESTS_URL)[0].body == b'{"attributes": {"source": "shop"}}'


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ws://chat.nicecxone.com/g1?key=k", "'ws://chat.nicecxone.com/g1' must start with wss://"),
        ("wss://stranger.example/g1?key=k", "the host 'stranger.example'"),
    ],
)
def test_a_socket_url_in_the_clear_or_at_a_strangers_is_a_configuration_error(
    cxone: responses.RequestsMock, guests: GuestsV1, url: str, said: str
) -> None:
    """CXone fact: it starts with wss://. The secret in its query goes to nobody else, and is not in the error."""
    give_token(cxone)
    cxone.post(GUESTS_URL, json={"id": "g1", "webSocketUrl": url})
    outcome = guests.create_guest(SHOP)
    assert isinstance(outcome, Outcome)
    assert outcome.kind is Kind.DENIED
    assert said in outcome.reason
    assert "key" not in outcome.reason


def test_a_socket_url_may_be_in_a_configured_domain(cxone: responses.RequestsMock, clock: Clock) -> None:
    give_token(cxone)
    cxone.post(GUESTS_URL, json={"id": "g1", "webSocketUrl": "wss://eu.sockets.example/g1"})
    guests = connect(clock, OwnShare(), socket_suffixes=("sockets.example",))
    assert guests.create_guest(SHOP) == Guest("g1", "wss://eu.sockets.example/g1")


def test_a_guest_that_is_refused_is_an_outcome(cxone: responses.RequestsMock, guests: GuestsV1) -> None:
    """T7: the keeper waits as CXone asks."""
    give_token(cxone)
    cxone.post(GUESTS_URL, status=429, headers={"Retry-After": "7"})
    assert guests.create_guest(SHOP) == Outcome(Kind.THROTTLED, 7_000, "429")


@pytest.mark.parametrize("body", [{}, {"id": "g1"}, {"webSocketUrl": "wss://x/"}])
def test_a_guest_without_id_or_url_is_a_failure(
    cxone: responses.RequestsMock, guests: GuestsV1, body: dict[str, str]
) -> None:
    give_token(cxone)
    cxone.post(GUESTS_URL, json=body)
    answer = guests.create_guest(SHOP)
    assert isinstance(answer, Outcome)
    assert answer.kind is Kind.FAILED


# --- URLs


@pytest.mark.parametrize("url", ["https://a.example/", "http://127.0.0.1:80", "http://localhost:1", "http://[::1]:2"])
def test_https_or_loopback_is_a_base_url(url: str) -> None:
    """Contract: plain http for loopback hosts only."""
    assert urls.base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "ftp://a",
        "a.example",
        "",
        "https://",
        "https://[bad",
    ],
)
def test_any_other_base_url_is_refused_with_what_to_do(url: str) -> None:
    """Bad input: a base URL that is not https."""
    with pytest.raises(urls.InsecureUrl, match="must start with https://"):
        urls.base_url(url)


def test_a_url_in_an_error_has_no_user_and_no_query() -> None:
    """Secrets are never put in an error."""
    assert urls.without_query("wss://user:pw@h.example:1/p?token=t#f") == "wss://h.example:1/p"
