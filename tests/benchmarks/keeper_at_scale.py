"""The whole keeper at scale: memory and idle CPU, a mass drop, and guests taken over from a killed and a drained task.

python -m tests.benchmarks.keeper_at_scale [GUESTS [GUESTS_TAKEN_OVER]]
Digital-First, with a heartbeat of each guest every 15 s: python -m tests.benchmarks.digital_first_at_scale [GUESTS]
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.benchmarks.programs import Program, cpu_s, resident_mb, running
from tests.support.keeper_stage import KeeperProcess
from tests.support.web_socket_peers import Certificates

IDLE_S = 60
#: As the template has it.
OPENINGS_PER_SECOND = 400
#: They begin evenly spaced; how their ends bunch is the server's doing, and evens out.
WINDOW_S = 5
#: What the visitors are told comes a little later than their sockets are open.
SETTLE_S = 3


class Scene:
    """A cloud, a CXone with TLS sockets, and keepers between them."""

    def __init__(self, sockets: Program, cloud_url: str, certificate: Path, settings: Mapping[str, str]) -> None:
        self.sockets, self._cloud_url, self._certificate = sockets, cloud_url, certificate
        self._settings = settings
        self._http = requests.Session()
        self.keepers: list[KeeperProcess] = []

    def ask_for_guests(self, count: int) -> None:
        self._http.post(f"{self._cloud_url}/sessions?count={count}").raise_for_status()

    def start_keeper(self) -> KeeperProcess:
        endpoint = self._cloud_url
        keeper = KeeperProcess(
            {
                "PATH": "/usr/bin",
                "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "layers" / "typing_relay"),
                "SSL_CERT_FILE": str(self._certificate),
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "TABLE_NAME": "sessions",
                "CXONE_STATE_TABLE": "state",
                "GUEST_QUEUE_URL": f"{endpoint}/queue",
                "CONNECTIONS_URL": endpoint,
                "CXONE_BASE_URL": endpoint,
                "CXONE_SECRET_ARN": "secret",
                "STATE_MACHINE_ARN": "typing",
                "POWERTOOLS_SERVICE_NAME": "guest_keeper",
                "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay",
                "POWERTOOLS_LOG_LEVEL": "WARNING",
                "KEEPER_MAX_GUESTS": "10000",
                "KEEPER_OPENINGS_PER_SECOND": str(OPENINGS_PER_SECOND),
                **self._settings,
            }
        )
        self.keepers.append(keeper)
        return keeper

    def sockets_open(self) -> int:
        return int(self.sockets.ask("count"))

    def open_by_keeper(self) -> dict[str, int]:
        counts: dict[str, int] = self._http.get(f"{self._cloud_url}/keepers").json()
        return counts

    def open_by_keeper_alone(self, guests: int) -> bool:
        """Whether one keeper holds all of them, and each socket is open."""
        return list(self.open_by_keeper().values()) == [guests] and self.sockets_open() == guests

    def calls(self) -> Counter[str]:
        """What AWS has been asked so far, by operation."""
        return Counter(self._http.get(f"{self._cloud_url}/calls").json())

    def delays_ms(self) -> list[int]:
        """How late each frame posted since the last call was, in ms."""
        delays: list[int] = self._http.get(f"{self._cloud_url}/delays").json()
        return delays

    def stop(self) -> None:
        for keeper in self.keepers:
            keeper.kill()


def _digital_first(sockets_url: str, cloud_url: str) -> dict[str, str]:
    return {
        "CXONE_PLATFORM": "dfo",
        "MESSAGES_TABLE": "messages",
        "KEEPER_LINE_URL": f"{cloud_url.replace('http:', 'ws:')}/line",
        "DFO_GATEWAY_URL": sockets_url,
        "DFO_CHAT_URL": cloud_url,
        "DFO_AUTHORIZE_URL": cloud_url,
        "DFO_BRAND_ID": "1386",
        "DFO_CHANNEL_ID": "chat_local",
    }


@contextmanager
def scene(*, digital_first: bool = False) -> Iterator[Scene]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        certificate = Certificates(Path(folder)).path
        sockets = stack.enter_context(running("socket_server", str(certificate)))
        sockets_url = f"wss://127.0.0.1:{sockets.line()}"
        cloud = stack.enter_context(running("cloud_stub", sockets_url))
        cloud_url = f"http://127.0.0.1:{cloud.line()}"
        settings = _digital_first(sockets_url, cloud_url) if digital_first else {}
        made = Scene(sockets, cloud_url, certificate, settings)
        stack.callback(made.stop)
        yield made


def seconds_until(condition: Callable[[], bool], every: float = 0.25, within: float = 300) -> float:
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within:
            raise TimeoutError("it did not come true")
        time.sleep(every)
    return time.monotonic() - began


def report(what: str, figure: str) -> None:
    print(f"{what:<64}{figure:>20}", flush=True)


def measure_holding(guests: int, *, digital_first: bool = False) -> None:
    with scene(digital_first=digital_first) as it:
        it.ask_for_guests(guests)
        keeper = it.start_keeper()
        took = seconds_until(lambda: it.sockets_open() == guests)
        report(f"{guests} guests created and open within", f"{took:.0f} s")
        time.sleep(20)
        began, used = time.monotonic(), cpu_s(keeper.pid)
        time.sleep(IDLE_S)
        idle = 100 * (cpu_s(keeper.pid) - used) / (time.monotonic() - began)
        report(f"idle CPU with {guests} guests, records and queue included", f"{idle:.2f} % of a core")
        report("resident memory", f"{resident_mb(keeper.pid):.0f} MB")
        measure_mass_drop(it, keeper, guests)
        report("resident memory after it", f"{resident_mb(keeper.pid):.0f} MB")


def measure_mass_drop(it: Scene, keeper: KeeperProcess, guests: int) -> None:
    used, asked = cpu_s(keeper.pid), it.calls()
    it.sockets.ask("drop")
    took = seconds_until(lambda: it.sockets_open() == guests)
    opened = json.loads(it.sockets.ask("openings"))
    report(f"{guests} sockets dropped at once, all open again within", f"{took:.0f} s")
    most = max(sum(opened[second : second + WINDOW_S]) for second in range(len(opened))) / WINDOW_S
    report(f"most openings a second, in any {WINDOW_S} s (set: {OPENINGS_PER_SECOND})", f"{most:.0f}")
    seconds_until(lambda: sum(it.open_by_keeper().values()) == guests)
    time.sleep(SETTLE_S)
    report("CPU for it, records and frames to visitors included", f"{cpu_s(keeper.pid) - used:.1f} s")
    calls = it.calls() - asked
    report("records written; frames posted", f"{calls['UpdateItem']}; {calls['PostToConnection']}")


def measure_takeover(guests: int, how: signal.Signals) -> None:
    with scene() as it:
        it.ask_for_guests(guests)
        first = it.start_keeper()
        first_holds_all = lambda: list(it.open_by_keeper().values()) == [guests]  # noqa: E731
        seconds_until(first_holds_all)
        before = set(it.open_by_keeper())
        it.start_keeper()
        time.sleep(3)
        first.signal(how)
        taken = lambda: it.open_by_keeper().keys().isdisjoint(before) and it.sockets_open() == guests  # noqa: E731
        took = seconds_until(taken)
        report(f"{guests} guests taken over by one other task after {how.name}", f"{took:.1f} s")


def main(arguments: Sequence[str] = ()) -> None:
    guests = int(arguments[0]) if arguments else 5000
    taken_over = int(arguments[1]) if len(arguments) > 1 else 1000
    measure_holding(guests)
    measure_takeover(taken_over, signal.SIGTERM)
    measure_takeover(taken_over, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
