"""A history: what visitors, CXone and AWS do to the relay, as data that reads, shrinks and replays.

Written as one line, parts separated by ``;``. Times are ms since the beginning, delays ms::

    key A 0; key B 300 late=40 twice=15; stop A 900; close B 950       what visitors do, each in a tab
    key A 0 hold=6000; stop A 5000                                     a key that counts until its stop, or this long
    cxone forgets 3000; cxone ends 3000; cxone pauses 3000 5000        what CXone does on its own
    keeper replaces 3000; visitor leaves 4000                          what the guest's keeper does
    step 12 crash; step 14 stall 1500; step 15 again 900               what happens to the 12th, 14th, 15th effect
    call 2 throttled 5000; call 3 lost 900                             how CXone answers the 2nd, 3rd call
    call 4 late 5800; call 5 late 9000                                 how long connecting took, and so when they left
    start 1 vanish; wait 1 lost; wait 2 twice                          what becomes of executions and their waits
    guest none; keepers none; sweep 3000; pace 8; cap 9000             the surroundings
    lag 900; look 200; skew 40; debounce 3000; token 70000             stale reads, looks, clocks apart, timings
    opening 900                                                        how long a new guest's socket takes to open

On the other platform, Digital-First, keepers own bursts and there are frames to its gateway in place of calls::

    platform dfo; contact none; channel messaging                      which gateway; whether agents see a contact
    sessions legacy                                                    each socket is authorized by its first frame
    page 1; page 3; token 70000                                        pages sign in; each third token is refused
    page 1; code 40000; shapes 512                                     by codes; what each brings lives this long
    message A 900                                                      a visitor sends a message
    contact closes 3000; agent types 800; gateway refuses 3000 5000    what agents and the gateway do on their own
    agent writes 800; agent stops 900                                  what the visitor is to be told
    visitor ends 800; visitor asks 900; visitor scrolls 990            what the visitor asks of the conversation
    agent vanishes 800; agent changes 900                              typing ends without a word; another takes over
    keeper dies 3000; keeper loses 3000; keeper stalls 3000 9000       what becomes of the keeper that holds the visitor
    keeper loses 3000 1                                                the same, and SQS never tells it
    address refused 3000 5000                                          no token is given to the relay's address
    store refuses 3000 5000; step 9 refuse-after                       the store of a keeper fails
    frame 3 ghost 900; frame 4 cut; frame 5 mute                       what becomes of the 3rd, 4th, 5th frame out
    shapes 5                                                           in which of the known ways the gateway speaks
    post 2 refuse; post 3 slow 900; posts refuse 3000 5000             what becomes of frames to the visitor
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from typing_relay.platforms.registry import FOLDERS

T = TypeVar("T")

#: Visitors' acts: a key, a stop frame, a tab that connects or goes.
ACTS = ("key", "stop", "open", "close", "message")
#: (actor, what it does).
TURNS = ("cxone forgets", "cxone ends", "cxone pauses", "keeper replaces", "visitor leaves")
DFO_TURNS = (
    *(
        "contact opens",
        "contact closes",
        "agent types",
        "agent stops",
        "agent writes",
        "agent vanishes",
        "agent changes",
    ),
    *("gateway drops", "gateway refuses", "store refuses", "posts refuse"),
    *("keeper dies", "keeper stalls", "keeper loses", "keeper again", "keeper rotates", "keeper drains"),
)
#: For a while the gateway gives the relay's address no token.
ADDRESS_TURNS = ("address refused",)
#: What a visitor asks of the conversation: its end, the newest messages, those before.
VISITOR_TURNS = ("visitor ends", "visitor asks", "visitor scrolls")
#: And what is not drawn: nothing is shown or delivered by it, or for its time.
DIRECTED_TURNS = ("visitor mails", "nobody there")
#: What may happen to a process at one of its effects. ``again``: the answer is lost, and this much later the client, by
#: itself, makes the same request again; ``hold``: the answer comes this much later.
STEP_FAULTS = ("crash", "crash-after", "again", "stall", "hold", "fork")
#: Starting an execution: not started and said so; started though an error came back; started and never run; run twice.
START_FAULTS = ("crash", "crash-after", "refuse", "refuse-after", "vanish", "twice", "stall")
CALL_FAULTS = (
    "throttled",
    "failed",
    "failed-taken",
    "lost",
    "lost-untaken",
    "over",
    "unavailable",
    "denied",
    "slow",
    "orphan",
    "late",
)
WAIT_FAULTS = ("lost", "twice", "stall")
FAULTS = {"step": STEP_FAULTS, "call": CALL_FAULTS, "start": START_FAULTS, "wait": WAIT_FAULTS}
#: A frame is taken this much later; it and those under way are lost with their socket; the socket is lost, and yet it
#: is taken this much later; from it on nothing is taken or answered; an error answers it; it is taken and not answered;
#: its answer has to be fetched; API Gateway says that it lost a frame, which was not taken, or was; its answer has to
#: be fetched and is not there.
FRAME_FAULTS = (
    "slow",
    "cut",
    "ghost",
    "mute",
    "error",
    "unanswered",
    "elsewhere",
    "dropped",
    "dropped-taken",
    "nowhere",
)
#: A store's call fails, not done or done all the same; the whole keeper stalls between a call and its answer.
DFO_STEP_FAULTS = (*STEP_FAULTS[:-1], "refuse", "refuse-after", "freeze")
#: Of what a keeper does to tell visitors: reads of the record, posts, notes. A post may arrive this much later.
POST_FAULTS = (*(kind for kind in DFO_STEP_FAULTS if kind != "again"), "slow")
DFO_FAULTS = {"step": DFO_STEP_FAULTS, "start": START_FAULTS, "frame": FRAME_FAULTS, "post": POST_FAULTS}
KNOWN = {**FAULTS, **DFO_FAULTS, "step": (*STEP_FAULTS, *DFO_STEP_FAULTS[-3:])}
#: The client's own retries may make a history later than one without faults by this much, and it is judged all the
#: same.
RETRIED_MS = 900
#: A frame this late counts as on time: with what its Lambda takes it stays below the policy's slack.
LATE_MS = 60


#: What of the surroundings is a number.
NUMBERS = ("sweep", "pace", "cap", "debounce", "lag", "look", "skew", "token", "shapes", "opening", "page", "code")


@dataclass(frozen=True, slots=True)
class Act:
    """A visitor's act in a tab at ``at``, delivered ``late`` ms after and, if ``twice``, this much later once more."""

    kind: str
    tab: str
    at: int
    late: int = 0
    twice: int = 0
    #: A key may ask to count for this long.
    hold: int = 0

    def __str__(self) -> str:
        known = (("late", self.late), ("twice", self.twice), ("hold", self.hold))
        options = "".join(f" {name}={ms}" for name, ms in known if ms)
        return f"{self.kind} {self.tab} {self.at}{options}"


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that CXone or a keeper does on its own at ``at``; ``ms`` where it lasts."""

    kind: str
    at: int
    ms: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.at}" + (f" {self.ms}" if self.ms else "")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong; ``ms`` where it has a length."""

    kind: str
    ms: int = 0

    def __str__(self) -> str:
        return self.kind + (f" {self.ms}" if self.ms else "")


