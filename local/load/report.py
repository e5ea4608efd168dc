"""The final table of a load, and its progress line. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from local.load.bill import Prices, dollars
from local.load.seen import Seen
from local.load.tally import ENDED, LAGS, LATE, SHOWN, Tally, quantile

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "most": 1.0}
_BAR = 24


@dataclass(frozen=True, slots=True)
class Machine:
    """This process: share of one core (%), and peak memory (MB)."""

    cpu_percent: float
    resident_mb: float


def progress(tally: Tally, done: float, with_bar: bool) -> str:
    """One line, when ``done`` (0 to 1) of the time has passed."""
    full = round(_BAR * done)
    bar = f"{'█' * full}{'░' * (_BAR - full)} " if with_bar else ""
    frames, errors = sum(tally.sent.values()), sum(tally.errors.values())
    return f"{bar}{100 * done:3.0f} %  here {tally.here}  frames {frames:,}  bursts {tally.bursts:,}  errors {errors:,}"


def table(tally: Tally, prices: Prices, machine: Machine, agents: tuple[Seen, Counter[str]] | None) -> str:
    """Latency, what agents saw, and counts. ``agents``: None where that cannot be known."""
    lags = dict(tally.lags)
    if agents:
        lags |= {SHOWN: agents[0].shown, ENDED: agents[0].ended}
    head = [f"  {'ms':<24}{''.join(f'{share:>9}' for share in _SHARES)}{'count':>9}"]
    rows = [_row(name, lags[name]) for name in LAGS if lags.get(name)]
    parts = [f"  {name:<15}{text}" for name, text in _parts(tally, prices, machine, agents)]
    return "\n".join([*head, *rows, "", *parts])


def _row(name: str, values: Sequence[float]) -> str:
    cells = (f"{quantile(values, share):>9,.0f}" for share in _SHARES.values())
    return f"  {name:<24}{''.join(cells)}{len(values):>9,}"


def _parts(
    tally: Tally, prices: Prices, machine: Machine, agents: tuple[Seen, Counter[str]] | None
) -> Iterator[tuple[str, str]]:
    yield "visitors", f"{tally.came:,} came, {tally.let_in:,} let in, {tally.most_here:,} at the same time"
    typing = tally.sent["keystroke"] + tally.sent["stop"]
    a_burst = f", {typing / tally.bursts:.2f} a burst" if tally.bursts else ""
    yield "bursts", f"{tally.bursts:,}, in {typing:,} frames{a_burst}"
    yield "frames to it", _counted(tally.sent) or "none"
    yield "frames back", _counted(tally.received) or "none"
    if agents:
        seen, calls = agents
        a_burst = f" ({calls['typing calls'] / tally.bursts:.2f} typing calls a burst)" if tally.bursts else ""
        yield "CXone", f"{_counted(calls) or 'nothing'}{a_burst}"
        yield "not shown", f"{seen.missed:,} bursts of their own; left on: {seen.left_on}"
    else:
        yield "CXone", "seen by the simulator of a stack on this machine only; of a deployment: its dashboard"
    errors = [f"{count:,} × {kind}" for kind, count in tally.errors.most_common()]
    yield "errors", f"\n{'':17}".join(errors) or "none"
    parts = dollars(prices, tally.bursts, tally.visited_s, tally.sent["ping"])
    listed = ", ".join(f"{name} {part:.4f}" for name, part in parts.items())
    yield "cost", f"about ${sum(parts.values()):.4f} at list prices ({prices.as_of}): {listed}"
    late = f"frames left {quantile(tally.lags[LATE], 0.99):.0f} ms late (p99), " if tally.lags.get(LATE) else ""
    yield "this process", f"{late}{machine.cpu_percent:.0f} % of a core, {machine.resident_mb:.0f} MB"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())
