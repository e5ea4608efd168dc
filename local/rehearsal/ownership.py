"""Which stacks a rehearsal may touch, and how one is taken away from where it stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from local.rehearsal.plan import PLATFORMS, PREFIX, TAG

_RUN = re.compile(r"[0-9a-f]{4}")


class NotOurs(Exception):
    """A stack that this rehearsal did not make; the message says how that is known."""


def is_run(text: str) -> bool:
    """Whether this names a run: four hex digits."""
    return bool(_RUN.fullmatch(text))


def must_be_ours(name: str, tags: Mapping[str, str], run: str) -> None:
    """NotOurs unless both name and tag say that this run made the stack: one of them may be a coincidence."""
    if name not in [f"{PREFIX}-{platform}-{run}" for platform in PLATFORMS]:
        raise NotOurs(f"{name} is no stack of rehearsal {run}: it is left alone")
    if tags.get(TAG) != run:
        raise NotOurs(f"{name} has no tag {TAG}={run}, which a rehearsal puts on its stacks: it is left alone")


class Way(Enum):
    """What brings a stack nearer to its deletion."""

    DELETE = "delete"
    CANCEL_UPDATE = "cancel the update"
    WAIT = "wait"
    GONE = "gone"


def way_out(status: str) -> Way:
    """From this status ("": there is no such stack).

    CloudFormation deletes a stack that it is making, but none that it is updating.
    """
    if status in ("", "DELETE_COMPLETE"):
        return Way.GONE
    if status == "UPDATE_IN_PROGRESS":
        return Way.CANCEL_UPDATE
    if status.endswith("_IN_PROGRESS") and status not in ("CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS"):
        return Way.WAIT
    return Way.DELETE
