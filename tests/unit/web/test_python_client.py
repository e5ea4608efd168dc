"""The client in Python keeps the rules of typing: its rhythm on the vectors, its visitor on a clock of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket
from typing_relay_client import TypingRhythm, Visitor

from local.playing.rhythm import FrameDue, frames_due, key_times
from tests.support.protocol import TO_RELAY, undocumented

TRACES = [json.loads(line) for line in (Path(__file__).parents[2] / "data/typing.jsonl").read_text().splitlines()]
TIMINGS = {"debounce_ms": 2000, "heartbeat_ms": 1000, "hold_ms": 6000}
VECTORS = json.loads((Path(__file__).parents[3] / "web/rhythm-vectors.json").read_text())["vectors"]
WELCOME = {"type": "welcome", "session": "alice", "timings": TIMINGS, "guest": "open"}
#: A wait is never shorter than this.
TICK_MS = 1


def clear_of_the_debounce(gap_ms: int) -> int:
    """A pause of 2,000 ms to the ms is one or is none: a wait takes a ms more."""
    return gap_ms + 3 if abs(gap_ms - TIMINGS["debounce_ms"]) < 3 else gap_ms


def play(vector: dict[str, Any]) -> list[dict[str, Any]]:
    """The frames of a rhythm to which this happens, each with its time."""
    rhythm, sent = TypingRhythm(), list[dict[str, Any]]()
    sleeps, wakes = vector.get("asleep", (float("inf"), float("inf")))

    def until(then: float) -> None:
        while (at := max(rhythm.wake_at, wakes) if rhythm.wake_at >= sleeps else rhythm.wake_at) < then:
            sent.extend({"at": at, **frame} for frame in rhythm.wake(at))

    sent.extend(rhythm.connected(0, vector["timings"]))
    happenings = [(at, rhythm.key) for at in vector["keys"]]
    happenings += [(vector["hidden"], rhythm.stop)] if "hidden" in vector else []
    if "offline" in vector:
        lost, back = vector["offline"]
        happenings += [(lost, lambda at: rhythm.disconnected() or [])]
        happenings += [(back, lambda at: rhythm.connected(at, vector["timings"]))]
    for at, happens in sorted(happenings, key=lambda one: one[0]):
        until(at)
        sent.extend({"at": at, **frame} for frame in happens(at))
    until(float("inf"))
    return sent


class Line:
    """A socket at whose other end somebody says ``says``, and time that passes while nothing comes."""

    def __init__(self, *says: Any) -> None:
        self.now = 0.0
        self.says = list(says)
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self._timeout_ms = 0.0
        self.is_closed = False

    def send(self, text: str) -> None:
        self.sent.append((self.now, json.loads(text)))

    def settimeout(self, seconds: float) -> None:
        self._timeout_ms = seconds * 1000

    def recv(self) -> str:
        if self.says:
            said = self.says.pop(0)
            if isinstance(said, Exception):
                raise said
            return json.dumps(said)
        self.now += self._timeout_ms
        raise websocket.WebSocketTimeoutException

    def shutdown(self) -> None:
        """It is of no use any more."""

    def close(self) -> None:
        self.is_closed = True

    def typing(self) -> list[tuple[float, dict[str, Any]]]:
        """Keystrokes and stops, with their times."""
        return [(at, frame) for at, frame in self.sent if frame["action"] in ("keystroke", "stop")]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[[Line], Visitor]:
    """A visitor on this line."""

    def on(line: Line) -> Visitor:
        monkeypatch.setattr("typing_relay_client.visitor.now", lambda: line.now)
        monkeypatch.setattr(websocket, "create_connection", lambda *_, **__: line)
        return Visitor("wss://relay", lambda: "token", lambda frame: None)

    return on


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_its_rhythm_sends_the_frames_of_the_vectors(vector: dict[str, Any]) -> None:
    """T1, T2, T5: the same that the browser's client proves itself on, to the ms."""
    assert play(vector) == vector["frames"]


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["trace"])
def test_it_types_as_the_browsers_client_does(client: Callable[[Line], Visitor], trace: dict[str, list[int]]) -> None:
    """T1, T2, T3: the same frames; each says when its key was, however late it leaves."""
    line = Line(WELCOME)
    visitor = client(line)
    visitor.live(0.1)
    start = line.now
    keys = key_times(clear_of_the_debounce(gap) for gap in trace["gaps_ms"][:300])
    for key in keys:
        visitor.live((start + key - line.now) / 1000)
        visitor.key()
    visitor.live(3)
    due = list(frames_due(keys, 1000, 6000))
    sent = line.typing()
    assert [frame["action"] for _, frame in sent] == ["keystroke" if isinstance(d, FrameDue) else "stop" for d in due]
    assert all(0 <= at - start - wanted.at <= 2 * TICK_MS for (at, _), wanted in zip(sent, due, strict=True))
    assert undocumented([frame for _, frame in line.sent], TO_RELAY) == []


