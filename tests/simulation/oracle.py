"""What agents should see in a fault-free history, told from the acts alone (T1, T2, T9, T10, T12)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from typing_relay.relay.burst import Policy
from typing_relay.relay.effects import Latency
from typing_relay.relay.outcomes import Kind

from tests.simulation.bounds import (
    START_EVERY_MS,
    STARTS_AT_ONCE,
    TRUE_AGAIN_MS,
    TRUE_EVERY_MS,
    TRUES_AT_ONCE,
    are_too_many,
    were_ever_too_many,
)
from tests.simulation.cxone import Call
from tests.simulation.history import FAULTS, LATE_MS, Act, History
from tests.simulation.invariants import Violated
from tests.simulation.world import SCHEDULE_MS, START, World

#: Two stretches of typing less than this apart may be seen as one, and one as short may go unseen: signals take time.
BLUR_MS = 500
#: A call leaves no later than this after it was decided.
CALL_LEAVES_MS = 50
#: A pause that is no longer than this beyond the debounce may go unseen, if keys follow at once.
GLUED_MS = Policy().arrival_slack_ms
#: T2: a true after its first key, a false after the last one, a false after a stop.
TRUE_WITHIN_MS, FALSE_AFTER_MS, FALSE_WITHIN_MS, STOP_WITHIN_MS = 300, 2_000, 2_300, 500
#: Typing for this much longer than the debounce is shown in any case, however closely it follows what went before.
LONG_MS = 700
#: What the objectives allow: of a true from its first key, of a false from its last key beyond the debounce.
OBJECTIVE_MS = 1_000
#: A message ends the typing of other tabs, too; this long after it, it is shown again.
DARK_MS = 1_500
#: What ends the typing of its tab.
STOPS = ("stop", "close", "message")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Typing from the first key to its end: the debounce or the hold after the last one, or a stop."""

    begins: int
    ends: int
    by_stop: bool
    #: A key of it was held, so that it may have been parked.
    held: bool = False


def stretches(history: History, debounce_ms: int) -> list[Stretch]:
    """When the visitor types in any tab, in order."""
    stops = [(act.tab, act.at) for act in history.acts if act.kind in STOPS]
    found: list[Stretch] = []
    keys = sorted((act for act in history.acts if act.kind == "key"), key=lambda act: act.at)
    for key, ends in zip(keys, _ends(keys, debounce_ms), strict=True):
        stop = min((at for tab, at in stops if tab == key.tab and at >= key.at), default=ends)
        mine = Stretch(key.at, min(stop, ends), stop < ends, key.hold > debounce_ms)
        if found and mine.begins < found[-1].ends:
            last = found.pop()
            later = max(last, mine, key=lambda stretch: stretch.ends)
            mine = Stretch(last.begins, later.ends, later.by_stop, last.held or mine.held)
        found.append(mine)
    return found


def _ends(keys: list[Act], debounce_ms: int) -> list[int]:
    """Until when each key counts: a newer one of its tab decides anew, though it may ask for less."""
    ends, after = [0] * len(keys), dict[str, tuple[int, int]]()
    for number, key in reversed(list(enumerate(keys))):
        mine = key.at + max(debounce_ms, key.hold)
        next_at, next_ends = after.get(key.tab, (mine, mine))
        ends[number] = min(mine, next_ends) if next_at < mine else mine
        after[key.tab] = (key.at, ends[number])
    return ends


@dataclass(frozen=True, slots=True)
class Witness:
    """What is judged of a world: what agents saw, what was sent and what was measured, from a time on.

    ``slack_ms``: how much later all may be, as the client had to retry. ``after_trouble``: what is shown need not be
    known, and is asked for or said once more.
    """

    seen: list[tuple[int, bool]]
    calls: list[Call]
    posts: list[Call]
    felt: list[tuple[str, int, int]]
    policy: Policy
    slack_ms: int = 0
    after_trouble: bool = False
    #: How far functions' clocks are apart.
    skew_ms: int = 0
    #: Calls that were not accepted.
    refused: Sequence[tuple[int, Kind]] = ()
    #: When guests began whom typing can be shown to: what was pressed before counts from then.
    opened: Sequence[int] = ()
    #: When owners claimed.
    claimed: Sequence[int] = ()
    #: When it was noted that a contact is open.
    contacts_opened: Sequence[int] = ()
    #: When messages ended the typing: what goes on counts from there.
    ended_by_messages: Sequence[int] = ()
    #: How much later a hold that nobody ends is: 0 while keepers live, as each has a timer for it.
    holds_end_late_ms: int = 0


