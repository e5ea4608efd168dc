"""NICE's own chat SDK in a Node process, as a peer of the simulated gateway that nobody here has written."""

import contextlib
import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.dfo_simulator.client import Gateway
from local.simulating.client import ROOT

PROJECT = ROOT / "tests/integration/sdk"


class SdkPeer:
    """The SDK, worked by commands (see tests/integration/sdk/peer.mjs). A thread of its own reads what it tells."""

    def __init__(self, process: "subprocess.Popen[str]"):
        self._process = process
        self._ids = itertools.count(1)
        self._news: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, name="sdk-peer", daemon=True)
        self._reader.start()

    def do(self, name: str, *arguments: Any, timeout: float = 10) -> Any:
        """Do this; returns what came of it. Raises SdkError when the SDK rejects it, TimeoutError."""
        number = self.begin(name, *arguments)
        answer = self._next(timeout, f"answer to {name}", lambda news: news.get("id") == number)
        if "error" in answer:
            raise SdkError(answer["error"])
        return answer["result"]

    def begin(self, name: str, *arguments: Any) -> int:
        """Do this, but wait for nothing; returns the number of the command."""
        number = next(self._ids)
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"id": number, "do": name, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        return number

    def wait_for(self, event: str, timeout: float = 10) -> Any:
        """The data of the next event of this name; one that was waited for does not come again. Raises TimeoutError."""
        for index, told in enumerate(self._events):
            if told.get("event") == event:
                return self._events.pop(index)["data"]
        return self._next(timeout, f"event {event}", lambda news: news.get("event") == event)["data"]

    def _next(self, timeout: float, what: str, wanted: Any) -> dict[str, Any]:
        while True:
            try:
                news = self._news.get(timeout=timeout)
            except queue.Empty:
                told = [event.get("event", "an answer") for event in self._events]
                raise TimeoutError(f"no {what} within {timeout} s; it told {told}") from None
            if news is None:
                self._news.put(None)
                raise RuntimeError(f"Node has ended (exit code {self._process.wait(5)})")
            if wanted(news):
                return news
            self._events.append(news)

    def join(self) -> None:
        """Wait until all is read that an ended process has said."""
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._news.put(json.loads(line))
        self._news.put(None)


class SdkError(Exception):
    """The SDK rejected a command."""


@contextlib.contextmanager
def running_sdk(folder: Path, gateway: Gateway, **options: Any) -> Iterator[SdkPeer]:
    """The SDK at this gateway until the block ends.

    Options as ChatSdk takes them, None for those left out, and `threadId` (the thread of all commands), `secured` (the
    kind of session; none: the legacy one) and `hurry` (timers of 10 s and more run so many times as fast).
    """
    urls = {"chat": gateway.chat_url, "gateway": gateway.gateway_url, "authorize": gateway.authorize_url}
    given = {name: value for name, value in options.items() if value is not None}
    everything = {"brandId": gateway.brand_id, "channelId": gateway.channel_id, "urls": urls, **given}
    command = ["node", str(PROJECT / "peer.mjs"), str(folder), json.dumps(everything)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        peer = SdkPeer(process)
        try:
            peer.wait_for("ready", timeout=30)
            yield peer
        finally:
            process.terminate()
            peer.join()
