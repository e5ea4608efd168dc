"""A conditional write of a session record, as data: what it changes, and on which condition.

Each write is stated once (``session_writes``). The store in DynamoDB compiles it into expressions
(``aws.expressions``); the simulation's store in memory applies it to a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from typing_relay.relay.value import Value

T = TypeVar("T")


class Below(Value):
    """The attribute is there and less than ``limit``."""

    limit: int


class Above(Value):
    """The attribute is there and greater than ``limit``."""

    limit: int


class AtMost(Value):
    """The attribute is there and not greater than ``limit``."""

    limit: int


class AtLeast(Value):
    """The attribute is there and not less than ``limit``."""

    limit: int


class AbsentOr(Value):
    """The attribute is not there, or as ``wanted`` says."""

    wanted: Any


class Present(Value):
    """The attribute is there, whatever it is."""


class KeptOr(Value):
    """An attribute that is there stays as it is; one that is not becomes ``value``."""

    value: Any


class OtherOr(Value):
    """What the attribute ``other`` is; where that is not there, ``value``."""

    other: str
    value: Any


class Answer(Enum):
    """What a write is answered with."""

    #: Whether its condition held, for this request or for an earlier try of it, whose answer was lost.
    IS_DONE = auto()
    #: The record as it is then; None where the condition did not hold.
    RECORD_IF_CHANGED = auto()
    #: The record, changed or not; None where there is none.
    RECORD_ANYWAY = auto()
    #: As IS_DONE, with the record as it is then; None where it is not done.
    RECORD_IF_DONE = auto()
    #: As IS_DONE: True, else the record that refused it; None where there is none.
    DONE_OR_RECORD = auto()


class Update(Value, Generic[T]):
    """Made if all of ``when`` holds; answered with a ``T``, as ``answer`` says.

    An attribute is named, or an entry of one that is a map: ``keys.tab-1``.
    A value of None in ``sets`` removes the attribute. In ``when`` None means that it is not there, another plain value
    that it equals that; no comparison holds for an attribute that is not there.
    """

    session_id: str
    when: Mapping[str, Any]
    sets: Mapping[str, Any]
    #: How far numbers are moved on, and what sets get in addition.
    adds: Mapping[str, int | frozenset[str]] = MappingProxyType({})
    #: What is taken out of sets.
    takes: Mapping[str, frozenset[str]] = MappingProxyType({})
    #: The record must be there, and not have expired then (ms).
    alive_at: int | None = None
    #: Whether the lease is unreleased from now on, which the sweeper's index tells; None: that stays as it is.
    in_lease_index: bool | None = None
    #: The attribute in which the store leaves a name for this write, so that a retry knows the write that it repeats.
    mark: str = ""
    #: Attributes as only this write leaves them, with the mark. None: it may be repeated, or its refusal does no harm.
    left: Mapping[str, Any] | None = None
    answer: Answer = Answer.IS_DONE


class Writer(Protocol):
    """What makes writes: a store."""

    def write(self, update: Update[T]) -> T:
        """Make one conditional write."""
        ...
