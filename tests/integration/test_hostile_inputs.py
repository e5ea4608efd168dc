"""Hostile inputs on a running stack, over real sockets (T13): none crashes it, lets anybody in, or reaches a log.

The template is deployed with an origin list and an audience, so that every check of the door is on. There is no CXone
behind: nothing here may get so far.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typing_relay.door.frame_budget import MAX_BAD_FRAMES
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local.stack.aws import Aws
from local.stack.deploy import deploy
from local.stack.emulator import Emulator
from local.stack.warm_up import warm_up
from tests.support.hostile_inputs import AUDIENCE, CANARY, FRAMES, HANDSHAKES, ORIGIN, RAW, TOKENS, Forger, Handshake

PARAMETERS = {
    "AllowedOrigins": ORIGIN,
    "VisitorAudience": AUDIENCE,
    "FrameRate": "2",  # a second: too few for a flood, however slow the machine
    "CxoneBaseUrl": "http://127.0.0.1:9",
    "KeeperImage": "none",
    "LogLevel": "DEBUG",
}
REFUSED = {400, 401, 403, 414, 431}
OUR_CODES = {"bad_frame", "too_large", "unknown_action"}
PONG = {"type": "pong"}


@dataclass(frozen=True)
class Door:
    """A deployed relay, seen from outside and, to check on it, from inside."""

    url: str
    aws: Aws
    functions: dict[str, str]
    table: str
    forger: Forger
    emulator_log: Path
    visits: Iterator[int] = field(default_factory=count)
    untouched: dict[str, Any] = field(default_factory=dict)  # the victim's record as it was when nobody had tried yet

    @contextmanager
    def opened(self, sub: str = "") -> Iterator[ClientConnection]:
        """A connection of a visitor with a good token; by default of another one each time, as budgets are theirs."""
        sub = sub or f"mallory-{next(self.visits)}"
        with connect(f"{self.url}?token={self.forger.good(sub=sub)}", origin=ORIGIN) as connection:  # type: ignore[arg-type]
            yield connection

    def try_handshake(self, handshake: Handshake) -> int | str:
        """The HTTP status of the refusal, or what else went wrong; "let in" when it was not refused."""
        try:
            with connect(
                self.url + handshake.query,
                origin=handshake.origin,  # type: ignore[arg-type]
                additional_headers=handshake.headers,
            ):
                return "let in"
        except InvalidStatus as refusal:
            return refusal.response.status_code
        except (InvalidMessage, ConnectionError, EOFError) as failure:
            return type(failure).__name__

    def records(self) -> dict[str, Any]:
        """All session records, by session."""
        items = self.aws.client("dynamodb").scan(TableName=self.table)["Items"]
        return {item["session_id"]["S"]: item for item in items}

    def function_logs(self) -> str:
        """All that the functions have logged, as far as the emulator keeps it."""
        logs = self.aws.client("logs")
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        pages = [
            page for group in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        ]
        return "\n".join(event["message"] for page in pages for event in page["events"])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The stack, without keeper and CXone, and with one visitor in: the victim, who has typed nothing."""
    folder = tmp_path_factory.mktemp("door")
    emulator = Emulator(folder, folder / "emulator.log")
    try:
        emulator.wait_until_ready()
        aws = Aws(emulator.endpoint_url)
        deployment = deploy(aws, PARAMETERS, {"client_id": "nobody", "client_secret": "nothing"})
        warm_up(aws, deployment.functions, at_once=1)
        secret = aws.client("secretsmanager").get_secret_value(SecretId=deployment.outputs["VisitorSecretArn"])
        door = Door(
            url=deployment.websocket_url,
            aws=aws,
            functions=dict(deployment.functions),
            table=deployment.outputs["SessionsTableName"],
            forger=Forger(secret["SecretString"].encode()),
            emulator_log=folder / "emulator.log",
        )
        with door.opened("victim"):
            door.untouched.update(door.records()["victim"])
            yield door
    finally:
        emulator.child.ask_to_stop()
        emulator.child.stop()


@pytest.fixture
def mallory(door: Door) -> Iterator[ClientConnection]:
    """A connection of somebody with a good token of their own and bad intentions."""
    with door.opened() as connection:
        yield connection


def _reply(connection: ClientConnection) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(connection.recv(timeout=10))
    return reply


def _ping(connection: ClientConnection) -> dict[str, Any]:
    connection.send('{"action":"ping"}')
    return _reply(connection)


def test_a_good_handshake_comes_in(mallory: ClientConnection) -> None:
    """T13: without this, refusing everything would pass all tests below."""
    assert _ping(mallory) == PONG


@pytest.mark.parametrize("name", TOKENS)
def test_a_hostile_token_is_refused(door: Door, name: str) -> None:
    """T13: by an HTTP status and no more."""
    assert door.try_handshake(Handshake(f"?token={TOKENS[name](door.forger)}")) in REFUSED


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_hostile_handshake_is_refused(door: Door, name: str) -> None:
    """T13: a good token in the wrong place, twice, or from the wrong page."""
    assert door.try_handshake(HANDSHAKES[name](door.forger)) in REFUSED


@pytest.mark.parametrize("name", FRAMES)
def test_a_hostile_frame_gets_an_error_frame(mallory: ClientConnection, name: str) -> None:
    """T13: one of our codes, nothing of what was sent, and the connection goes on."""
    mallory.send(FRAMES[name])
    reply = _reply(mallory)
    assert reply["type"] == "error"
    assert reply["code"] in OUR_CODES
    assert CANARY not in json.dumps(reply)
    assert _ping(mallory) == PONG


