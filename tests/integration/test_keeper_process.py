"""The keeper as a process: with an emulated AWS, a simulated CXone, and visitors that note their frames."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from typing_relay.keeper.guests.guest import GuestPolicy
from typing_relay.keeper.health import is_turning
from typing_relay.platforms.webchat.visitor_events import frame_of
from typing_relay.relay.burst import GuestStatus, claim_of
from typing_relay.relay.ports import Coming

from tests.support.keeper_stage import KeeperProcess, Stage, now_ms, stage

#: A socket that was refused several times is opened again after this, at the latest.
LONGEST_BACKOFF_S = GuestPolicy().longest_backoff_ms / 1000
OPENING, OPEN = {"type": "guest", "status": "opening"}, {"type": "guest", "status": "open"}
RECONNECTING = {"type": "guest", "status": "reconnecting"}
AGENT_TYPES = {"type": "agent-typing", "typing": True}
QUICK = {"GUEST_GRACE_SECONDS": "1", "KEEPER_REFRESH_SECONDS": "1", "KEEPER_VISIBILITY_SECONDS": "5"}
_numbers = count(1)


def event(frame: dict[str, Any]) -> dict[str, Any]:
    """As the visitor is told it: CXone's own frame, beside it what the relay understands of it."""
    return frame_of(frame)


@pytest.fixture(scope="module")
def the_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture
def scene(the_stage: Stage) -> Iterator[Stage]:
    """The stage, with nothing left of the test before."""
    the_stage.clear()
    yield the_stage
    the_stage.stop_keepers()


@pytest.fixture
def visitor() -> str:
    return f"visitor-{next(_numbers)}"


@pytest.fixture
def keeper(scene: Stage) -> KeeperProcess:
    return scene.start_keeper(**QUICK)


@pytest.fixture
def held(scene: Stage, keeper: KeeperProcess, visitor: str) -> str:
    """A visitor with one tab, whose guest's socket is open. Gives the guest's id."""
    scene.visitor_comes(visitor, f"{visitor}-tab")
    scene.visitors.wait_for(f"{visitor}-tab", OPEN)
    return scene.record(visitor).guest_id


def test_one_request_makes_one_guest_and_one_socket(scene: Stage, held: str) -> None:
    [guest] = scene.cxone.guests()
    assert (guest["guest_id"], guest["sockets"]) == (held, 1)


def test_a_second_request_for_the_same_visitor_makes_no_second_guest(
    scene: Stage, keeper: KeeperProcess, held: str, visitor: str
) -> None:
    """T12."""
    scene.request_guest(visitor)
    scene.wait_until(lambda: scene.queue_counts() == (0, 1))
    assert [guest["sockets"] for guest in scene.cxone.guests()] == [1]


def test_what_cxone_sends_reaches_a_tab_opened_after_the_guest(scene: Stage, held: str, visitor: str) -> None:
    expires_at = now_ms() // 1000 + 3600
    coming = Coming(f"{visitor}-tab-2", now_ms() - 60_000, expires_at)
    scene.sessions.add_connection(visitor, coming, now_ms(), expires_at)
    scene.cxone.send_agent_frame(held, AGENT_TYPES)
    scene.visitors.wait_for(f"{visitor}-tab-2", event(AGENT_TYPES))


def test_frames_arrive_in_order(scene: Stage, held: str, visitor: str) -> None:
    frames = [{"type": "message", "text": f"number {number}"} for number in range(30)]
    for frame in frames:
        scene.cxone.send_agent_frame(held, frame)
    scene.visitors.wait_for(f"{visitor}-tab", event(frames[-1]))
    assert scene.visitors.frames[f"{visitor}-tab"][1:] == [event(frame) for frame in frames]


