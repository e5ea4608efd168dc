"""A keeper's line: kept open, nudged on it, and never for long without it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import pytest
from typing_relay.keeper.counters import Counters
from typing_relay.keeper.io.protocol import GOING_AWAY
from typing_relay.keeper.io.sockets import Sending, SocketEnd, Stage
from typing_relay.platforms.digital_first import line as lines
from typing_relay.platforms.digital_first.line import KEEPALIVE_S, LONGEST_PAUSE_S, REPLACE_S, REPLACE_SPREAD_S, Line

from tests.support.keeper_fakes import ManualJobs, ManualLoop

URL = "wss://keepers.example/live"
LOST = SocketEnd(Stage.OPEN, "gone", close_code=1006)
REFUSED = SocketEnd(Stage.UPGRADING, "status 403", http_status=403)


class Socket:
    """One connection of the line, as the test lets it open and end."""

    def __init__(
        self, _loop: Any, url: str, _tls: Any, _limits: Any, listener: Any, headers: Mapping[str, str]
    ) -> None:
        self.url, self.listener, self.headers = url, listener, headers
        self.said: list[str] = []
        self.closed_with: int | None = None

    def connect(self, _addresses: Any, _not_reached: Any) -> None:
        """The test says when."""

    def send_text(self, text: str, _on_sent: Any) -> Sending:
        self.said.append(text)
        return Sending.QUEUED

    def close(self, code: int) -> None:
        self.closed_with = code


class Scene:
    def __init__(self) -> None:
        self.loop, self.jobs, self.counters = ManualLoop(), ManualJobs(), Counters()
        self.sockets: list[Socket] = []
        self.nudges: list[Mapping[str, Any]] = []
        self.times_back = 0
        self.signed = 0
        self.can_sign = True
        self.line = Line(
            self.loop,  # type: ignore[arg-type]
            self.jobs,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            ssl.create_default_context(),
            URL,
            self.sign,
            self.nudges.append,
            self.is_back,
            self.counters,
            lambda: 1.0,
        )

    def sign(self) -> Mapping[str, str]:
        if not self.can_sign:
            raise OSError("no credentials")
        self.signed += 1
        return {"Authorization": f"signature {self.signed}"}

    def is_back(self) -> None:
        self.times_back += 1

    # where the host is reached

    def resolve(self, _url: str, found: Any, _failed: Any) -> None:
        found([])

    not_reached = None

    def opens(self) -> Socket:
        """The newest connection is open."""
        self.jobs.run()
        self.sockets[-1].listener.opened()
        return self.sockets[-1]

    def passes(self, seconds: float) -> int:
        """Returns how many connections were begun meanwhile."""
        before = len(self.sockets)
        self.loop.advance(seconds)
        self.jobs.run()
        return len(self.sockets) - before


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()

    def connection(*arguments: Any) -> Socket:
        made.sockets.append(Socket(*arguments))
        return made.sockets[-1]

    monkeypatch.setattr(lines, "GuestSocket", connection)
    made.line.start()
    return made


def test_it_opens_with_a_signature_of_its_own(scene: Scene) -> None:
    assert not scene.line.is_open
    socket = scene.opens()
    assert (socket.url, socket.headers, scene.line.is_open) == (URL, {"Authorization": "signature 1"}, True)


def test_a_nudge_is_handed_on_and_counted(scene: Scene) -> None:
    scene.opens().listener.text('{"messages": "alice"}')
    assert (scene.nudges, scene.counters.take()) == ([{"messages": "alice"}], {"Nudges": 1})


@pytest.mark.parametrize("text", ["", "[]", '"pong"', '{"message": "Forbidden', "7"])
def test_what_is_no_nudge_is_passed_over(scene: Scene, text: str) -> None:
    scene.opens().listener.text(text)
    assert scene.nudges == []


def test_a_keepalive_every_few_minutes_keeps_it_from_idling(scene: Scene) -> None:
    """API Gateway ends what says nothing for ten minutes."""
    socket = scene.opens()
    for _ in range(3):
        scene.passes(KEEPALIVE_S)
    assert socket.said == ['{"action": "ping"}'] * 3


def test_one_that_is_lost_is_opened_again_signed_anew(scene: Scene) -> None:
    scene.opens().listener.ended(LOST)
    assert not scene.line.is_open
    assert scene.passes(1) == 1
    assert scene.sockets[-1].headers == {"Authorization": "signature 2"}
    assert scene.counters.take() == {"LinesLost": 1}


def test_whenever_nudges_may_have_been_lost_it_is_said_that_it_is_back(scene: Scene) -> None:
    scene.opens().listener.ended(LOST)
    scene.passes(1)
    scene.opens()
    assert scene.times_back == 2


def test_the_pauses_between_failures_grow_to_a_limit_and_start_anew(scene: Scene) -> None:
    scene.jobs.run()
    pauses = []
    for _ in range(6):
        scene.sockets[-1].listener.ended(REFUSED)
        pauses.append(next(second for second in range(1, 20) if scene.passes(1)))
    assert pauses == [1, 2, 4, 8, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    scene.opens().listener.ended(LOST)
    assert scene.passes(1) == 1
    assert scene.counters.take() == {"LinesNotOpened": 6, "LinesLost": 1}


def test_without_a_signature_it_is_tried_again(scene: Scene) -> None:
    scene.can_sign = False
    scene.jobs.run()
    scene.can_sign = True
    assert scene.passes(1) == 1


def test_it_is_replaced_before_two_hours_and_the_former_stays_until_then(scene: Scene) -> None:
    """API Gateway ends every connection then; and nudges may come in on either."""
    former = scene.opens()
    assert scene.passes(REPLACE_S - REPLACE_SPREAD_S) == 1
    assert (former.closed_with, scene.line.is_open) == (None, True)
    former.listener.text('{"messages": "alice"}')
    scene.opens()
    assert former.closed_with == GOING_AWAY
    assert (scene.times_back, len(scene.nudges)) == (1, 1)


def test_a_replacement_that_fails_leaves_the_former_in_use(scene: Scene) -> None:
    former = scene.opens()
    scene.passes(REPLACE_S - REPLACE_SPREAD_S)
    scene.sockets[-1].listener.ended(REFUSED)
    assert (former.closed_with, scene.line.is_open) == (None, True)
    assert scene.passes(1) == 1


def test_the_former_may_end_while_it_is_replaced(scene: Scene) -> None:
    former = scene.opens()
    scene.passes(REPLACE_S - REPLACE_SPREAD_S)
    former.listener.ended(LOST)
    assert scene.passes(30) == 0  # one is on its way
    scene.sockets[-1].listener.opened()
    assert scene.line.is_open


def test_one_that_was_lost_is_not_replaced_any_more(scene: Scene) -> None:
    """The next one has two hours of its own."""
    scene.opens()
    scene.passes(REPLACE_S / 2)
    scene.sockets[-1].listener.ended(LOST)
    scene.passes(1)
    scene.opens()
    assert scene.passes(REPLACE_S * 0.75) == 0


def test_when_it_is_stopped_it_is_closed_and_stays_so(scene: Scene) -> None:
    socket = scene.opens()
    scene.line.stop()
    assert (socket.closed_with, scene.line.is_open) == (GOING_AWAY, False)
    assert scene.passes(3 * REPLACE_S) == 0
    assert socket.said == []


def test_when_it_is_stopped_while_it_is_signed_for_nothing_is_opened(scene: Scene) -> None:
    scene.line.stop()
    scene.jobs.run()
    assert scene.sockets == []