@dataclass(frozen=True)
class History:
    """Everything that is not the relay's own doing. Faults are numbered by effect, CXone call and wait."""

    acts: tuple[Act, ...] = ()
    turns: tuple[Turn, ...] = ()
    steps: Mapping[int, Fault] = field(default_factory=dict)
    calls: Mapping[int, Fault] = field(default_factory=dict)
    starts: Mapping[int, Fault] = field(default_factory=dict)
    waits: Mapping[int, Fault] = field(default_factory=dict)
    frames: Mapping[int, Fault] = field(default_factory=dict)
    posts: Mapping[int, Fault] = field(default_factory=dict)
    #: Digital-First, not a platform that is told by calls; whether agents see a contact at the beginning, and the
    #: channel's kind.
    dfo: bool = False
    contact: bool = True
    livechat: bool = True
    legacy: bool = False
    #: Else which one, by its name in the registry.
    told_by_calls: str = "v1"
    #: Whether a guest is open at the beginning; else no record exists.
    guest: bool = True
    #: Whether keepers live, and look every few seconds for bursts whose owner died; else the scheduled sweeper does.
    keepers: bool = True
    #: When they first look, or the sweeper first comes.
    sweep: int = 4_000
    #: How long a store's step takes; a CXone call eight times that.
    pace: int = 5
    #: The typing cap of the policy, and its debounce.
    cap: int = 600_000
    debounce: int = 2_000
    #: Every second read that need not be consistent, of an index or of many records, is this old.
    lag: int = 0
    #: How often a Digital-First keeper looks at its records.
    look: int = 30_000
    #: How long the gateway's access tokens are good for.
    token: int = 3_600_000
    #: A page signs the visitor in; 0: the relay does. From 2 on, every n-th token that it hands over is refused.
    page: int = 0
    #: It hands over a third party's codes: how long that one's own tokens are good for. 0: CXone's tokens.
    code: int = 0
    #: The clock of every second function is ahead by this much.
    skew: int = 0
    #: How long a new guest's socket takes to open.
    opening: int = 0
    #: In which of the ways that clients of NICE's take the gateway speaks: a sum of ``gateway.Shape``.
    shapes: int = 0

    @property
    def platform(self) -> str:
        """By its name in the registry."""
        return "dfo" if self.dfo else self.told_by_calls

    def __str__(self) -> str:
        parts = [f"platform {self.platform}"] if self.platform != "v1" else []
        parts += ["channel messaging"] if not self.livechat else []
        parts += ["sessions legacy"] if self.legacy else []
        parts += [str(part) for part in (*self.acts, *self.turns)]
        for name in KNOWN:
            parts += [f"{name} {number} {fault}" for number, fault in sorted(self.faults(name).items())]
        default = History()
        parts += [f"{name} none" for name in ("guest", "keepers", "contact") if not getattr(self, name)]
        for name in NUMBERS:
            if getattr(self, name) != getattr(default, name):
                parts.append(f"{name} {getattr(self, name)}")
        return "; ".join(parts)

    def faults(self, name: str) -> Mapping[int, Fault]:
        """Those of steps, calls, starts, waits, frames or posts, by ``name`` in the singular."""
        found: Mapping[int, Fault] = getattr(self, name + "s")
        return found

    def only_retried_ms(self) -> int | None:
        """How much later the store's answers are in all, where the client has to retry and nothing else goes wrong.

        None: something else goes wrong, or it takes too long to be a trifle.
        """
        again = [fault for fault in self.steps.values() if fault.kind == "again"]
        rest = replace(self, steps={})
        if len(again) < len(self.steps) or not rest.is_fault_free() or (again and self.has_codes()):
            return None  # what is good once is not sent again: the page is asked for another
        ms = sum(fault.ms for fault in again)
        return ms if ms <= RETRIED_MS else None

    def has_codes(self) -> bool:
        """The page hands over codes."""
        return self.page > 0 and self.code > 0

    def kills_nobody(self) -> bool:
        """No process dies or stalls, at no step and in no call: each of them comes to its end."""
        faults = [*self.steps.values(), *self.starts.values()]
        calls_end = all(fault.kind != "orphan" for fault in self.calls.values())
        return calls_end and all(fault.kind in ("again", "twice") for fault in faults)

    def only_ends(self) -> bool:
        """Nothing goes wrong and nobody does anything on their own, but that the visitor ends the conversation."""
        are_ends = all(turn.kind == "visitor ends" for turn in self.turns)
        return self.guest and are_ends and replace(self, turns=()).is_fault_free()

    def is_fault_free(self) -> bool:
        """Nothing goes wrong; frames and executions may still come twice, and frames a little late (T12)."""
        faults = [fault for name in KNOWN for fault in self.faults(name).values()]
        in_time = all(act.late <= LATE_MS for act in self.acts)
        uncapped = self.cap == History.cap and (self.page <= 1 or not self.has_codes())
        return in_time and uncapped and not self.turns and all(fault.kind == "twice" for fault in faults)