def test_a_tab_that_is_gone_leaves_the_record(scene: Stage, held: str, visitor: str) -> None:
    scene.visitors.gone.add(f"{visitor}-tab")
    scene.cxone.send_agent_frame(held, AGENT_TYPES)
    scene.wait_until(lambda: not scene.record(visitor).connections)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_lost_socket_is_replaced_the_guest_kept_and_the_visitor_none_the_wiser(
    scene: Stage, keeper: KeeperProcess, held: str, visitor: str, how: str
) -> None:
    """A blip."""
    scene.cxone.drop_sockets(how)
    keeper.wait_for_line("guest socket lost")
    scene.wait_until(lambda: scene.cxone.guest(held)["sockets"] == 1)
    scene.cxone.send_agent_frame(held, AGENT_TYPES)
    scene.visitors.wait_for(f"{visitor}-tab", event(AGENT_TYPES))
    assert scene.visitors.frames[f"{visitor}-tab"] == [OPEN, event(AGENT_TYPES)]
    assert len(scene.cxone.guests()) == 1


def test_a_loss_that_lasts_is_recorded_and_told_and_so_is_its_end(scene: Stage, held: str, visitor: str) -> None:
    scene.cxone.set_faults(refuse_handshake=503)
    scene.cxone.drop_sockets("reset")
    scene.visitors.wait_for(f"{visitor}-tab", RECONNECTING)
    assert scene.record(visitor).guest_status is GuestStatus.RECONNECTING
    scene.cxone.set_faults(refuse_handshake=None)
    lost_and_back = [OPEN, RECONNECTING, OPEN]
    scene.wait_until(lambda: scene.visitors.frames[f"{visitor}-tab"] == lost_and_back, LONGEST_BACKOFF_S + 10)
    assert scene.record(visitor).guest_status is GuestStatus.OPEN


def test_a_guest_that_is_over_is_replaced_once(scene: Stage, held: str, visitor: str) -> None:
    scene.cxone.expire_guest(held)
    scene.wait_until(lambda: scene.visitors.frames[f"{visitor}-tab"] == [OPEN, OPENING, OPEN])
    assert [guest["sockets"] for guest in scene.cxone.guests()] == [0, 1]


def test_a_guest_that_the_sender_found_over_is_replaced_once(scene: Stage, held: str, visitor: str) -> None:
    """The sender takes it out of the record and asks for a new one."""
    scene.sessions.end_guest(visitor, held, now_ms())
    scene.request_guest(visitor)
    scene.wait_until(lambda: len(scene.cxone.guests()) == 2 and scene.record(visitor).guest_status is GuestStatus.OPEN)
    scene.wait_until(lambda: [guest["sockets"] for guest in scene.cxone.guests()] == [0, 1])


def test_a_guest_whose_visitor_is_gone_for_the_grace_is_closed(scene: Stage, held: str, visitor: str) -> None:
    scene.sessions.forget_connection(visitor, f"{visitor}-tab", now_ms())
    scene.wait_until(lambda: scene.record(visitor).guest_status is GuestStatus.CLOSED)
    scene.wait_until(lambda: scene.queue_counts() == (0, 0))
    assert scene.cxone.guest(held)["sockets"] == 0


def test_a_keeper_that_lost_the_fence_lets_go_of_the_socket(scene: Stage, held: str, visitor: str) -> None:
    """T12: a message delivered to two keepers leaves the guest with the one that the record names."""
    scene.sessions.take_guest(visitor, "another keeper", now_ms(), claim_of("another message", now_ms() + 1_000))
    scene.wait_until(lambda: scene.cxone.guest(held)["sockets"] == 0)
    assert scene.record(visitor).keeper == "another keeper"


def test_a_drained_keepers_guest_is_taken_over_with_the_same_guest(
    scene: Stage, keeper: KeeperProcess, held: str, visitor: str
) -> None:
    other = scene.start_keeper(**QUICK)
    keeper.signal(signal.SIGTERM)
    assert keeper.wait() == 0
    scene.wait_until(lambda: scene.record(visitor).keeper in json.dumps(other.lines))
    scene.wait_until(lambda: scene.cxone.guest(held)["sockets"] == 1)
    assert len(scene.cxone.guests()) == 1


