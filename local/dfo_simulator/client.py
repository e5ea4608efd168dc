"""Run the simulated Digital-First gateway for a test or a demo, and call its controls."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from local.dfo_simulator.faults import Fault
from local.simulating.client import Control, running_program


@dataclass(frozen=True)
class Gateway:
    """The gateway's URLs, brand and channel."""

    chat_url: str
    gateway_url: str
    authorize_url: str
    brand_id: int
    channel_id: str


def parse_ready(line: str) -> Gateway:
    """Parses the simulator's ready line, from after `dfo simulator ready`."""
    said = dict(word.split("=", 1) for word in line.split())
    return Gateway(said["chat"], said["gateway"], said["authorize"], int(said["brand"]), said["channel"])


def gateway_of(info: Mapping[str, Any]) -> Gateway:
    """The gateway of the stack that ``info`` (its stack.json) describes."""
    urls = (info["dfo_chat_url"], info["dfo_gateway_url"], info["dfo_authorize_url"])
    return Gateway(*urls, int(info["dfo_brand_id"]), info["dfo_channel_id"])


class DfoControl(Control):
    """The controls of a running simulator. Each call raises requests.HTTPError when it is refused."""

    def __init__(self, gateway: Gateway):
        super().__init__(gateway.chat_url)
        self.gateway = gateway

    def threads(self) -> list[dict[str, Any]]:
        """What agents see, oldest thread first.

        Each: thread_id, customer_id, visitor_id, archived, contact (id, status), agent, typing, typing_changes (epoch
        ms, what is shown from then on), messages (id, id_on_external_platform, direction, content, created_at, read_at,
        seen_at, attachments).
        """
        threads: list[dict[str, Any]] = self._call("GET", "threads")
        return threads

    def thread(self, thread_id: str) -> dict[str, Any]:
        """One thread of `threads()`. Raises KeyError."""
        return {thread["thread_id"]: thread for thread in self.threads()}[thread_id]

    def visitors(self) -> list[dict[str, Any]]:
        """All visitors: visitor_id, customer_id, sockets (open now), opened (ever), heartbeats (answered)."""
        visitors: list[dict[str, Any]] = self._call("GET", "visitors")
        return visitors

    def visitor(self, visitor_id: str) -> dict[str, Any]:
        """One visitor of `visitors()`. Raises KeyError."""
        return {visitor["visitor_id"]: visitor for visitor in self.visitors()}[visitor_id]

    def violations(self) -> list[dict[str, Any]]:
        """Where clients broke the protocol: at (epoch ms), rule, detail, visitor_id, event_type."""
        violations: list[dict[str, Any]] = self._call("GET", "violations")
        return violations

    def frames(self) -> list[dict[str, Any]]:
        """What visitors sent while the setting `keep_frames` was on: visitor_id, event_type, frame."""
        frames: list[dict[str, Any]] = self._call("GET", "frames")
        return frames

    def offline_messages(self) -> list[dict[str, str]]:
        """What visitors left, oldest first: visitor_id, channel_id, name, email, text."""
        left: list[dict[str, str]] = self._call("GET", "offline-messages")
        return left

    def settings(self) -> dict[str, Any]:
        """All settings, as described by settings.Settings."""
        settings: dict[str, Any] = self._call("GET", "settings")
        return settings

    def set_settings(self, **changes: Any) -> None:
        """Replace these settings."""
        self._call("PUT", "settings", changes)

    def set_settings_of(self, visitor_id: str, **changes: Any) -> None:
        """Replace this visitor's own settings by these; all else is for this visitor as it is for others."""
        self._call("PUT", f"settings?visitor={visitor_id}", changes)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are on, with their remaining counts."""
        faults: list[dict[str, Any]] = self._call("GET", "faults")
        return faults

    def set_faults(self, *faults: Fault) -> None:
        """Replace all faults by these."""
        self._call("PUT", "faults", {"faults": [fault.as_json() for fault in faults]})

    def set_faults_of(self, visitor_id: str, *faults: Fault) -> None:
        """Replace this visitor's faults by these; other visitors' faults stay."""
        own = [replace(fault, visitor=visitor_id).as_json() for fault in faults]
        self._call("PUT", "faults", {"faults": own, "visitor": visitor_id})

    # The agent. Each returns on how many sockets the visitor is told.

    def assign(self, thread_id: str, first_name: str = "Avery", surname: str = "Quinn", nickname: str = "avery") -> int:
        """An agent accepts the contact."""
        agent = {"first_name": first_name, "surname": surname, "nickname": nickname}
        return self._as_agent("assign", thread_id, agent=agent)

    def unassign(self, thread_id: str) -> int:
        """Nobody works on the contact any more."""
        return self._as_agent("assign", thread_id, agent=None)

    def agent_types(self, thread_id: str, typing: bool) -> int:
        """The agent has started or stopped typing."""
        return self._as_agent("typing", thread_id, typing=typing)

    def agent_says(self, thread_id: str, text: str, **options: Any) -> str:
        """The agent sends a message; returns its idOnExternalPlatform.

        Options: `type` and `payload` (another type than TEXT, `text` is then what to fall back on), `in_s3` (the event
        is to be fetched), `more_content` (the message's payload is), `expires_in` (this long after, in s, the contact
        is closed, unless the visitor has written something), `attachments` (url, friendlyName, mimeType).
        """
        body = {"thread_id": thread_id, "text": text, **options}
        return str(self._call("POST", "agent/message", body)["message_id"])

    def agent_reads(self, thread_id: str, what: str = "read") -> int:
        """The agent has read (or `seen`) the visitor's newest message."""
        return self._as_agent("read", thread_id, what=what)

    def queue_position(self, thread_id: str, position: int, agent_online: bool = True) -> int:
        """This number of visitors waits ahead of the visitor."""
        return self._as_agent("queue-position", thread_id, position=position, agent_online=agent_online)

    def close_contact(self, thread_id: str, with_id: bool = True) -> int:
        """The agent closes the contact; the event may or may not name its id."""
        return self._as_agent("close-contact", thread_id, with_id=with_id)

    def reopen_contact(self, thread_id: str) -> int:
        """The agent opens the closed contact again."""
        return self._as_agent("reopen-contact", thread_id)

    def end_thread(self, thread_id: str) -> int:
        """The thread takes no more messages; a look says so (`canAddMoreMessages`)."""
        return self._as_agent("end-thread", thread_id)

    # Breaking things

    def push(self, visitor_id: str, text: str) -> int:
        """Send this as a text frame, whatever it is, on the visitor's sockets; returns on how many."""
        return int(self._call("POST", "push", {"visitor_id": visitor_id, "text": text})["sockets"])

    def add_authorization_code(self, code: str, customer_id: str, single_use: bool = False, verifier: str = "") -> None:
        """From now on this code signs this customer in (setting `third_party`), with this verifier if it has one."""
        body = {"code": code, "customer_id": customer_id, "single_use": single_use, "verifier": verifier}
        self._call("POST", "authorization-codes", body)

    def revoke_tokens_of(self, visitor_id: str) -> None:
        """Invalidate the tokens of one visitor, who has been seen before."""
        self._call("POST", "revoke-tokens", {"visitor_id": visitor_id})

    def drop_sockets(self, how: str, visitor_id: str | None = None, code: int = 1001) -> int:
        """Break the sockets of one visitor or of all: `close` (with a code), `reset` or `silent`. Returns how many."""
        body = {"how": how, "code": code} | ({} if visitor_id is None else {"visitor_id": visitor_id})
        return int(self._call("POST", "drop-sockets", body)["sockets"])

    def _as_agent(self, path: str, thread_id: str, **fields: Any) -> int:
        return int(self._call("POST", f"agent/{path}", {"thread_id": thread_id, **fields})["sockets"])


@contextmanager
def running_gateway(port: int = 0, seed: int = 0, messaging: bool = False) -> Iterator[DfoControl]:
    """Run the simulator as a separate process until the block ends. Raises RuntimeError when it does not start."""
    arguments = ["--port", str(port), "--seed", str(seed), *(["--messaging"] if messaging else [])]
    with (
        running_program("local.dfo_simulator", "dfo simulator", arguments) as ready,
        closing(DfoControl(parse_ready(ready))) as control,
    ):
        yield control
