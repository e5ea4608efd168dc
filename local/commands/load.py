"""`make load`: has many visitors type as real people did, and reports latency for them and for agents.

Without URL and STACK it uses this machine's running stack. Tokens are never printed.
"""

import asyncio
import os
import resource
import secrets
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from local.commands.deployed import Deployed, UsageError, deployed, opens_contacts, session_of
from local.load.agents import Agents
from local.load.bill import prices_of
from local.load.crowd import Crowd, Target
from local.load.lost_cell import play_lost_cell
from local.load.plan import Plan
from local.load.report import Machine, progress, table
from local.load.seen import Seen
from local.load.tally import Tally
from local.load.until_over import until_over
from local.playing.recordings import recordings
from local.stack.processes import StackError, end_with_parent
from local.stack.settings import Settings, read_settings
from local.stack.stack import DEFAULT_PORT, StopRequested

USAGE = """\
make load VISITORS=50 MINUTES=2                        this machine's running stack (PORT= selects one of several)
make load STACK=name VISITORS=200 MINUTES=5            a deployment, with your AWS credentials
make load URL=wss://… VISITOR_SECRET_ARN=arn …         tokens are signed with the visitor secret
make load URL=wss://… TOKENS=file …                    tokens from your own server, one per line, one for each visitor
make load CELLS=2 VISITORS=20 MINUTES=1                stacks of its own on this machine as cells, one of which is lost
also: A_SECOND=10 (new connections per second), ORIGIN=https://shop.example (where AllowedOrigins is set),
CONTACTS=1 or 0 (Digital-First: each visitor opens a contact by a message, which agents get; default: 1 on this machine,
else 0), YES=1 (confirms more than 500 visitors)"""
ASK_ABOVE = 500
MOST_VISITORS, MOST_MINUTES, MOST_A_SECOND, MOST_CELLS = 5000, 100, 100, 4
#: Tokens are valid this much longer than the load.
_SPARE_S = 300


def main() -> int:
    """0: no errors; 1: there were errors; 2: wrong usage; 128 and more: stopped by that signal."""
    try:
        plan = plan_of(os.environ)
        _must_be_meant(plan, os.environ)
        if os.environ.get("CELLS"):
            return _lose_a_cell(plan, os.environ)
        place = deployed(os.environ, own="TOKENS")
        plan = replace(plan, opens_contacts=opens_contacts(os.environ, place))
        target = target_of(os.environ, place, plan)
    except UsageError as error:
        print(f"error: {error}\n\n{USAGE}", file=sys.stderr)
        return 2
    return _play(plan, place, target)


def _lose_a_cell(plan: Plan, given: Mapping[str, str]) -> int:
    cells, settings = cells_of(given, plan)
    try:
        return play_lost_cell(replace(plan, opens_contacts=settings.platform == "dfo"), settings, cells)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
    except StopRequested:
        print("\nStopped.")
    return 1


def cells_of(given: Mapping[str, str], plan: Plan) -> tuple[int, Settings]:
    """How many cells, and how each is started. Raises UsageError."""
    cells = int(_number(given, "CELLS", 2, 2, MOST_CELLS, whole=True))
    if others := [name for name in ("STACK", "URL", "TOKENS", "PORT") if given.get(name)]:
        raise UsageError(f"CELLS starts stacks of its own on this machine: without {' and '.join(others)}")
    if plan.visitors < 2 * cells:
        raise UsageError(f"{cells} cells need {2 * cells} VISITORS or more, not {plan.visitors}")
    try:
        settings = read_settings(given, DEFAULT_PORT)  # each cell gets another
    except StackError as error:
        raise UsageError(str(error)) from None
    if settings.cxone_base_url or settings.gateway:
        raise UsageError("CELLS loses guests, so only of a simulated CXone: without CXONE_BASE_URL and DFO_…")
    return cells, settings


def plan_of(given: Mapping[str, str]) -> Plan:
    """The plan in these settings. Raises UsageError."""
    visitors, minutes, least = (20, 1, 0.4) if given.get("CELLS") else (200, 5, 0.1)  # cells share this machine
    return Plan(
        visitors=int(_number(given, "VISITORS", visitors, 1, MOST_VISITORS, whole=True)),
        minutes=_number(given, "MINUTES", minutes, least, MOST_MINUTES),
        a_second=_number(given, "A_SECOND", 10, 0.1, MOST_A_SECOND),
    )


def target_of(given: Mapping[str, str], place: Deployed, plan: Plan) -> Target:
    """The relay to connect to, and the visitors' tokens. Raises UsageError."""
    if given.get("TOKENS"):
        tokens = _tokens_in(given["TOKENS"])[: plan.visitors]
        if len(tokens) < plan.visitors:
            raise UsageError(f"TOKENS has {len(tokens)} tokens, and {plan.visitors} visitors need one each")
        sessions = [session_of(token, own="a line of TOKENS") for token in tokens]
    else:
        run = secrets.token_hex(3)
        sessions = [f"load-{run}-{number}" for number in range(plan.visitors)]
        tokens = place.tokens(sessions, round(plan.seconds) + _SPARE_S)
    return Target(place.url, tokens, sessions, place.origin)


def _tokens_in(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"TOKENS must be a file with a token on each line ({type(error).__name__})") from None


def _number(
    given: Mapping[str, str], name: str, default: float, least: float, most: float, *, whole: bool = False
) -> float:
    text = given.get(name) or str(default)
    with suppress(ValueError):
        number = int(text) if whole else float(text)
        if least <= number <= most:
            return number
    raise UsageError(f"{name} must be a {'whole ' if whole else ''}number from {least:g} to {most:g}, not {text!r}")


def _must_be_meant(plan: Plan, given: Mapping[str, str]) -> None:
    if plan.visitors <= ASK_ABOVE or given.get("YES") == "1":
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{plan.visitors} visitors are many: YES=1 if that is meant")
    if input(f"{plan.visitors} visitors are many, and cost money. Type yes if that is meant: ").strip() != "yes":
        raise UsageError("not meant")


def _play(plan: Plan, place: Deployed, target: Target) -> int:
    if "MAKELEVEL" in os.environ:  # started by make: whoever kills make means this process
        end_with_parent()
    agents = Agents(place.info) if place.info and Agents.can_look(place.info) else None
    print(f"{plan.visitors} visitors, {plan.a_second:g} more each second, at {target.url}", flush=True)
    tally, began = Tally(), time.monotonic()
    crowd = Crowd(plan, target, recordings(), tally)
    line = partial(progress, tally)
    stopped_by = asyncio.run(until_over(crowd.play(), plan.seconds, line))
    machine = _machine(time.monotonic() - began)
    if stopped_by:
        print("Stopped; all connections are closed.")
    saw = _look(agents, tally, crowd.debounce_ms) if agents else None
    print(f"\n{table(tally, prices_of(place.platform), machine, saw)}", flush=True)
    return 128 + stopped_by if stopped_by else 1 if tally.errors else 0


def _look(agents: Agents, tally: Tally, debounce_ms: int) -> tuple[Seen, Counter[str]]:
    """What agents saw of the finished bursts."""
    over = time.time() * 1000 - debounce_ms
    typed = {session: [burst for burst in bursts if burst[1] < over] for session, bursts in tally.typed.items()}
    saw = agents.look(typed, debounce_ms)
    if saw[0].left_on:
        tally.errors["left on: an agent still sees a visitor type"] += saw[0].left_on
    return saw


def _machine(seconds: float) -> Machine:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resident = used.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    return Machine(100 * (used.ru_utime + used.ru_stime) / seconds, resident)


if __name__ == "__main__":
    sys.exit(main())
