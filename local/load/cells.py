"""Cells: which one a visitor is sent to, and what the loss of one was for whom. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from local.load.tally import ENDED, LAGS, PING, SHOWN, quantile

Bursts = Sequence[tuple[int, int]]
Told = Sequence[tuple[float, bool]]
Lags = Mapping[str, Sequence[float]]
#: The median of a lag that grows by more than this is felt (ms).
FELT_MS = 500
_SHARES = {"p50": 0.5, "p95": 0.95, "most": 1.0}


def place(session: str, cells: Collection[str]) -> str:
    """The cell of this session, by rendezvous hashing: the one whose hash with it is the highest.

    A cell that is added takes from each other one only what it gets; of one that is left out only its own move.
    """
    return max(cells, key=lambda cell: hashlib.sha256(f"{cell} {session}".encode()).digest())


def halves(bursts: Bursts, told: Told, at: int) -> tuple[tuple[Bursts, Told], tuple[Bursts, Told]]:
    """A visitor's bursts that began before ``at``, with what CXone was told until the first later one; and the rest."""
    later = [burst for burst in bursts if burst[0] >= at]
    border = later[0][0] if later else float("inf")
    heard = [word for word in told if word[0] < border]
    return (bursts[: len(bursts) - len(later)], heard), (later, told[len(heard) :])


@dataclass(frozen=True)
class Group:
    """Some visitors, and the lags that they felt, or agents saw of them, before a cell was lost and after (ms)."""

    visitors: int
    before: Lags
    after: Lags

    def slower(self) -> list[str]:
        """The lags whose median grew so that it is felt, or that could not be measured."""
        return [name for name in (PING, SHOWN, ENDED) if not self._is_as_before(name)]

    def _is_as_before(self, name: str) -> bool:
        before, after = self.before.get(name), self.after.get(name)
        return bool(before and after and quantile(after, 0.5) <= quantile(before, 0.5) + FELT_MS)


@dataclass(frozen=True)
class Loss:
    """What came of it.

    ``back_s``: of each of the lost cell's visitors who could type again, how long after the loss. ``shown``: those of
    them whom agents see typing to the end in the guest that the lost cell held; ``wrongly``: of these, who did not type
    when it was lost. ``dropped``: the others' connections that ended; ``elsewhere``: others whom the token route would
    send to another cell by now; ``errors``: theirs. ``left_on``: who is shown typing to the end in a living cell.
    """

    lost: Group
    others: Group
    back_s: Sequence[float]
    shown: int = 0
    wrongly: int = 0
    dropped: int = 0
    elsewhere: int = 0
    left_on: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def wrong(self) -> list[str]:
        """What is not as docs/operations.md says, as sentences."""
        counted = {
            "of the lost cell's visitors could not type again": self.lost.visitors - len(self.back_s),
            "who did not type when their cell was lost are shown typing": self.wrongly,
            "connections of other cells' visitors ended": self.dropped,
            "of other cells' visitors would be sent to another cell": self.elsewhere,
            "are shown typing to the end in a living cell": self.left_on,
            **{f"errors of other cells' visitors: {kind}": count for kind, count in self.errors.items()},
        }
        slower = [f"for other cells' visitors, {name}: slower, or not measured" for name in self.others.slower()]
        return [f"{count} {what}" for what, count in counted.items() if count] + slower


def table(loss: Loss, cell: str) -> str:
    """Lags before and after ``cell`` was lost, and what became of its visitors and of the others."""
    head = "".join(f"{share:>8}" for share in _SHARES) + f"{'count':>8}"
    lines = [f"  {'ms':<24}{'before':>32}{'after':>32}", f"  {'':<24}{head}{head}"]
    for who, group in ((f"{cell}'s visitors", loss.lost), ("others", loss.others)):
        lines += [f"  {who}", *_rows(group)]
    back = (
        f", after {quantile(loss.back_s, 0.5):.1f} s (median), {max(loss.back_s):.1f} s (longest)"
        if loss.back_s
        else ""
    )
    return "\n".join(
        [
            *lines,
            "",
            f"  moved          {len(loss.back_s)} of {loss.lost.visitors} of {cell} could type again{back}",
            f"  others         {loss.others.visitors}: {loss.dropped} connections ended, {loss.elsewhere} would move",
            f"  still shown    {loss.shown} who typed when {cell} was lost, until CXone ends the guest; "
            f"others: {loss.left_on}",
        ]
    )


def _rows(group: Group) -> Iterator[str]:
    for name in LAGS:
        if group.before.get(name) or group.after.get(name):
            yield f"    {name:<22}{_cells(group.before.get(name))}{_cells(group.after.get(name))}"


def _cells(values: Sequence[float] | None) -> str:
    if not values:
        return f"{'–':>8}" * (len(_SHARES) + 1)
    return "".join(f"{quantile(values, share):>8,.0f}" for share in _SHARES.values()) + f"{len(values):>8,}"
