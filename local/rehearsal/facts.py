"""What is known of a rehearsal's stacks: ``account.py`` collects it, ``verdicts`` and ``leftovers`` judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource:
    """A part of a stack, as CloudFormation lists it."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Stack:
    """As CloudFormation describes it. ``id``: by which a deleted stack is found too."""

    name: str
    id: str
    status: str
    tags: Mapping[str, str]
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stack."""

    part: str
    kind: str
    id: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """Of the functions, by logical id: the version that the alias ``live`` names, and all that are kept."""

    live: Mapping[str, int]
    kept: Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Alarm:
    """``acts``: it would tell somebody."""

    is_firing: bool
    acts: bool


@dataclass(frozen=True, slots=True)
class Left:
    """What was found of a stack after its deletion.

    ``parts``: what CloudFormation itself kept. ``secrets``: ARN -> when it goes for good ("": it is still whole).
    ``objects``: how many lie in SAM's ``bucket`` under the stack's name. ``task_definitions``: name -> whether it is
    still ACTIVE.
    ``unasked``: what could not be asked -> why.
    """

    status: str = ""
    parts: tuple[Event, ...] = ()
    functions: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    log_groups: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    task_definitions: Mapping[str, bool] = field(default_factory=dict)
    bucket: str = ""
    objects: int = 0
    unasked: Mapping[str, str] = field(default_factory=dict)
