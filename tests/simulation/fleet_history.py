"""A fleet's history: several keepers on one queue, and visitors who come and go, as data that reads and replays.

One line, parts separated by ``;``; times are ms since the beginning, lengths ms::

    fleet v1; keepers 3; pace 5; pings 240000       the platform; keepers at first; how often front ends ping
    rest 400000                                     how long all is calm at last
    held 180000; lives 86400000                     how long a record believes its keeper, and how long it lives
    idle 15000                                      how long the guest of one who left and never typed is kept
    open alice A 0; reload alice A 900; close alice A 3000      what visitors do with their tabs
    key alice A 900; stop alice A 1500              what they type
    keeper dies 5000 1; keeper drains 5000; keeper comes 9000   what becomes of a keeper: the number chooses one that
    keeper stalls 5000 0 31000                      lives, and the last one says for how long
    queue repeats 9000; queue away 9000 0 5000      SQS hands out again what is in flight; no call of it succeeds
    store away 9000 0 5000; sockets drop 9000; sockets refused 9000 0 3000; guest ends 9000 2
    contacts open 9000                              Digital-First: agents see every visitor's thread
    step 12 crash; step 14 refuse-after; step 15 late 900       what happens to the 12th, 14th, 15th call of the store
    call 3 refuse; call 4 entry                     the 3rd call of SQS fails; one entry of the 4th call's batch does
    agent types 9000 1; agent stops 9000 1; agent writes 9000 1     what an agent does: the number chooses the visitor
    post 3 refuse; post 4 slow 900; posts away 9000 0 5000          what becomes of frames to visitors
    name 2 refuse; name 3 hold 900                  the 2nd host's addresses cannot be found, the 3rd's are late
    look 2 stale 800                                the 2nd look sees records as they stood this long before
    beside alice                                    what alice sends must change nothing for the others (neighbours.py)
    message alice A 900; seen alice A 950; bad alice A 990      there: messages; frames that are none
    capacity 25                                     the store takes this many writes of one visitor's item a second
    cxone throttles 900 0 3000; cxone fails 900 0 3000; starts refused 900 0 3000       what strikes all
    front gone 900 0 3000; front slow 900 0 3000    API Gateway knows alice's connections no more; it throttles posts
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tests.simulation.history import Fault, read_parts

ACTS = ("open", "close", "reload", "key", "stop", "message", "seen", "bad")
TURNS = (
    *("keeper dies", "keeper drains", "keeper comes", "keeper stalls"),
    *("queue repeats", "queue away", "store away"),
    *("sockets drop", "sockets refused", "guest ends", "contacts open"),
    *("agent types", "agent stops", "agent writes", "posts away"),
    *("cxone throttles", "cxone fails", "starts refused", "front gone", "front slow"),
)
#: A process dies before or after an effect; the client sends it twice, as its first answer is lost; it takes effect so
#: much later, or its answer comes this much later; it fails, not done or done.
STEP_FAULTS = ("crash", "crash-after", "again", "late", "hold", "refuse", "refuse-after")
#: The same of SQS; and one entry of a batch fails.
CALL_FAULTS = ("late", "hold", "refuse", "refuse-after", "entry")
#: What a keeper's outbox does: reads of the record, posts and notes. A post arrives this much later.
POST_FAULTS = ("crash", "crash-after", "hold", "refuse", "refuse-after", "slow")
#: A host's addresses cannot be found; their answer comes this much later.
NAME_FAULTS = ("refuse", "hold")
NUMBERS = ("keepers", "pace", "rest", "pings", "held", "lives", "idle", "capacity")
KNOWN = {
    "step": STEP_FAULTS,
    "call": CALL_FAULTS,
    "look": ("stale",),
    "post": POST_FAULTS,
    "name": NAME_FAULTS,
}


@dataclass(frozen=True, slots=True)
class FleetAct:
    """A visitor's act in a tab."""

    kind: str
    visitor: str
    tab: str
    at: int

    def __str__(self) -> str:
        return f"{self.kind} {self.visitor} {self.tab} {self.at}"


@dataclass(frozen=True, slots=True)
class FleetTurn:
    """What a keeper, AWS or CXone does; ``which`` of those there are, ``ms`` where it lasts."""

    kind: str
    at: int
    which: int = 0
    ms: int = 0

    def __str__(self) -> str:
        length = f" {self.ms}" if self.ms else ""
        return f"{self.kind} {self.at}" + (f" {self.which}{length}" if self.which or self.ms else "")