def check(history: History, world: World, slack_ms: int = 0) -> None:
    """Raises Violated when agents saw something else."""
    watch = world.watch
    _check(
        history,
        Witness(
            *(watch.seen, watch.calls, watch.posts, world.felt, world.policy, slack_ms),
            skew_ms=world.skew,
            refused=watch.refused,
            opened=watch.opened,
            claimed=watch.claimed,
            contacts_opened=watch.contacts_opened,
            ended_by_messages=watch.ended_by_messages,
            holds_end_late_ms=_holds_end_late(history),
        ),
    )


def _holds_end_late(history: History) -> int:
    """Without a keeper the schedule finds the end of a hold (T2)."""
    return 0 if history.keepers else SCHEDULE_MS


def check_since(calm_since: int, history: History, world: World) -> None:
    """The same for what was done after ``calm_since``, when all trouble was over and nothing was shown."""
    acts = tuple(act for act in history.acts if START + act.at >= calm_since)
    before = (act for act in history.acts if START + act.at < calm_since)
    in_time = all(act.late <= LATE_MS for act in acts)
    is_apart = all(START + act.at + act.late + act.twice < calm_since for act in before)
    if not acts or not in_time or not is_apart or history.cap != History.cap:
        return
    watch = world.watch
    witness = Witness(
        [(at, value) for at, value in watch.seen if at >= calm_since],
        [call for call in watch.calls if call.began >= calm_since],
        [call for call in watch.posts if call.began >= calm_since],
        [felt for felt in world.felt if felt[2] >= calm_since],
        world.policy,
        after_trouble=calm_since > START,
        skew_ms=world.skew,
        refused=[(at, kind) for at, kind in watch.refused if at >= calm_since],
        opened=watch.opened,
        claimed=watch.claimed,
        contacts_opened=watch.contacts_opened,
        ended_by_messages=watch.ended_by_messages,
        holds_end_late_ms=_holds_end_late(history),
    )
    was_sound = calm_since > START  # else the history's own beginning counts
    guest, contact = was_sound or history.guest, was_sound or history.contact
    _check(History(acts=acts, dfo=history.dfo, debounce=history.debounce, guest=guest, contact=contact), witness)


def _check(history: History, witness: Witness) -> None:
    expected = stretches(history, witness.policy.debounce_ms)
    seen, slack = [(at - START, value) for at, value in witness.seen], witness.slack_ms
    blur = BLUR_MS + slack
    messages = [act for act in history.acts if act.kind == "message"]
    overtaking = stops_before_late_keys(history)
    ends_again = witness.after_trouble or any(act.kind in ("message", "close") for act in history.acts)
    _check_alternation(witness, history.dfo and ends_again)
    _check_objectives(witness, expected)
    if asks_for_too_much(history, expected):
        if history.guest and history.contact and not messages:
            _check_what_stands(expected, seen, slack)
        return
    if history.guest and history.contact:
        for number, stretch in enumerate(expected):
            before = expected[number - 1].ends if number else -blur
            after = expected[number + 1].begins if number + 1 < len(expected) else stretch.ends + 60_000
            overtaken = any(stretch.begins <= stop.at <= stretch.ends for stop in overtaking)
            overtaken = overtaken or any(0 < stretch.ends - message.at < DARK_MS for message in messages)
            clear = stretch.ends - stretch.begins >= blur
            if clear and stretch.begins - before >= blur and not _may_go_on(history, expected[:number], witness):
                _check_beginning(stretch, seen, slack)
            is_late = witness.holds_end_late_ms and stretch.held and not stretch.by_stop
            if clear and after - stretch.ends >= blur and not overtaken and not is_late:
                _check_end(stretch, after, seen, slack)
            if stretch.ends - stretch.begins >= witness.policy.debounce_ms + LONG_MS + slack and not overtaken:
                _check_middle(stretch, seen)
    _check_what_was_felt(history, expected, witness)
    if not any(history.faults(name) for name in FAULTS):  # of two executions each may ask
        _check_price(witness)
    trues = sum(value for _, value in seen)
    if trues > len(expected) + len(overtaking) + len(messages):
        raise Violated("T1", f"{trues} times true for {len(expected)} bursts")


def asks_for_too_much(history: History, expected: list[Stretch]) -> bool:
    """T17: typing begins and ends more often than CXone may hear; what is then shown comes a little later, or never.

    What goes on after another tab's message begins again there.
    """
    begins, stops = [stretch.begins for stretch in expected], [act.at for act in history.acts if act.kind in STOPS]
    messages = [act.at for act in history.acts if act.kind == "message"]
    again = [at for at in messages if any(stretch.begins < at < stretch.ends for stretch in expected)]
    return were_ever_too_many([*begins, *again], TRUES_AT_ONCE, TRUE_EVERY_MS) or were_ever_too_many(
        [*begins, *stops], STARTS_AT_ONCE, START_EVERY_MS
    )