def test_it_says_hello_first_and_sends_no_key_before_the_welcome(client: Callable[[Line], Visitor]) -> None:
    line = Line()
    visitor = client(line)
    visitor.key()
    visitor.live(1)
    assert [frame for _, frame in line.sent] == [{"action": "hello"}]
    line.says.append(WELCOME)
    visitor.live(0.1)
    [(at, keystroke)] = line.typing()
    assert keystroke["ago_ms"] == pytest.approx(at, abs=5)


def test_a_key_that_has_gone_stale_before_the_welcome_is_not_told(client: Callable[[Line], Visitor]) -> None:
    """T5."""
    line = Line()
    visitor = client(line)
    visitor.key()
    visitor.live(2.5)
    line.says.append(WELCOME)
    visitor.live(5)
    assert line.typing() == []


def test_where_typing_signals_are_off_it_sends_none(client: Callable[[Line], Visitor]) -> None:
    line = Line({**WELCOME, "signals": "off"})
    visitor = client(line)
    visitor.live(0.1)
    visitor.key()
    visitor.live(3)
    assert line.typing() == []


def test_a_guest_frame_that_overtook_the_welcome_holds(client: Callable[[Line], Visitor]) -> None:
    line = Line({"type": "guest", "status": "open"}, {**WELCOME, "guest": "opening"})
    visitor = client(line)
    visitor.live(0.1)
    assert visitor.guest == "open"


def test_while_idle_it_pings_every_four_minutes(client: Callable[[Line], Visitor]) -> None:
    """API Gateway closes what is idle for ten."""
    line = Line(WELCOME)
    client(line).live(601)
    pings = [at for at, frame in line.sent if frame == {"action": "ping"}]
    assert len(pings) == 2
    assert pings[0] == pytest.approx(240_000, abs=2 * TICK_MS)


def test_a_stop_ends_the_typing_at_once(client: Callable[[Line], Visitor]) -> None:
    """T2."""
    line = Line(WELCOME)
    visitor = client(line)
    visitor.live(0.1)
    visitor.key()
    visitor.live(0.5)
    visitor.stop()
    visitor.live(3)
    assert [frame["action"] for _, frame in line.typing()] == ["keystroke", "stop"]


