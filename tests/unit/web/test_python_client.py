"""The client in Python keeps the rules of typing: its rhythm on the vectors, its visitor on a clock of the test's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket
from typing_relay_client import Rhythm, Timings, Visitor
from typing_relay_client import visitor as visitors

from local.playing.rhythm import FrameDue, frames_due, key_times
from tests.support.protocol import TO_RELAY, undocumented

TRACES = [json.loads(line) for line in (Path(__file__).parents[2] / "data/typing.jsonl").read_text().splitlines()]
TIMINGS = {"debounce_ms": 2000, "heartbeat_ms": 1000, "hold_ms": 6000}
VECTORS = json.loads((Path(__file__).parents[3] / "web/rhythm-vectors.json").read_text())["vectors"]
WELCOME = {"type": "welcome", "session": "alice", "timings": TIMINGS, "guest": "open"}
#: The client looks so often whether something is due.
TICK_MS = 20


def clear_of_the_debounce(gap_ms: int) -> int:
    """A pause of 2,000 ms to the ms is one or is none: a key takes the client a ms or two."""
    return gap_ms + 3 if abs(gap_ms - TIMINGS["debounce_ms"]) < 3 else gap_ms


class Line:
    """A socket at whose other end somebody says ``says``, and time that passes while nothing comes."""

    def __init__(self, *says: Any) -> None:
        self.now = 0.0
        self.says = list(says)
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self._timeout_ms = 0.0

    def send(self, text: str) -> None:
        self.sent.append((self.now, json.loads(text)))

    def settimeout(self, seconds: float) -> None:
        self._timeout_ms = seconds * 1000

    def recv(self) -> str:
        if self.says:
            return json.dumps(self.says.pop(0))
        self.now += self._timeout_ms
        raise websocket.WebSocketTimeoutException

    def typing(self) -> list[tuple[float, dict[str, Any]]]:
        """Keystrokes and stops, with their times."""
        return [(at, frame) for at, frame in self.sent if frame["action"] in ("keystroke", "stop")]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[[Line], Any]:
    """A visitor on this line."""

    def on(line: Line) -> Any:
        monkeypatch.setattr(visitors, "now", lambda: line.now)
        monkeypatch.setattr(websocket, "create_connection", lambda *_, **__: line)
        return Visitor("ws://relay", lambda: "token", lambda frame: None)

    return on


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["trace"])
def test_it_types_as_the_browsers_client_does(client: Callable[[Line], Any], trace: dict[str, list[int]]) -> None:
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


def play(vector: dict[str, Any]) -> list[dict[str, Any]]:
    """The frames of a rhythm to which this happens, each with its time."""
    rhythm, sent = Rhythm(), []
    timings, never = Timings(**vector["timings"]), float("inf")
    asleep_from, asleep_until = vector.get("asleep", (never, never))
    lost_at, back_at = vector.get("offline", (never, never))

    def wakes_at() -> float:
        return max(rhythm.wake_at, asleep_until) if rhythm.wake_at >= asleep_from else rhythm.wake_at

    def lose(at: float) -> list[dict[str, Any]]:
        rhythm.disconnected()
        return []

    happenings: list[tuple[float, Callable[[float], list[dict[str, Any]]]]] = [
        (0, lambda at: rhythm.connected(at, timings)),
        *((at, rhythm.key) for at in vector["keys"]),
        (vector.get("hidden", never), rhythm.stop),
        (lost_at, lose),
        (back_at, lambda at: rhythm.connected(at, timings)),
        (never, lambda at: []),
    ]
    for then, happens in sorted(happenings, key=lambda happening: happening[0]):
        while (at := wakes_at()) < then:
            sent += [{"at": at, **frame} for frame in rhythm.wake(at)]
        if then < never:
            sent += [{"at": then, **frame} for frame in happens(then)]
    return sent


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_its_rhythm_sends_the_frames_of_the_vectors(vector: dict[str, Any]) -> None:
    """The same that the browser's client proves itself on."""
    assert play(vector) == vector["frames"]


def test_a_visitor_who_stops_is_told_to_have_stopped_at_once(client: Callable[[Line], Any]) -> None:
    line = Line(WELCOME)
    visitor = client(line)
    visitor.live(0.1)
    visitor.key()
    visitor.stop()
    assert [frame["action"] for _, frame in line.typing()] == ["keystroke", "stop"]


def test_it_says_hello_first_and_sends_no_key_before_the_welcome(client: Callable[[Line], Any]) -> None:
    line = Line()
    visitor = client(line)
    visitor.key()
    visitor.live(1)
    assert [frame for _, frame in line.sent] == [{"action": "hello"}]
    line.says.append(WELCOME)
    visitor.live(0.1)
    [(at, keystroke)] = line.typing()
    assert keystroke["ago_ms"] == pytest.approx(at, abs=5)


def test_a_key_that_has_gone_stale_before_the_welcome_is_not_told(client: Callable[[Line], Any]) -> None:
    """T5."""
    line = Line()
    visitor = client(line)
    visitor.key()
    visitor.live(2.5)
    line.says.append(WELCOME)
    visitor.live(5)
    assert line.typing() == []


def test_where_typing_signals_are_off_it_sends_none(client: Callable[[Line], Any]) -> None:
    line = Line({**WELCOME, "signals": "off"})
    visitor = client(line)
    visitor.live(0.1)
    visitor.key()
    visitor.live(3)
    assert line.typing() == []


def test_a_guest_frame_that_overtook_the_welcome_holds(client: Callable[[Line], Any]) -> None:
    line = Line({"type": "guest", "status": "open"}, {**WELCOME, "guest": "opening"})
    visitor = client(line)
    visitor.live(0.1)
    assert visitor.guest == "open"


def test_while_idle_it_pings_every_four_minutes(client: Callable[[Line], Any]) -> None:
    """API Gateway closes what is idle for ten."""
    line = Line(WELCOME)
    client(line).live(601)
    pings = [at for at, frame in line.sent if frame == {"action": "ping"}]
    assert len(pings) == 2
    assert pings[0] == pytest.approx(240_000, abs=2 * TICK_MS)