def _check_what_stands(expected: list[Stretch], seen: list[tuple[int, bool]], slack: int) -> None:
    """T17: what goes on for a while the agent sees, and nothing is lost but flicker."""
    turns = [(0, False), *((at, value) for one in expected for at, value in ((one.begins, True), (one.ends, False)))]
    for (at, value), (until, _) in pairwise([*turns, (turns[-1][0] + 10_000, False)]):
        since = at + TRUE_AGAIN_MS + slack
        before = [shown for shown_at, shown in seen if shown_at <= since]
        shown = [before[-1] if before else False, *(shown for shown_at, shown in seen if since < shown_at < until)]
        if since < until and any(one != value for one in shown):
            raise Violated("T17", f"from {at} to {until} typing is {value}, but agents saw {seen}")


def stops_before_late_keys(history: History) -> list[Act]:
    """When somebody stopped while a key was still on its way: the two may arrive in either order."""
    keys = sorted(act.at for act in history.acts if act.kind == "key")
    stops = [act for act in history.acts if act.kind in STOPS]
    return [stop for stop in stops if bisect_left(keys, stop.at - LATE_MS) < bisect_right(keys, stop.at)]


def _check_alternation(witness: Witness, may_repeat: bool) -> None:
    """T1: true, false, true, false; nothing twice.

    On Digital-First a message ends the typing once more, and so does a keeper that takes a visitor who comes back.
    """
    values = [bool(call.typing) for call in witness.posts]
    if may_repeat:
        values = _without_repeated_ends(values)
    wanted = [number % 2 == 0 for number in range(len(values))]
    if values != wanted or len(values) % 2:
        raise Violated("T1", f"the POSTs are {values}")


def _without_repeated_ends(values: list[bool]) -> list[bool]:
    """An end that is said where nothing is known to be shown ends nothing."""
    return [value for value, before in zip(values, [False, *values], strict=False) if value or before]


def _check_price(witness: Witness) -> None:
    """T14: two calls, and a question for each VerifySeconds that it lasted."""
    began, asked = 0, -1 if witness.after_trouble else 0  # what a guest shows that took another's place is asked once
    for call in witness.calls:
        if call.typing is None:
            asked += 1
        elif call.typing:
            began = call.began
        elif asked > (call.began - began + witness.skew_ms) // witness.policy.verify_ms:
            raise Violated("T14", f"{asked} questions in a burst of {call.began - began} ms")
        else:
            asked = 0
    if asked > 0:
        raise Violated("T14", f"{asked} questions after the last burst")


def _may_go_on(history: History, before: list[Stretch], witness: Witness) -> bool:
    """What nobody ended in time goes on where a tab mixes plain and held keys: its record does not tell them apart."""
    was_late = bool(witness.holds_end_late_ms and before) and before[-1].held and not before[-1].by_stop
    kinds = {(act.tab, bool(act.hold)) for act in history.acts if act.kind == "key"}
    return was_late and any((tab, True) in kinds and (tab, False) in kinds for tab, _ in kinds)


def _is_late_end(at: int, expected: list[Stretch], witness: Witness) -> bool:
    """A ``false`` at ``at`` may be the end of a parked burst that only the schedule has found."""
    latest = witness.holds_end_late_ms + DARK_MS + witness.slack_ms
    ends = [one.ends for one in expected if one.held and not one.by_stop]
    return bool(witness.holds_end_late_ms) and any(0 <= at - end <= latest for end in ends)


def _check_objectives(witness: Witness, expected: list[Stretch]) -> None:
    """T18: nothing goes wrong here, so whatever visitors send, no figure is beyond what its objective allows."""
    for at, kind in witness.refused:
        raise Violated("T18", f"a call counts as {kind} at {at - START}")
    for name, ms, at in witness.felt:
        is_true = name == Latency.FIRST_KEY_TO_SHOWN
        allowed = OBJECTIVE_MS + witness.slack_ms
        allowed += 0 if is_true else witness.policy.debounce_ms
        if not is_true and _is_late_end(at - START, expected, witness):
            allowed += witness.holds_end_late_ms
        if ms > allowed:
            raise Violated("T18", f"measured: {name} {ms} at {at - START}, and the objective allows {allowed}")


