"""Random histories of visitors who send any frames in any order, as fast as the door lets them (T17, T18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.simulation.generate import RETRY_AFTERS, with_faults
from tests.simulation.history import Act, Fault, History, Turn

#: Gaps between frames: at the door's sustained rate, all at once, and slower.
GAPS = (0, 5, 20, 50, 50, 50, 100, 200, 400, 700)
#: Frames of one flurry, and how long after it the last word may come.
LENGTHS = (8, 20, 40, 80)
REST_MS = (0, 150, 400, 900, 2_100)
HOLDS = (0, 0, 0, 2_100, 6_000)
KINDS = ("key stop", "key stop", "key stop stop", "key close", "key stop open close")
#: On Digital-First also messages, as many at once and then each so long as a visitor has a budget for.
DFO_KINDS = (*KINDS, "key stop message", "key message")
MESSAGES_AT_ONCE, MESSAGE_EVERY_MS = 10, 500
#: While DynamoDB throttles, this many of a stretch of steps are turned away: the frame is dropped where it stands.
THROTTLED_STEPS, THROTTLED = 200, (3, 10, 40)
AWAY = (300, 1_100, 2_500)
#: How long a new guest's socket takes to open.
OPENINGS = (0, 900, 2_500, 6_000)
#: At most this many starts of owners, and posts to front ends, in a row are refused.
STARTS, POSTS = 12, 60


def random_adversary(random: Random) -> History:
    """One history, of either platform: flurries, then a last word; in half of them CXone, or the store, refuses."""
    is_dfo = random.random() < 0.2
    acts = list(_flurries(random, DFO_KINDS if is_dfo else KINDS))
    history = History(
        dfo=is_dfo,
        acts=tuple(acts),
        pace=random.choice((1, 3, 5, 8)),
        sweep=random.randrange(4_000),
        skew=random.choice((0, 0, 0, 30)),
    )
    if not is_dfo and random.random() < 0.2:  # who has only just come types before there is a guest
        coming = tuple(Act("open", tab, 0) for tab in sorted({act.tab for act in acts}))
        opening = random.choice(OPENINGS)
        history = replace(history, guest=False, opening=opening, acts=(*coming, *history.acts))
    return _troubled(history, random) if random.random() < 0.5 else history


def _troubled(history: History, random: Random) -> History:
    """CXone asks to wait or fails, AWS refuses starts and posts, the store turns steps away: one of them, or two."""
    kinds = ("starts", "posts", "store", "frames") if history.dfo else ("starts", "calls", "calls", "store")
    kinds = (
        kinds[:3] if history.opening else kinds
    )  # a keeper that dies, and whose socket is slow, takes longer than T4
    faults: dict[str, dict[int, Fault]] = {}
    for kind in {random.choice(kinds), random.choice(kinds)}:
        match kind:
            case "calls":
                faults["call"] = {random.randint(1, 8): _refused_call(random) for _ in range(3)}
            case "starts":
                faults["start"] = _stretch(random, 1, ("refuse", "refuse", "refuse-after", "stall"), STARTS)
            case "posts":
                faults["post"] = _stretch(random, random.randint(1, 40), ("refuse", "refuse-after", "slow"), POSTS)
            case "frames":
                faults["frame"] = {
                    random.randint(1, 12): Fault(random.choice(("error", "slow")), 900) for _ in range(2)
                }
            case "store" if not history.dfo:
                first = random.randint(1, 3 * len(history.acts))
                times = range(random.choice(THROTTLED))
                faults["step"] = {first + random.randrange(THROTTLED_STEPS): Fault("crash") for _ in times}
            case "store":
                at = random.randrange(history.acts[-1].at + 500)
                history = replace(history, turns=(Turn("store refuses", at, random.choice(AWAY)),))
    if history.dfo and random.random() < 0.3:
        turn = Turn("posts refuse", random.randrange(history.acts[-1].at + 500), random.choice(AWAY))
        history = replace(history, turns=(*history.turns, turn))
    return with_faults(history, faults)


def _refused_call(random: Random) -> Fault:
    kind = random.choice(("throttled", "throttled", "failed", "failed-taken"))
    return Fault(kind, random.choice(RETRY_AFTERS)) if kind == "throttled" else Fault(kind)


def _stretch(random: Random, first: int, kinds: tuple[str, ...], most: int) -> dict[int, Fault]:
    """AWS refuses for a while: most of this many in a row, or all."""
    share = random.choice((0.5, 1))
    numbers = [number for number in range(first, first + random.randint(1, most)) if random.random() < share]
    chosen = ((number, random.choice(kinds)) for number in numbers)
    return {number: Fault(kind, 900 if kind in ("stall", "slow") else 0) for number, kind in chosen}


def _flurries(random: Random, all_kinds: tuple[str, ...]) -> Iterator[Act]:
    at, hold = random.randrange(500), random.choice(HOLDS)  # different holds in one tab: see what is not promised
    messages = 0
    for _ in range(random.choice((1, 1, 2))):
        gap = random.choice(GAPS)
        tabs, kinds = random.choice(("A", "A", "AB", "ABC")), random.choice(all_kinds)
        alternates = random.random() < 0.5
        for number in range(random.choice(LENGTHS)):
            words = kinds.split()
            kind = words[number % len(words)] if alternates else random.choice(words)
            yield Act(kind, random.choice(tabs), at, hold=hold if kind == "key" else 0)
            messages += kind == "message"
            waits = kind == "message" and messages > MESSAGES_AT_ONCE
            at += MESSAGE_EVERY_MS if waits else gap if random.random() < 0.9 else random.choice(GAPS)
        at += random.choice(REST_MS)
        last = Act(random.choice(("key", "stop")), random.choice(tabs), at)
        yield replace(last, hold=hold if last.kind == "key" else 0)
        at += random.choice((100, 2_500, 9_000))