def test_after_a_lost_connection_a_fresh_key_is_told_anew(
    client: Callable[[Line], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay has ended the typing with the connection."""
    line = Line(WELCOME)
    visitor = client(line)
    visitor.live(0.1)
    visitor.key()
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    line.says.extend([websocket.WebSocketConnectionClosedException(), WELCOME])
    visitor.live(0.5)
    visitor.key()
    visitor.live(0.5)
    assert [frame["action"] for _, frame in line.sent] == ["hello", "keystroke", "hello", "keystroke"]


def test_before_its_token_ends_it_renews_the_connection_the_new_one_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has come by the old connection is heard; a key is waited for until its typing is over."""
    heard: list[Any] = []
    old, fresh = Line({**WELCOME, "token_ends_in_ms": 200_000}), Line(WELCOME)
    lines = [old, fresh]
    monkeypatch.setattr("typing_relay_client.visitor.now", lambda: old.now + fresh.now)
    monkeypatch.setattr(websocket, "create_connection", lambda *_, **__: lines.pop(0))
    visitor = Visitor("wss://relay", lambda: "token", heard.append)
    visitor.live(139)
    assert lines == [fresh]
    visitor.key()
    visitor.live(1.5)
    assert lines == [fresh]
    old.says.append({"type": "pong"})
    visitor.live(3)
    assert (lines, old.is_closed, fresh.is_closed, visitor.guest) == ([], True, False, "open")
    assert [frame["type"] for frame in heard] == ["welcome", "pong", "welcome"]


def test_a_token_that_cannot_be_fetched_for_a_renewal_leaves_the_connection_that_there_is(
    client: Callable[[Line], Visitor], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is raised; it is asked for again half a minute later, and the log has no text that may hold a secret."""
    line = Line({**WELCOME, "token_ends_in_ms": 200_000})
    visitor = client(line)
    asked_at: list[float] = []

    def fails() -> str:
        asked_at.append(line.now)
        raise LookupError("secret")

    monkeypatch.setattr(visitor, "_fetch_token", fails)
    visitor.live(180)
    assert (visitor.guest, line.is_closed) == ("open", False)
    assert asked_at == pytest.approx([140_000, 170_000], abs=10)
    assert "LookupError" in caplog.text
    assert "secret" not in caplog.text


def test_a_token_that_cannot_be_fetched_for_a_lost_connection_is_asked_for_again(
    client: Callable[[Line], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised."""
    line = Line(WELCOME)
    visitor = client(line)
    visitor.live(0.1)

    def fails() -> str:
        raise LookupError

    answers = [fails, lambda: "token"]
    monkeypatch.setattr(visitor, "_fetch_token", lambda: answers.pop(0)())
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    lost = websocket.WebSocketConnectionClosedException()
    line.says.extend([lost, lost, WELCOME])
    visitor.live(0.5)
    assert (visitor.guest, answers) == ("open", [])


def test_a_relay_that_does_not_say_when_the_token_ends_keeps_its_connection(client: Callable[[Line], Visitor]) -> None:
    line = Line(WELCOME)
    client(line).live(7200)
    assert [frame for _, frame in line.sent if frame["action"] == "hello"] == [{"action": "hello"}]


def test_where_no_frame_can_be_sent_a_key_raises_nothing(client: Callable[[Line], Visitor]) -> None:
    """``live`` notices that the connection is lost, and makes another."""
    line = Line(WELCOME)
    visitor = client(line)
    visitor.live(0.1)
    line.send = lambda text: (_ for _ in ()).throw(BrokenPipeError())  # type: ignore[method-assign]
    visitor.key()
    visitor.send(action="seen")


def test_its_token_is_in_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """T13: a URL ends in logs."""
    asked: list[tuple[Any, Any]] = []
    monkeypatch.setattr(websocket, "create_connection", lambda url, **options: asked.append((url, options)) or Line())
    Visitor("wss://relay", lambda: "secret", lambda frame: None)
    [(url, options)] = asked
    assert url == "wss://relay"
    assert options["subprotocols"] == ["typing-relay", "token.secret"]


@pytest.mark.parametrize("url", ["ws://relay.example", "http://localhost", "relay.example", "ws://localhost.example"])
def test_a_url_that_would_show_the_token_to_the_network_is_refused(url: str) -> None:
    """T13."""
    with pytest.raises(ValueError, match="wss://"):
        Visitor(url, lambda: "token", lambda frame: None)


WANTED = {"type": "event", "event": None, "name": "sign-in", "detail": {"why": "needed"}}


def signing_in(monkeypatch: pytest.MonkeyPatch, line: Line, sign_in: Callable[[Any], Any] | None) -> None:
    """The relay asks a visitor on this line to sign in."""
    monkeypatch.setattr("typing_relay_client.visitor.now", lambda: line.now)
    monkeypatch.setattr(websocket, "create_connection", lambda *_, **__: line)
    line.says += [WELCOME, WANTED]
    visitor = Visitor("wss://relay", lambda: "token", lambda frame: None, sign_in)
    visitor.live(0.1)
    visitor.live(0.1)


def test_who_is_to_sign_in_hands_over_what_it_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    line, wanted = Line(), list[Any]()
    code = {"code": "c0de", "verifier": "v" * 43}
    signing_in(monkeypatch, line, lambda detail: wanted.append(detail) or code)
    assert (wanted, line.sent[-1][1]) == ([{"why": "needed"}], {"action": "sign_in", **code})
    assert undocumented([frame for _, frame in line.sent], TO_RELAY) == []


def _fails(detail: Any) -> None:
    raise LookupError("c0de is not good")


@pytest.mark.parametrize("sign_in", [None, lambda detail: None, _fails])
def test_who_cannot_sign_in_hands_over_nothing_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, sign_in: Any, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    signing_in(monkeypatch, line, sign_in)
    assert [frame["action"] for _, frame in line.sent] == ["hello"]
    assert "c0de" not in caplog.text
