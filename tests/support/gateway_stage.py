"""A running Digital-First stack as fault tests use it: visitors who type and write, and what the gateway saw."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from typing_relay.keeper.guests import guest

from local.dfo_simulator.client import DfoControl, Gateway
from local.dfo_simulator.faults import Fault
from local.simulating.client import Event
from tests.support.relay_stage import DARK_S, PATIENCE_S, RelayStage, Typist, wait_until

#: A keeper whose guest lost one socket after the other waits up to this long before the next.
LONGEST_BACKOFF_S = guest.GuestPolicy().longest_backoff_ms / 1000
STARTED, ENDED = "SenderTypingStarted", "SenderTypingEnded"
TYPING = (STARTED, ENDED)


class GatewayStage(RelayStage):
    """One running stack with a simulated gateway."""

    def gateway(self) -> DfoControl:
        """Controls of the simulated gateway, for one thread."""
        info = self.stack.info
        return DfoControl(
            Gateway(
                info["dfo_chat_url"],
                info["dfo_gateway_url"],
                info["dfo_authorize_url"],
                int(info["dfo_brand_id"]),
                info["dfo_channel_id"],
            )
        )

    def stage_channel(self) -> str:
        """The channel of tokens that name none."""
        return str(self.stack.info["dfo_channel_id"])

    def keeper_pid(self) -> int:
        """The one keeper of this stack."""
        [pid] = self.stack.info["keeper_pids"]
        return int(pid)

    def keeper_log(self) -> list[dict[str, Any]]:
        """What the stack's keepers have logged, oldest first."""
        lines = (Path(self.stack.info["logs"]) / "keeper.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @contextmanager
    def keeper_gone(self, how: signal.Signals) -> Iterator[None]:
        """The keeper is told to end, or killed; afterwards another one is at work."""
        former = self.keeper_pid()
        os.kill(former, how)
        yield
        wait_until(lambda: self.keeper_pid() != former, "another keeper")

    def keeper_lines(self) -> list[dict[str, Any]]:
        """The items by which functions find the keepers' lines."""
        items: list[dict[str, Any]] = self.aws.client("dynamodb").scan(TableName=self._of_keystroke("KEEPERS_TABLE"))[
            "Items"
        ]
        return items

    def _of_keystroke(self, variable: str) -> str:
        name = self.stack.info["functions"]["Keystroke"]
        settings = self.aws.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        return str(settings[variable])

    def close_keeper_lines(self) -> int:
        """End the connections on which nudges reach keepers, as API Gateway may at any time; returns how many."""
        connections = self.aws.connections(self._of_keystroke("KEEPER_CONNECTIONS_URL"))
        closed = 0
        for line in self.keeper_lines():
            with suppress(connections.exceptions.GoneException):  # of a keeper that died
                connections.delete_connection(ConnectionId=line["connection_id"]["S"])
                closed += 1
        return closed


class Chatter(Typist):
    """A visitor with a front end, and all that the gateway sees of this visitor."""

    def __init__(self, stage: GatewayStage, name: str, **claims: Any) -> None:
        self.gateway = stage.gateway()
        self.began = self._seen = self.gateway.last_event()
        super().__init__(stage, name, **claims)
        record = stage.record(name)
        self.visitor_id = record.guest_id

    def __enter__(self) -> Chatter:
        return self

    def __exit__(self, *_: object) -> None:
        self.front_end.close()
        self.calm()
        self.gateway.close()

    # --- what the visitor does

    def says(self, text: str, message_id: str = "") -> str:
        """Send a message; returns its id."""
        message_id = message_id or str(uuid.uuid4())
        self.front_end.send({"action": "message", "id": message_id, "text": text})
        return message_id

    def is_told(self, message_id: str, timeout_s: float = PATIENCE_S) -> str:
        """How the message ended: `accepted`, or why it failed."""

        def settled() -> dict[str, Any] | None:
            for frame in list(self.front_end.frames):
                if frame["type"] == "message" and frame["id"] == message_id and frame["status"] != "waiting":
                    return frame
            return None

        wait_until(lambda: settled() is not None, f"the end of message {message_id}", timeout_s)
        frame = settled()
        assert frame is not None
        return str(frame.get("reason") or frame["status"])

    def begins(self, text: str = "Good morning") -> None:
        """The first message, which opens the contact."""
        assert self.is_told(self.says(text)) == "accepted"
        wait_until(lambda: self.stage.record(self.name).contact_open is True, "the contact")

    # --- what the gateway does

    def fault(self, *faults: Fault) -> None:
        """These and no other faults for this visitor."""
        self.gateway.set_faults_of(self.visitor_id, *faults)

    def calm(self) -> None:
        """No more faults for this visitor."""
        self.fault()

    def loses_socket(self, how: str = "reset", code: int = 1001) -> None:
        """The visitor's socket at the gateway breaks, and is open again."""
        opened = self.gateway.visitor(self.visitor_id)["opened"]
        assert self.gateway.drop_sockets(how, self.visitor_id, code) == 1
        is_open_again = lambda: self.gateway.visitor(self.visitor_id)["opened"] > opened  # noqa: E731
        wait_until(is_open_again, "another socket", LONGEST_BACKOFF_S + PATIENCE_S)

    # --- what is seen

    @property
    def thread_id(self) -> str:
        """The thread in which the conversation goes on."""
        return str(self.stage.record(self.name).conversation["thread"])

    def thread(self) -> dict[str, Any]:
        """What agents see of it."""
        return self.gateway.thread(self.thread_id)

    def shown(self) -> list[bool]:
        """What the agent was shown, oldest first."""
        return [typing for _, typing in self.thread()["typing_changes"]]

    def texts(self) -> list[str]:
        """What the visitor has said to the agent, oldest first."""
        return [m["content"]["text"] for m in self.thread()["messages"] if m["direction"] == "inbound"]

    def waits_for(self, event_type: str, timeout_s: float = PATIENCE_S, **fields: Any) -> Event:
        """The next frame of this visitor. Raises TimeoutError, with all that came instead."""
        try:
            event = self.gateway.wait_for(
                "frame", self._seen, timeout_s, visitor_id=self.visitor_id, event_type=event_type, **fields
            )
        except TimeoutError as error:
            record = self.stage.record(self.name)
            raise TimeoutError(f"{error}; there came {self.frames()}; the record: {record}") from None
        self._seen = event["n"]
        return event

    def looks_away(self) -> None:
        """What happened until now is not waited for any more."""
        self._seen = self.gateway.last_event()

    def events(self, kind: str) -> list[Event]:
        """All events of this kind of this visitor."""
        return [
            e for e in self.gateway.events(self.began) if e["kind"] == kind and e.get("visitor_id") == self.visitor_id
        ]

    def frames(self) -> list[tuple[str, bool]]:
        """The frames that the visitor's keeper has sent, and whether they were taken."""
        return [(event["event_type"], event["accepted"]) for event in self.events("frame")]

    def typing_frames(self) -> list[tuple[str, bool]]:
        """Those of typing."""
        return [frame for frame in self.frames() if frame[0] in TYPING]

    def hears(self, name: str, /, timeout_s: float = PATIENCE_S, **detail: Any) -> dict[str, Any]:
        """The first event of this name, and with this detail, that the front end is told."""

        def heard() -> dict[str, Any] | None:
            for frame in list(self.front_end.frames):
                if frame.get("name") == name and detail.items() <= frame["detail"].items():
                    return frame
            return None

        wait_until(lambda: heard() is not None, f"{name} with {detail}", timeout_s)
        frame = heard()
        assert frame is not None
        return frame

    def settles(self, timeout_s: float = DARK_S) -> None:
        """Wait until nobody owns the burst and no agent is shown typing; then no rule of the gateway was broken."""
        wait_until(lambda: self.stage.record(self.name).lease_until == 0, f"{self.name} to be settled", timeout_s)
        left_on = [t for t in self.gateway.threads() if t["visitor_id"] == self.visitor_id and t["typing"]]
        assert not left_on, f"{self.name} is left typing: {self.frames()}"
        broken = [rule for rule in self.gateway.violations() if rule["visitor_id"] == self.visitor_id]
        assert not broken, broken
