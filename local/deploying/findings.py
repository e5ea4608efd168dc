"""What a look at a deployment to come has found. One line for a person, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local.deploying.facts import OutOfReach
from local.smoke.verdicts import Mark


@dataclass(frozen=True, slots=True)
class Finding:
    """`about`: what was looked at. `todo`: what to do about it; empty where all is well."""

    mark: Mark
    about: str
    text: str
    todo: str = ""


def well(about: str, text: str) -> Finding:
    """As it must be."""
    return Finding(Mark.WELL, about, text)


def wrong(about: str, text: str, todo: str) -> Finding:
    """The deployment would fail, or run and not do its work."""
    return Finding(Mark.WRONG, about, text, todo)


def warned(about: str, text: str, todo: str) -> Finding:
    """The deployment works; what it costs, or when it fails, may surprise."""
    return Finding(Mark.WARNED, about, text, todo)


def unseen(about: str, text: str, todo: str = "") -> Finding:
    """Could not be looked at, and why."""
    return Finding(Mark.UNSEEN, about, text, todo)


def out_of_reach(about: str, why: OutOfReach) -> Finding:
    """May not be looked at; what to allow, where AWS says so."""
    return unseen(about, f"not looked at: {why.why}", f"allow {why.needs}" if why.needs else "")


def closing(findings: Iterable[Finding]) -> tuple[str, int]:
    """The last line, and the exit status: 0, or 1 when something is wrong."""
    marks = [finding.mark for finding in findings]
    if count := marks.count(Mark.WRONG):
        return f"Not ready: {count} to fix.", 1
    if count := marks.count(Mark.WARNED):
        return f"Ready to deploy; {count} to think about.", 0
    if count := marks.count(Mark.UNSEEN):
        return f"Nothing wrong was found; {count} could not be looked at.", 0
    return "Ready to deploy.", 0
