"""The simulated CXone over real sockets: what it promises to everything that is tested against it."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import websocket

from local.cxone_simulator.client import SimulatorControl, running_simulator
from local.cxone_simulator.credentials import client_credentials
from local.simulating.client import ROOT

SCOPE = "webchat.guest webchat.message"


@dataclass(frozen=True)
class Guest:
    """A guest session and the token it was created with."""

    typing_url: str
    socket_url: str
    guest_id: str
    headers: dict[str, str]

    def post_typing(self, typing: object, timeout: float = 5) -> requests.Response:
        """Say whether the guest types."""
        return requests.post(self.typing_url, headers=self.headers, json={"typing": typing}, timeout=timeout)

    def read_typing(self) -> requests.Response:
        """Ask what the agent is shown."""
        return requests.get(self.typing_url, headers=self.headers, timeout=5)

    def connect(self) -> websocket.WebSocket:
        """Open the guest's socket."""
        return websocket.create_connection(self.socket_url, timeout=5)


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorControl]:
    """One simulator process for all tests of this file."""
    with running_simulator() as control:
        yield control


@pytest.fixture
def simulator(running: SimulatorControl) -> SimulatorControl:
    """The running simulator, as freshly started."""
    running.reset()
    return running


@pytest.fixture
def guest(simulator: SimulatorControl) -> Guest:
    """A new guest session."""
    return new_guest(simulator)


@pytest.fixture
def guest_socket(guest: Guest) -> Iterator[websocket.WebSocket]:
    """The guest's open socket."""
    connection = guest.connect()
    yield connection
    connection.shutdown()


def post_token(simulator: SimulatorControl, **changes: Any) -> requests.Response:
    """Ask for a token; `changes` replace arguments of the request."""
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    request = {"auth": client_credentials(), "data": form, "timeout": 5} | changes
    return requests.post(f"{simulator.base_url}/api/v1/oauth/token", **request)


def bearer(simulator: SimulatorControl) -> dict[str, str]:
    """The header that carries a new token."""
    return {"Authorization": f"Bearer {post_token(simulator).json()['access_token']}"}


def post_guest(simulator: SimulatorControl, headers: dict[str, str], body: object) -> requests.Response:
    """Ask for a guest session."""
    return requests.post(f"{simulator.base_url}/api/v1/webchat/guests", headers=headers, json=body, timeout=5)


def new_guest(simulator: SimulatorControl) -> Guest:
    """A guest session with a token of its own."""
    headers = bearer(simulator)
    created = post_guest(simulator, headers, {"attributes": {"source": "test"}}).json()
    url = f"{simulator.base_url}/api/v1/webchat/guests/{created['id']}/typing"
    return Guest(url, created["webSocketUrl"], created["id"], headers)


def handshake_status(url: str) -> int:
    """The HTTP status with which the handshake is refused."""
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, timeout=5)
    return refused.value.status_code


# Tokens


def test_a_token_tells_its_lifetime_in_seconds(simulator: SimulatorControl) -> None:
    """CXone token: `expires_in`; fault `token_expires_in`."""
    simulator.set_faults(token_expires_in=90)
    assert post_token(simulator).json()["expires_in"] == 90


def test_a_wrong_client_secret_is_unauthorized(simulator: SimulatorControl) -> None:
    """CXone token: HTTP Basic with client id and secret."""
    response = post_token(simulator, auth=(client_credentials()[0], "wrong"))
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Basic realm="cxone"')


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "scope": SCOPE}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "webchat.guest"}, "invalid_scope"),
    ],
)
def test_a_token_request_names_its_grant_and_both_scopes(
    simulator: SimulatorControl, form: dict[str, str], error: str
) -> None:
    """CXone token: form fields `grant_type` and `scope`."""
    response = post_token(simulator, data=form)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_a_token_request_as_json_is_refused(simulator: SimulatorControl) -> None:
    """CXone token: the body is a form."""
    assert post_token(simulator, data=None, json={"grant_type": "client_credentials"}).status_code == 415


