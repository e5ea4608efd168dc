"""A visitor who comes, is greeted, has a guest opened, and goes: what is paid for it, whatever is typed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache, partial

from typing_relay.relay import flows
from typing_relay.relay import session_writes as write
from typing_relay.relay.burst import GuestStatus, Policy
from typing_relay.relay.effects import AskForGuest
from typing_relay.relay.runner import Runner, handled_by

from tests.cost.log_lines import CONNECTION, GUEST, ID, NOW
from tests.cost.model import Model, memory_mb
from tests.cost.played import CLAIM, KEEPER, SOCKET_URL, Relay
from tests.cost.prices import dollars
from tests.cost.report import table

#: A first handshake's write finds no record, and makes one: two units that are no update of it.
FIRST_WRITES = 2
#: Put in, received, deleted.
QUEUE_REQUESTS = 3
#: The handshake; hello and welcome; that the guest is open.
MESSAGES = 4
#: "connected", "hello", "disconnected", and the keeper's "guest created", each with what CloudWatch adds.
LINES, LINE_BYTES = 4, 240
TOKEN_S = 7200


class Visit(Relay):
    """From the handshake until the guest is let go."""

    def __init__(self) -> None:
        super().__init__(Policy(), Model())

    def _open_guest(self) -> None:
        self.sessions.create(ID, NOW, NOW // 1000 + self.policy.session_ttl_s)

    def _runner(self) -> Runner:
        known = super()._runner()
        return Runner(
            self.sessions, known.clock, dict([*known.handlers.items(), handled_by(AskForGuest, lambda due: None)])
        )

    def all_of_it(self) -> Counter[str]:
        """Each step when the one before is over."""
        ends = NOW // 1000 + TOKEN_S
        self.later(0, partial(self.invoke, "Authorizer", self._let_in(), lambda _: None))
        coming = flows.connected(self.policy, ID, CONNECTION, ends, wants_guest=False)
        self.later(10, partial(self.invoke, "Connection", coming, lambda _: None))
        self.later(200, partial(self.invoke, "Keystroke", flows.greeted(self.policy, ID, CONNECTION, ends), self._hold))
        going = flows.disconnected(self.policy, ID, CONNECTION, NOW + 600_000)
        self.later(600_000, partial(self.invoke, "Connection", going, lambda _: None))
        self.later(700_000, lambda: self._store(write.ReleaseGuest(ID, KEEPER, whatever_is_shown=False)))
        self.play(())
        return self.counts

    def _let_in(self) -> flows.Flow[None]:
        """The token is checked; nothing is asked of AWS."""
        return
        yield

    def _hold(self, _record: object) -> None:
        self._store(write.TakeGuest(ID, KEEPER, int(self.now), CLAIM))
        self._store(write.OpenGuest(ID, KEEPER, GUEST, SOCKET_URL, int(self.now)))
        self._store(write.SetGuestStatus(ID, KEEPER, GuestStatus.OPEN, begins=True))


@cache
def visit() -> Mapping[str, Mapping[str, float]]:
    """By the lines of the table, what is billed of one visit."""
    counts = Visit().all_of_it()
    functions = ("Authorizer", "Connection", "Keystroke")
    gb_s = sum(counts[f"{name} ms"] / 1000 * memory_mb(name) / 1024 for name in functions)
    return {
        "API Gateway": {"messages": MESSAGES},
        "Lambda": {"calls": sum(counts[f"{name} calls"] for name in functions), "lambda_gb_s": gb_s},
        "DynamoDB, writes": {"write_units": counts["write_units"] + FIRST_WRITES},
        "DynamoDB, reads": {"read_units": counts["read_units"]},
        "SQS": {"queue_requests": QUEUE_REQUESTS},
        "CloudWatch Logs": {"log_bytes": LINES * LINE_BYTES},
    }


def visit_table(_: object) -> str:
    """The table of docs/cost.md."""
    units = {"messages": "messages", "calls": "calls", "write_units": "write units", "read_units": "read units"}
    units |= {"queue_requests": "requests", "log_bytes": "bytes"}
    rows = []
    for what, line in visit().items():
        of = ", ".join(f"{count:.0f} {units[name]}" for name, count in line.items() if name in units)
        rows.append([what, of, f"{1000 * dollars(dict(line)):.4f}"])
    all_of_it = dict(sum((Counter(line) for line in visit().values()), Counter()))
    rows.append(["**sum**", "", f"**{1000 * dollars(all_of_it):.4f}**"])
    return table(["1,000 visits", "of one visit", "$"], rows)
