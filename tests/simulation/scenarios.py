"""The short histories that the explorer goes through completely."""

from __future__ import annotations

from tests.simulation.explorer import Scenario
from tests.simulation.history import Act, Fault, Turn

# Pressed one after the other, all arriving at once.
KEY = Act("key", "A", 0, late=9)
OTHER_KEY = Act("key", "B", 1, late=8)
STOP = Act("stop", "A", 2, late=7)
LAST_KEY = Act("key", "A", 3, late=6)
HELD_KEY = Act("key", "A", 0, late=9, hold=6_000)
#: Said by the client when its debounce is over; the next key follows at once.
HELD_STOP, HELD_AGAIN = Act("stop", "A", 2_000, late=9), Act("key", "A", 2_003, late=6, hold=6_000)
CRASHES = {kind: (Fault("crash"), Fault("crash-after")) for kind in ("step", "start", "lock")}
DUPLICATES = {
    "step": (Fault("fork"), Fault("again")),
    "start": (Fault("twice"), Fault("refuse-after")),
    "lock": (Fault("fork"), Fault("again")),
    "wait": (Fault("twice"),),
}
LOSSES = {"start": (Fault("refuse"), Fault("vanish")), "wait": (Fault("lost"),), "call": (Fault("orphan"),)}
ANSWERS = {
    "call": (
        *(Fault("throttled", 0), Fault("throttled", 9_000), Fault("failed"), Fault("failed-taken")),
        *(Fault("lost"), Fault("lost-untaken"), Fault("over"), Fault("unavailable"), Fault("denied"), Fault("orphan")),
    ),
    "lock": (Fault("hold", 900), Fault("hold", 1_100), Fault("hold", 8_000)),
}
NEVER, ONCE, TWICE = (), (True, False), (True, False, True, False)

#: Explored for each mutation too.
SMALL = (
    Scenario("a key, nothing goes wrong", (KEY,), seen=frozenset({ONCE})),
    Scenario("the same key twice", (KEY, KEY), seen=frozenset({ONCE})),
    Scenario("a key and a stop at once", (KEY, STOP), seen=frozenset({NEVER, ONCE})),
    Scenario("keys in two tabs, one stops", (KEY, OTHER_KEY, STOP), seen=frozenset({ONCE, TWICE})),
    Scenario("a key while the false is on its way", (KEY, Act("key", "A", 2_109)), seen=frozenset({TWICE})),
    Scenario("a stop, and a key of its tab after it", (KEY, STOP, LAST_KEY), seen=frozenset({ONCE, TWICE})),
    Scenario("a held key and its stop", (HELD_KEY, HELD_STOP), seen=frozenset({ONCE})),
    Scenario("a held key and a stop at once", (HELD_KEY, STOP), seen=frozenset({NEVER, ONCE})),
    Scenario("a held key, its stop and the next at once", (HELD_KEY, HELD_STOP, HELD_AGAIN), seen=frozenset({TWICE})),
    Scenario("a held key whose visitor vanished", (HELD_KEY,), seen=frozenset({ONCE})),
    Scenario("a plain tab and a held one that stops", (OTHER_KEY, HELD_KEY, HELD_STOP), seen=frozenset({ONCE, TWICE})),
    Scenario("a key and a stop, and a process dies", (KEY, STOP), faults=CRASHES, most_faults=1),
    Scenario("a key, and two processes die", (KEY,), faults=CRASHES, most_faults=2),
    Scenario("a key, and its guest ends", (KEY,), turns=(Turn("cxone ends", 9),), delays=1),
    Scenario("a key, and CXone forgets it", (KEY, Act("key", "A", 1_900)), turns=(Turn("cxone forgets", 1_000),)),
)
LARGE = (
    Scenario("a key and a stop, one may be late", (KEY, STOP), delays=1),
    Scenario("a key, and everything may be late", (KEY,), delays=2),
    Scenario("a key, and a process dies, and one is late", (KEY,), faults=CRASHES, most_faults=1, delays=1),
    Scenario("a held key and its stop, and a process dies", (HELD_KEY, HELD_STOP), faults=CRASHES, most_faults=1),
    Scenario("a held key, its stop may be late", (HELD_KEY, HELD_STOP, HELD_AGAIN), delays=1),
    Scenario("a held key, and an execution is lost", (HELD_KEY,), faults=LOSSES, most_faults=2),
    Scenario("a key, and an execution is lost", (KEY,), faults=LOSSES, most_faults=2, delays=1),
    Scenario("a key, and things happen twice", (KEY,), faults=DUPLICATES, most_faults=1, delays=1),
    Scenario("a key and a stop, and things happen twice", (KEY, STOP), faults=DUPLICATES, most_faults=1),
    Scenario("a key, and CXone misbehaves twice", (KEY,), faults=ANSWERS, most_faults=2),
    Scenario("a key and a stop, and CXone misbehaves", (KEY, STOP), faults=ANSWERS, most_faults=1),
    Scenario("a key, and CXone answers late", (KEY,), faults=ANSWERS, most_faults=1, delays=1),
    Scenario("a key, and its guest is replaced", (KEY,), turns=(Turn("keeper replaces", 9),), delays=1),
)
SCENARIOS = SMALL + LARGE