def test_a_killed_keepers_guest_is_taken_over_when_the_visibility_ends(
    scene: Stage, keeper: KeeperProcess, held: str, visitor: str
) -> None:
    other = scene.start_keeper(**QUICK)
    keeper.signal(signal.SIGKILL)
    keeper.wait()
    scene.wait_until(lambda: scene.record(visitor).keeper in json.dumps(other.lines), timeout=20)
    scene.wait_until(lambda: scene.cxone.guest(held)["sockets"] == 1)
    assert len(scene.cxone.guests()) == 1


def test_a_message_that_names_no_session_is_reported_and_disturbs_nobody(
    scene: Stage, keeper: KeeperProcess, visitor: str
) -> None:
    scene.sqs.send_message(QueueUrl=scene.queue_url, MessageBody="hello?")
    keeper.wait_for_line("names no session")
    scene.visitor_comes(visitor, f"{visitor}-tab")
    scene.visitors.wait_for(f"{visitor}-tab", OPEN)


def test_a_missing_scope_is_reported_and_the_visitor_told(scene: Stage, keeper: KeeperProcess, visitor: str) -> None:
    scene.cxone.set_faults(scope_missing=True)
    scene.visitor_comes(visitor, f"{visitor}-tab")
    scene.visitors.wait_for(f"{visitor}-tab", {"type": "guest", "status": "unavailable"})
    assert "scope" in keeper.wait_for_line("CXone created no guest")["reason"]


def test_a_refused_handshake_is_reported_with_what_to_check_and_without_the_secret(
    scene: Stage, keeper: KeeperProcess, visitor: str
) -> None:
    scene.cxone.set_faults(refuse_handshake=500)
    scene.visitor_comes(visitor, f"{visitor}-tab")
    line = keeper.wait_for_line("guest socket not opened")
    assert "port 443" in line["check"]
    assert "?" not in line["url"]


def test_the_health_port_answers_while_the_loop_turns(keeper: KeeperProcess) -> None:
    assert is_turning(keeper.wait_for_line("guest keeper ready")["health_port"])


def test_the_health_port_does_not_answer_when_the_loop_stalls(keeper: KeeperProcess) -> None:
    port = keeper.wait_for_line("guest keeper ready")["health_port"]
    keeper.signal(signal.SIGSTOP)
    stalled = not is_turning(port)
    keeper.signal(signal.SIGCONT)
    assert stalled


def test_a_missing_setting_is_named(scene: Stage) -> None:
    keeper = KeeperProcess(scene.environment() | {"GUEST_QUEUE_URL": ""})
    assert keeper.wait() == 2
    assert "GUEST_QUEUE_URL" in keeper.wait_for_line("cannot start")["message"]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"AWS_DEFAULT_REGION": ""}, "Set AWS_REGION"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY is not"),
        ({"AWS_ENDPOINT_URL": "localhost:4566"}, "AWS_ENDPOINT_URL must be a URL"),
        ({"CONNECTIONS_URL": "example/live"}, "CONNECTIONS_URL must be a URL"),
    ],
)
def test_an_account_that_makes_no_sense_is_named_before_the_first_call(
    scene: Stage, environment: dict[str, str], message: str
) -> None:
    keeper = KeeperProcess(scene.environment() | {"HOME": "/nowhere"} | environment)
    assert keeper.wait() == 2
    assert message in keeper.wait_for_line("cannot start")["message"]


def test_a_socket_domain_that_is_none_is_named_before_the_first_call(scene: Stage) -> None:
    keeper = KeeperProcess(scene.environment() | {"CXONE_SOCKET_HOST_SUFFIXES": "*.example.com"})
    assert keeper.wait() == 2
    assert "CXONE_SOCKET_HOST_SUFFIXES takes domains" in keeper.wait_for_line("cannot start")["message"]


def test_no_secret_of_a_guests_url_is_in_the_log(scene: Stage, keeper: KeeperProcess, held: str, visitor: str) -> None:
    """T13."""
    secret = scene.record(visitor).web_socket_url.partition("secret=")[2]
    scene.cxone.drop_sockets("reset")
    keeper.wait_for_line("guest socket lost")
    assert secret not in json.dumps(keeper.lines)