def test_an_expired_token_is_unauthorized(simulator: SimulatorControl) -> None:
    """CXone: 401 for an expired token."""
    simulator.set_faults(token_expires_in=0)
    response = post_guest(simulator, bearer(simulator), {"attributes": {"source": "test"}})
    assert (response.status_code, "invalid_token" in response.headers["WWW-Authenticate"]) == (401, True)


def test_a_revoked_token_is_unauthorized(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone: 401 for a token that is no longer good; control `revoke-tokens`."""
    simulator.revoke_tokens()
    assert guest.post_typing(True).status_code == 401


# Guests and typing


@pytest.mark.parametrize("body", [{}, {"attributes": {}}, {"attributes": {"source": 1}}, []])
def test_a_guest_needs_a_source(simulator: SimulatorControl, body: object) -> None:
    """CXone guest: the body is `{"attributes":{"source":…}}`."""
    assert post_guest(simulator, bearer(simulator), body).status_code == 400


def test_the_agent_sees_what_was_posted_last(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone typing: POST sets what the agent is shown."""
    guest.post_typing(True)
    assert simulator.guest(guest.guest_id)["typing"] is True
    guest.post_typing(False)
    assert simulator.guest(guest.guest_id)["typing"] is False


def test_a_read_gives_back_what_was_posted(guest: Guest) -> None:
    """CXone typing: GET answers `{"typing":…}`."""
    guest.post_typing(True)
    assert guest.read_typing().json() == {"typing": True}


def test_a_typing_answer_is_json_or_empty_by_turns(guest: Guest) -> None:
    """CXone typing: a 200 may have an empty body or JSON."""
    assert [guest.post_typing(True).text for _ in range(2)] == ['{"typing": true}', ""]


@pytest.mark.parametrize("value", ["true", 1, None])
def test_typing_is_true_or_false(guest: Guest, value: object) -> None:
    """CXone typing: `typing` is a boolean."""
    assert guest.post_typing(value).status_code == 400


def test_a_typing_call_without_json_content_type_is_refused(guest: Guest) -> None:
    """CXone typing: the body is JSON and says so."""
    response = requests.post(guest.typing_url, headers=guest.headers, data=b'{"typing":true}', timeout=5)
    assert response.status_code == 415


def test_a_call_for_a_guest_that_is_over_is_forbidden(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone: 403 once the guest session is over; control `expire-guest`."""
    simulator.expire_guest(guest.guest_id)
    response = guest.post_typing(True)
    assert (response.status_code, response.json()["error"]) == (403, "guest_session_over")


def test_typing_ends_with_the_guest_session(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone keeps no typing state beyond the session."""
    guest.post_typing(True)
    simulator.expire_guest(guest.guest_id)
    assert simulator.guest(guest.guest_id)["typing"] is False


def test_a_missing_scope_is_told_apart_from_a_guest_that_is_over(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone: 403 for a missing scope names it (RFC 6750); fault `scope_missing`."""
    simulator.set_faults(scope_missing=True)
    response = guest.post_typing(True)
    assert (response.status_code, "insufficient_scope" in response.headers["WWW-Authenticate"]) == (403, True)


def test_a_guest_without_typing_endpoint_says_so(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone typing: 404 with its sentence; fault `typing_unavailable`."""
    simulator.set_faults(typing_unavailable=True)
    response = guest.read_typing()
    assert response.status_code == 404
    assert response.json()["message"] == "Typing endpoint not available for this guest session."


# Throttling


def test_a_guest_beyond_its_rate_is_told_when_to_come_back(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone: 429 with Retry-After; setting `rate_limit`."""
    simulator.set_faults(rate_limit={"per_second": 0.25, "burst": 2})
    responses = [guest.post_typing(True) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[-1].headers["Retry-After"] == "4"


def test_one_guest_does_not_use_up_the_rate_of_another(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone: the rate limit is per guest."""
    simulator.set_faults(rate_limit={"per_second": 0.001, "burst": 1})
    guest.post_typing(True)
    assert new_guest(simulator).post_typing(True).status_code == 200


@pytest.mark.parametrize("retry_after", ["7", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon", None])
def test_a_throttled_call_carries_the_retry_after_asked_for(
    simulator: SimulatorControl, guest: Guest, retry_after: str | None
) -> None:
    """Fault `throttle`: Retry-After in seconds, as a date, absurd or absent."""
    simulator.set_faults(throttle={"rate": 1, "retry_after": retry_after})
    response = guest.post_typing(True)
    assert (response.status_code, response.headers.get("Retry-After")) == (429, retry_after)


def test_the_whole_organisation_is_throttled_until_a_moment(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `throttle_all_until`: every guest, with the time left as Retry-After."""
    simulator.set_faults(throttle_all_until=(time.time() + 60) * 1000)
    responses = [guest.post_typing(True), post_guest(simulator, guest.headers, {"attributes": {"source": "test"}})]
    assert [(r.status_code, int(r.headers["Retry-After"]) > 50) for r in responses] == [(429, True)] * 2


def test_a_moment_gone_by_throttles_nobody(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `throttle_all_until` ends by itself."""
    simulator.set_faults(throttle_all_until=(time.time() - 1) * 1000)
    assert guest.post_typing(True).status_code == 200


# Calls that go wrong


def test_an_error_is_answered_and_not_taken(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `error_rate`."""
    simulator.set_faults(error_rate=1)
    assert guest.post_typing(True).status_code == 503
    assert simulator.guest(guest.guest_id)["typing"] is False


def test_a_reset_comes_before_the_call_is_taken(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `reset_rate`."""
    simulator.set_faults(reset_rate=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        guest.post_typing(True)
    assert simulator.guest(guest.guest_id)["typing"] is False


def test_a_forgotten_call_is_answered_and_changes_nothing(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `forget_rate`."""
    guest.post_typing(True)
    simulator.set_faults(forget_rate=1)
    assert guest.post_typing(False).status_code == 200
    assert guest.read_typing().json() == {"typing": True}


def test_a_lost_answer_comes_after_the_call_was_taken(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `lost_answer_rate`."""
    simulator.set_faults(lost_answer_rate=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        guest.post_typing(True)
    assert simulator.guest(guest.guest_id)["typing"] is True


def test_a_hang_answers_nothing_and_then_closes(simulator: SimulatorControl, guest: Guest) -> None:
    """Faults `hang_rate` and `hang_seconds`."""
    simulator.set_faults(hang_rate=1, hang_seconds=0.1)
    with pytest.raises(requests.ConnectionError, match="without response"):
        guest.post_typing(True)
    assert simulator.guest(guest.guest_id)["typing"] is False


def test_a_slow_call_is_taken_though_its_client_gave_up(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `latency_ms`: a call in flight cannot be recalled."""
    simulator.set_faults(latency_ms=700)
    with pytest.raises(requests.ReadTimeout):
        guest.post_typing(True, timeout=0.1)
    assert simulator.wait_for("typing", guest_id=guest.guest_id)["accepted"] is True


def test_faults_of_one_guest_leave_the_others_alone(simulator: SimulatorControl, guest: Guest) -> None:
    """Setting `guests`."""
    other = new_guest(simulator)
    simulator.set_faults(guests={guest.guest_id: {"error_rate": 1}})
    assert [guest.post_typing(True).status_code, other.post_typing(True).status_code] == [503, 200]


def test_only_the_calls_named_go_wrong(simulator: SimulatorControl, guest: Guest) -> None:
    """Setting `calls`."""
    simulator.set_faults(calls=["token"], error_rate=1)
    assert [post_token(simulator).status_code, guest.post_typing(True).status_code] == [503, 200]


def test_the_same_seed_spoils_the_same_calls(simulator: SimulatorControl) -> None:
    """A run with faults can be repeated."""

    def statuses() -> list[int]:
        simulator.reset()
        guest = new_guest(simulator)
        simulator.set_faults(error_rate=0.5, rate_limit={"per_second": 1000, "burst": 1000})
        return [guest.post_typing(True).status_code for _ in range(20)]

    first = statuses()
    assert set(first) == {200, 503}
    assert statuses() == first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eror_rate": 1}, "eror_rate: no such setting"),
        ({"error_rate": 1.5}, "error_rate: expected a number from 0 to 1, not 1.5"),
        ({"error_rate": 0.6, "hang_rate": 0.6}, "add up to more than 1"),
        ({"throttle": {"rate": 1, "retry_after": "1\r\nX: y"}}, "throttle: expected a string without line breaks"),
        ({"throttle": 3}, "throttle: expected an object with rate and retry_after"),
        ({"guests": {"guest-1": {"hang_rate": "often"}}}, "hang_rate: expected a number"),
    ],
)
def test_a_setting_that_is_no_fault_is_named_and_changes_nothing(
    simulator: SimulatorControl, changes: dict[str, Any], message: str
) -> None:
    """Control `faults`: a bad setting gets a clear error."""
    before = simulator.faults()
    with pytest.raises(requests.HTTPError, match=message):
        simulator.set_faults(**changes)
    assert simulator.faults() == before


# Guest sockets


def test_a_frame_of_the_agent_reaches_the_guest(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """Control `agent`."""
    simulator.send_agent_frame(guest.guest_id, {"type": "agent-typing", "typing": True})
    assert json.loads(guest_socket.recv()) == {"type": "agent-typing", "typing": True}


def test_a_frame_of_the_guest_is_noted_without_its_text(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """No text of a visitor in a log."""
    guest_socket.send("my secret")
    event = simulator.wait_for("visitor_frame", guest_id=guest.guest_id)
    assert (event["size"], "secret" in json.dumps(event)) == (9, False)


def test_a_guest_that_answers_pings_stays_connected(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """RFC 6455, 5.5.2: a ping is answered; setting `ping_interval`."""
    simulator.set_faults(ping_interval=0.3)
    pings = [guest_socket.recv_data(control_frame=True) for _ in range(2)]  # which answers them, too
    assert pings == [(websocket.ABNF.OPCODE_PING, b"")] * 2
    simulator.wait_for("pong", guest_id=guest.guest_id)


def test_a_guest_that_answers_no_ping_is_dropped(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """A peer that does not answer counts as dead."""
    simulator.set_faults(ping_interval=0.05)
    assert simulator.wait_for("socket_close", guest_id=guest.guest_id)["code"] == 1006


def test_a_guest_that_ends_while_connected_is_closed_with_4403(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """Control `expire-guest` on an open socket."""
    simulator.expire_guest(guest.guest_id)
    opcode, data = guest_socket.recv_data()
    assert (opcode, int.from_bytes(data[:2])) == (websocket.ABNF.OPCODE_CLOSE, 4403)


def test_the_handshake_of_a_guest_that_is_over_is_forbidden(simulator: SimulatorControl, guest: Guest) -> None:
    """CXone: 403 once the guest session is over."""
    simulator.expire_guest(guest.guest_id)
    assert handshake_status(guest.socket_url) == 403


def test_a_handshake_with_a_wrong_secret_is_unauthorized(guest: Guest) -> None:
    """The guest's URL carries its secret in the query."""
    assert handshake_status(f"{guest.socket_url}x") == 401


def test_a_refused_handshake_is_noted(simulator: SimulatorControl, guest: Guest) -> None:
    """Fault `refuse_handshake`."""
    simulator.set_faults(refuse_handshake=502)
    assert handshake_status(guest.socket_url) == 502
    assert simulator.wait_for("handshake_refused", guest_id=guest.guest_id)["status"] == 502


def test_a_socket_can_be_closed_in_good_order(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """Control `drop-sockets`: close."""
    assert simulator.drop_sockets("close", guest.guest_id) == 1
    assert int.from_bytes(guest_socket.recv_data()[1][:2]) == 1001


def test_a_socket_can_be_reset(simulator: SimulatorControl, guest_socket: websocket.WebSocket) -> None:
    """Control `drop-sockets`: reset."""
    assert simulator.drop_sockets("reset") == 1
    with pytest.raises(ConnectionResetError):
        guest_socket.recv()


def test_a_silent_socket_stays_open_but_answers_no_ping(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """Control `drop-sockets`: silent."""
    simulator.drop_sockets("silent", guest.guest_id)
    guest_socket.ping()
    guest_socket.settimeout(0.1)
    with pytest.raises(websocket.WebSocketTimeoutException):
        guest_socket.recv_data(control_frame=True)
    assert simulator.guest(guest.guest_id)["sockets"] == 1


def test_sockets_are_silent_as_long_as_the_fault_lasts(
    simulator: SimulatorControl, guest: Guest, guest_socket: websocket.WebSocket
) -> None:
    """Fault `silent_sockets`."""
    simulator.set_faults(silent_sockets=True)
    assert simulator.send_agent_frame(guest.guest_id, {"n": 1}) == 0
    simulator.set_faults(silent_sockets=False)
    simulator.send_agent_frame(guest.guest_id, {"n": 2})
    assert json.loads(guest_socket.recv()) == {"n": 2}


# The event log


def test_every_typing_call_is_noted_with_its_outcome(simulator: SimulatorControl, guest: Guest) -> None:
    """Event `typing`."""
    start = simulator.last_event()
    guest.post_typing(True)
    simulator.set_faults(error_rate=1)
    guest.post_typing(False)
    calls = [event for event in simulator.events(start) if event["kind"] == "typing"]
    outcomes = [(call["value"], call["status"], call["accepted"], call["fault"]) for call in calls]
    assert outcomes == [(True, 200, True, None), (False, 503, False, "error")]


def test_events_are_numbered_without_a_gap_across_a_reset(simulator: SimulatorControl, guest: Guest) -> None:
    """Control `reset` leaves the readers of events where they were."""
    start = simulator.last_event()
    guest.post_typing(True)
    simulator.reset()
    assert [event["n"] for event in simulator.events(start)] == [start + 1, start + 2]


def test_a_reader_is_woken_by_the_next_event(simulator: SimulatorControl, guest: Guest) -> None:
    """Control `events` with `wait`: answered as soon as there is news."""
    simulator.set_faults(latency_ms=100)
    start = simulator.last_event()
    with ThreadPoolExecutor() as meanwhile:
        meanwhile.submit(guest.post_typing, True)
        assert [event["kind"] for event in simulator.events(start, wait=30)] == ["typing"]


def test_a_reader_without_news_gets_an_empty_list_after_its_wait(simulator: SimulatorControl) -> None:
    """Control `events` with `wait`: bounded."""
    assert simulator.events(simulator.last_event(), wait=0.05) == []


def test_no_secret_is_in_the_event_log(simulator: SimulatorControl, guest: Guest) -> None:
    """Neither client secret, token nor socket secret."""
    guest.connect().shutdown()
    log = json.dumps(simulator.events())
    secrets = [client_credentials()[1], guest.headers["Authorization"][7:], guest.socket_url.partition("=")[2]]
    assert [secret in log for secret in secrets] == [False] * 3


def test_an_unknown_guest_is_named_as_such_by_the_controls(simulator: SimulatorControl) -> None:
    """Controls: bad input gets a clear error."""
    with pytest.raises(requests.HTTPError, match="guest_id: no such guest"):
        simulator.expire_guest("nobody")


# The process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_good_order(number: signal.Signals) -> None:
    """SIGINT and SIGTERM: exit code 0 and not a word, even with a silent socket open."""
    command = [sys.executable, "-m", "local.cxone_simulator", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        control = SimulatorControl((process.stdout.readline() if process.stdout else "").split()[-1])
        connection = new_guest(control).connect()
        control.set_faults(silent_sockets=True)
        control.close()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=30)
        connection.shutdown()
    assert (process.returncode, complaints) == (0, "")


def complaint_about(port: str) -> str:
    """What the simulator says when it cannot start there."""
    program = [sys.executable, "-m", "local.cxone_simulator", "--port", port]
    done = subprocess.run(program, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    return done.stderr


def test_a_taken_port_is_named_with_what_to_do() -> None:
    """One line instead of a stack trace."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = complaint_about(str(port))
    assert complaint == f"cxone simulator: port {port} is taken; choose another with --port, or 0 for a free one\n"


def test_a_port_that_is_none_is_refused() -> None:
    """Bad arguments get a clear error."""
    assert "expected a number from 0 to 65535, not '99999'" in complaint_about("99999")