def _check_what_was_felt(history: History, expected: list[Stretch], witness: Witness) -> None:
    """T2 as production measures it: one figure for each true and false, and what agents felt.

    Where a message ends the typing of all tabs, a contact opens, or a retry was overtaken, there are fewer.
    """
    may_miss = witness.slack_ms or any(act.kind == "message" for act in history.acts)
    said = [bool(call.typing) for call in witness.posts]
    if history.dfo:
        said = _without_repeated_ends(said)
    names = [Latency.FIRST_KEY_TO_SHOWN if value else Latency.LAST_KEY_TO_ENDED for value in said]
    if not may_miss and [name for name, *_ in witness.felt] != names:
        raise Violated("T2", f"the POSTs are measured as {witness.felt}")
    for name, ms, at in witness.felt:
        is_true = name == Latency.FIRST_KEY_TO_SHOWN
        felt_from = at - START - ms + (0 if is_true else witness.policy.debounce_ms)
        known = _moments(history, expected, at - START, is_true)
        if is_true:
            began = (*witness.opened, *witness.ended_by_messages, *_opened_by_messages(history, witness))
            known += [began_at - START for began_at in began if began_at <= at]
        if is_true and _was_held_back(felt_from, witness):
            continue
        late_ms = witness.holds_end_late_ms if _is_late_end(at - START, expected, witness) and not is_true else 0
        blur = BLUR_MS + witness.slack_ms + late_ms
        if not any(abs(felt_from - moment) <= blur for moment in known):
            raise Violated("T2", f"measured: {name} {ms} at {at - START}, counted from {felt_from}, not from {known}")


def _opened_by_messages(history: History, witness: Witness) -> list[int]:
    """When a message opened a contact, as soon as its visitor was signed in: no key counts there before."""
    sent = [START + act.at for act in history.acts if act.kind == "message"]
    return [opened for opened in witness.contacts_opened if any(0 <= opened - at <= DARK_MS for at in sent)]


def _was_held_back(until: int, witness: Witness) -> bool:
    """T17: a true, or an owner, just before ``until`` would have been one too many: its time counts from then."""
    trues = [call.began - START for call in witness.posts if call.typing and call.began - START < until]
    owners = [at - START for at in witness.claimed if at - START < until]
    at = until - CALL_LEAVES_MS
    too_soon = are_too_many([*trues, at], TRUES_AT_ONCE, TRUE_EVERY_MS)
    return too_soon or are_too_many([*owners, at], STARTS_AT_ONCE, START_EVERY_MS)


def _moments(history: History, expected: list[Stretch], now: int, is_true: bool) -> list[int]:
    """From when a change that was seen at ``now`` may be counted: of stretches that follow closely each will do.

    A message opens a contact and ends the typing of all tabs, and a stop may overtake a key: what goes on counts from
    there.
    """
    messages = [act for act in history.acts if act.kind == "message"]
    others = [act.at for act in (*messages, *stops_before_late_keys(history)) if 0 <= now - act.at <= DARK_MS]
    others += _stops_after_a_glued_pause(history, expected, now)
    if not is_true:
        ended = [stretch.ends for stretch in expected if stretch.ends <= now]
        return [ends for ends in ended if ended[-1] - ends <= BLUR_MS] + others
    began = [stretch for stretch in expected if stretch.begins <= now]
    found = [stretch.begins for stretch in began[-1:]]
    for before, after in zip(began[-2::-1], began[:0:-1], strict=False):
        if after.begins - before.ends >= BLUR_MS:
            break
        found.append(before.begins)
    return found + others


def _stops_after_a_glued_pause(history: History, expected: list[Stretch], now: int) -> list[int]:
    """Where keys follow a pause at once, two bursts may be seen as one until a tab's stop: that is not promised."""
    longest = GLUED_MS + 3 * history.pace  # a lock that is on its way then is refused
    glued = [after for before, after in pairwise(expected) if after.begins - before.ends <= longest]
    stops = [act.at for act in history.acts if act.kind in ("stop", "close") and act.at <= now]
    return [at for at in stops if any(stretch.begins <= at <= stretch.ends for stretch in glued)]


def _check_beginning(stretch: Stretch, seen: list[tuple[int, bool]], slack: int) -> None:
    within = TRUE_WITHIN_MS + slack
    if not any(value and stretch.begins <= at <= stretch.begins + within for at, value in seen):
        raise Violated("T2", f"typing from {stretch.begins} on is not shown within {within} ms: {seen}")


def _check_middle(stretch: Stretch, seen: list[tuple[int, bool]]) -> None:
    """T9: however it began, before it ends it is shown."""
    shown = [value for at, value in seen if at < stretch.ends]
    if not shown or not shown[-1]:
        raise Violated("T9", f"typing from {stretch.begins} to {stretch.ends} is not shown: {seen}")


def _check_end(stretch: Stretch, next_begins: int, seen: list[tuple[int, bool]], slack: int) -> None:
    within = slack + (STOP_WITHIN_MS if stretch.by_stop else FALSE_WITHIN_MS - FALSE_AFTER_MS)
    ended = max((at for at, value in seen if not value and stretch.begins <= at < next_begins), default=-1)
    if not stretch.ends <= ended <= stretch.ends + within:
        raise Violated("T2", f"typing until {stretch.ends} is shown until {ended}: {seen}")
