"""The guide's client in Python keeps the rules of typing, on real rhythms and a clock of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import websocket

from local.playing.rhythm import FrameDue, frames_due, key_times
from tests.support import python_client
from tests.support.protocol import TO_RELAY, undocumented

TRACES = [json.loads(line) for line in (Path(__file__).parents[2] / "data/typing.jsonl").read_text().splitlines()]
TIMINGS = {"debounce_ms": 2000, "heartbeat_ms": 1000, "hold_ms": 6000}
VECTORS = json.loads((Path(__file__).parents[3] / "web/rhythm-vectors.json").read_text())["vectors"]
#: Keys alone: the client has no page that could be hidden, and its timers are its caller's.
OF_KEYS = [
    vector
    for vector in VECTORS
    if "hold_ms" in vector["timings"]
    and vector.keys().isdisjoint({"hidden", "asleep"})
    and "to the ms" not in vector["name"]
]
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
    """A visitor of the guide's code on this line."""
    module: ModuleType = python_client.shown()

    def on(line: Line) -> Any:
        monkeypatch.setattr(module, "now", lambda: line.now)
        monkeypatch.setattr(websocket, "create_connection", lambda *_, **__: line)
        return module.Visitor("ws://relay", lambda: "token", lambda frame: None)

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


@pytest.mark.parametrize("vector", OF_KEYS, ids=lambda vector: vector["name"])
def test_it_sends_the_frames_of_the_vectors(client: Callable[[Line], Any], vector: dict[str, Any]) -> None:
    """The same that the browser's client proves itself on."""
    line = Line(WELCOME)
    visitor = client(line)
    visitor.live(0.1)
    start = line.now
    for key in vector["keys"]:
        visitor.live((start + key - line.now) / 1000)
        visitor.key()
    visitor.live(3)
    sent, wanted = line.typing(), vector["frames"]
    assert [frame["action"] for _, frame in sent] == [frame["action"] for frame in wanted]
    assert all(0 <= at - start - due["at"] <= 2 * TICK_MS for (at, _), due in zip(sent, wanted, strict=True))


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