@dataclass(frozen=True)
class FleetHistory:
    """Everything that is not the relay's own doing. Faults are numbered by effect, call of SQS, look and so on."""

    dfo: bool = False
    #: Whose frames must change nothing for the others; '': nobody's are judged so.
    beside: str = ""
    keepers: int = 2
    pace: int = 3
    rest: int = 400_000
    #: How often a front end pings; by the project's own, each four minutes.
    pings: int = 60_000
    #: For this long a record believes that its guest is held; shorter than the product's, so that a history is not
    #: hours.
    held: int = 240_000
    #: The guest of a visitor who left without having typed is kept for this long; 15 s by default in the product.
    idle: int = 60_000
    #: A record lives this long after it was last heard of: a day.
    lives: int = 86_400_000
    #: The store takes this many writes of one visitor's item a second; 0: any number.
    capacity: int = 0
    acts: tuple[FleetAct, ...] = ()
    turns: tuple[FleetTurn, ...] = ()
    steps: Mapping[int, Fault] = field(default_factory=dict)
    calls: Mapping[int, Fault] = field(default_factory=dict)
    looks: Mapping[int, Fault] = field(default_factory=dict)
    posts: Mapping[int, Fault] = field(default_factory=dict)
    names: Mapping[int, Fault] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"fleet {'dfo' if self.dfo else 'v1'}", *([f"beside {self.beside}"] if self.beside else [])]
        for name in NUMBERS:
            if getattr(self, name) != getattr(FleetHistory(), name):
                parts.append(f"{name} {getattr(self, name)}")
        parts += [str(part) for part in (*self.acts, *self.turns)]
        for name in KNOWN:
            parts += [f"{name} {number} {fault}" for number, fault in sorted(self.faults(name).items())]
        return "; ".join(parts)

    def faults(self, name: str) -> Mapping[int, Fault]:
        """Those of steps, calls, looks, posts or names, by ``name`` in the singular."""
        found: Mapping[int, Fault] = getattr(self, name + "s")
        return found

    def longest_refusal_ms(self) -> int:
        """For how long CXone refuses sockets, at the longest."""
        return max((turn.ms for turn in self.turns if turn.kind == "sockets refused"), default=0)

    def smaller(self) -> Iterator[FleetHistory]:
        """The same with one part left out, or with fewer keepers."""
        for visitor in sorted({act.visitor for act in self.acts}):
            yield replace(self, acts=tuple(act for act in self.acts if act.visitor != visitor))
        for name in KNOWN:
            for number in self.faults(name):
                rest = {other: fault for other, fault in self.faults(name).items() if other != number}
                yield replace(self, **{name + "s": rest})
        for name in ("turns", "acts"):
            parts = getattr(self, name)
            for index in range(len(parts)):
                yield replace(self, **{name: parts[:index] + parts[index + 1 :]})
        if self.keepers > 1:
            yield replace(self, keepers=self.keepers - 1)
        if self.pace != FleetHistory.pace:
            yield replace(self, pace=FleetHistory.pace)


def parse(text: str) -> FleetHistory:
    """Read a history back. Raises ValueError naming the part that makes no sense."""
    return read_parts(text, FleetHistory(), _with_part)


def _with_part(history: FleetHistory, words: list[str]) -> FleetHistory:
    first, kind = words[0], " ".join(words[:2])
    if first == "fleet":
        return replace(history, dfo={"v1": False, "dfo": True}[words[1]])
    if first == "beside":
        return replace(history, beside=words[1])
    if first in NUMBERS:
        return replace(history, **{first: int(words[1])})
    if first in ACTS:
        return replace(history, acts=(*history.acts, FleetAct(first, words[1], words[2], int(words[3]))))
    if kind in TURNS:
        return replace(history, turns=(*history.turns, FleetTurn(kind, *map(int, words[2:]))))
    if words[2] not in KNOWN[first]:
        raise ValueError(f"a {first} knows {', '.join(KNOWN[first])}")
    faults = {**history.faults(first), int(words[1]): Fault(words[2], *map(int, words[3:]))}
    return replace(history, **{first + "s": faults})
