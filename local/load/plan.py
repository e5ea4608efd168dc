"""Which visitor connects when, and types how. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.playing.rhythm import key_times

#: Visitors with the same recording begin this number of keys apart.
APART = 997


@dataclass(frozen=True, slots=True)
class Plan:
    """``visitors`` connect evenly, ``a_second`` of them each second, and type until the last has been connected for
    ``minutes``. ``opens_contacts``: each sends a message first, so that agents see the conversation.
    """

    visitors: int
    minutes: float
    a_second: float = 10.0
    opens_contacts: bool = False

    @property
    def seconds(self) -> float:
        """From the first connect until all disconnect."""
        return self.comes_at(self.visitors - 1) + self.minutes * 60

    def comes_at(self, number: int) -> float:
        """When this visitor, counted from 0, connects (s from the start)."""
        return number / self.a_second


def gaps_of(number: int, recordings: Mapping[str, Sequence[int]]) -> list[int]:
    """The rhythm of this visitor: one of the recordings, rotated so that no two visitors type in step."""
    gaps = list(recordings.values())[number % len(recordings)]
    place = number // len(recordings) * APART % len(gaps)
    return [*gaps[place:], *gaps[:place]]


def keys_within(gaps: Sequence[int], ms: float) -> list[int]:
    """When (ms) a visitor who repeats this rhythm for ``ms`` presses keys."""
    keys = key_times(gaps)
    while keys[-1] < ms and keys[-1]:
        keys += key_times(gaps, start=keys[-1])[1:]
    return [key for key in keys if key < ms]