@pytest.mark.parametrize("action", ["$connect", "$disconnect"])
def test_a_frame_cannot_pass_for_a_lifecycle_event(door: Door, action: str) -> None:
    """T13: routes are chosen by the action, so a frame can reach the function of $connect; there it is nothing."""
    visitor = f"sends-{action.removeprefix('$')}"
    with door.opened(visitor) as connection:
        connection.send(json.dumps({"action": "hello"}))  # it asks for a guest
        assert json.loads(connection.recv(timeout=10))["type"] == "welcome"
        before = door.records()[visitor]
        connection.send(json.dumps({"action": action}))
        assert _ping(connection) == PONG
        assert door.records()[visitor] == before


def test_frames_with_a_reserved_action_end_the_connection(door: Door) -> None:
    """T18: as any bad frames do; its function is permitted to close it."""
    with door.opened("reserved") as connection:
        for _ in range(MAX_BAD_FRAMES):
            connection.send(json.dumps({"action": "$connect"}))
            time.sleep(0.05)
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)


@pytest.mark.parametrize("name", RAW)
def test_after_hostile_bytes_the_next_visitor_is_served(door: Door, mallory: ClientConnection, name: str) -> None:
    """T13: whatever becomes of that connection."""
    mallory.socket.sendall(RAW[name])
    with door.opened() as other:
        assert _ping(other) == PONG


def test_bad_frames_end_the_connection(mallory: ClientConnection) -> None:
    """T13: after the twentieth."""
    for _ in range(MAX_BAD_FRAMES):
        mallory.send("nonsense")
        assert _reply(mallory)["code"] == "bad_frame"
    with pytest.raises(ConnectionClosed):
        mallory.recv(timeout=10)


def test_a_flood_is_told_and_slowed(mallory: ClientConnection) -> None:
    """T13: of 100 frames at once 40 and a few are answered, and it is said why the rest is not."""
    for _ in range(100):
        mallory.send('{"action":"ping"}')
    replies = []
    while (reply := _next_within(mallory, seconds=2)) is not None:
        replies.append(reply["type"])
    assert "error" in replies
    assert replies.count("pong") < 100


def _next_within(connection: ClientConnection, seconds: float) -> dict[str, Any] | None:
    try:
        return dict(json.loads(connection.recv(timeout=seconds)))
    except TimeoutError:
        return None


def test_a_token_that_expires_while_connected_ends_the_connection(door: Door) -> None:
    """T13: the next frame is answered with session_expired, and the connection closed."""
    token = door.forger.good(exp=int(time.time()) - 8)  # two seconds of the ten of leeway are left
    with connect(f"{door.url}?token={token}", origin=ORIGIN) as connection:  # type: ignore[arg-type]
        replies = [_ping(connection)]
        while replies[-1] == PONG:
            time.sleep(0.2)
            replies.append(_ping(connection))
        assert replies[-1]["code"] == "session_expired"
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)


@pytest.mark.parametrize("name", [name for name, frame in FRAMES.items() if isinstance(frame, str)])
def test_the_function_logs_nothing_of_a_hostile_frame(door: Door, name: str) -> None:
    """T13: invoked by hand, as the emulator keeps no logs of what sockets invoke."""
    request = {
        "connectionId": f"by-hand-{name}",
        "eventType": "MESSAGE",
        "requestTimeEpoch": int(time.time() * 1000),
        "authorizer": {"session": "mallory", "signals": "on", "expires_at": str(int(time.time()) + 60)},
    }
    event = {"requestContext": request, "body": FRAMES[name], "isBase64Encoded": False}
    answer = door.aws.client("lambda").invoke(FunctionName=door.functions["Keystroke"], Payload=json.dumps(event))
    assert "FunctionError" not in answer


def test_no_hostile_input_reached_the_victim(door: Door) -> None:
    """T13: a connection acts on its own session only, whatever its frames say."""
    assert door.records()["victim"] == door.untouched


def test_nobody_came_in_but_those_with_good_tokens(door: Door) -> None:
    """T13: no other session was ever opened."""
    others = {name for name in door.records() if not name.startswith("mallory")}
    assert others == {"victim", "reserved", "sends-connect", "sends-disconnect"}


def test_no_log_holds_what_was_typed_or_a_token(door: Door) -> None:
    """T13: neither the functions' logs nor the emulator's."""
    logs = door.function_logs() + door.emulator_log.read_text()
    assert "bad frame" in logs
    assert CANARY not in logs
    assert "eyJ" not in logs  # with which every token begins


def test_no_function_failed(door: Door) -> None:
    """T13: a refusal is an answer, not an error."""
    logs = door.function_logs()
    assert '"level":"ERROR"' not in logs
    assert "Traceback" not in logs


def test_at_least_a_hundred_hostile_inputs_were_tried(capsys: pytest.CaptureFixture[str]) -> None:
    """T13: the count, for whoever reads the output."""
    counts = {"tokens": TOKENS, "handshakes": HANDSHAKES, "frames": FRAMES, "raw bytes": RAW}
    total = sum(map(len, counts.values()))
    with capsys.disabled():
        print(f"\n{total} hostile inputs: " + ", ".join(f"{len(kind)} {name}" for name, kind in counts.items()))
    assert total >= 100