def parse(text: str) -> History:
    """Read a history back. Raises ValueError naming the part that makes no sense."""
    return read_parts(text, History(), _with_part)


def read_parts(text: str, history: T, with_part: Callable[[T, list[str]], T]) -> T:
    """Add each part of ``text`` to ``history`` by its words. Raises ValueError naming the part that makes no sense."""
    for part in text.replace("\n", ";").split(";"):
        words = part.split()
        if words:
            try:
                history = with_part(history, words)
            except (IndexError, KeyError, ValueError) as error:
                raise ValueError(f"Cannot read {part.strip()!r} in a history: {error!r}.") from error
    return history


def _with_part(history: History, words: list[str]) -> History:
    first = words[0]
    if first in ACTS:
        options = {name: int(ms) for name, ms in (word.split("=") for word in words[3:])}
        return replace(history, acts=(*history.acts, Act(first, words[1], int(words[2]), **options)))
    if first == "platform":
        if words[1] not in FOLDERS:
            raise ValueError(" or ".join(FOLDERS))
        return replace(history, dfo=True) if words[1] == "dfo" else replace(history, told_by_calls=words[1])
    if first == "channel":
        return replace(history, livechat=_either(words[1], "livechat", "messaging"))
    if first == "sessions":
        return replace(history, legacy=_either(words[1], "legacy", "secured"))
    if first in KNOWN:
        faults = {**history.faults(first), int(words[1]): _fault(first, words[2:])}
        return replace(history, **{first + "s": faults})
    if first in ("guest", "keepers", "contact") and words[1] == "none":
        return replace(history, **{first: False})
    if first in NUMBERS:
        return replace(history, **{first: int(words[1])})
    kind = " ".join(words[:2])
    if kind not in (*TURNS, *DFO_TURNS, *ADDRESS_TURNS, *VISITOR_TURNS, *DIRECTED_TURNS):
        raise ValueError("no such part")
    return replace(history, turns=(*history.turns, Turn(kind, int(words[2]), *map(int, words[3:]))))


def _either(word: str, yes: str, no: str) -> bool:
    if word not in (yes, no):
        raise ValueError(f"{yes} or {no}")
    return word == yes


def _fault(where: str, words: list[str]) -> Fault:
    if words[0] not in KNOWN[where]:
        raise ValueError(f"a {where} knows {', '.join(KNOWN[where])}")
    return Fault(words[0], *map(int, words[1:]))
