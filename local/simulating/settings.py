"""Settings that arrive as JSON: each key has a parser, and errors name the key."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

Parser = Callable[[Any], Any]


class SettingError(ValueError):
    """A setting is unknown or has a bad value; the message names it and says what is expected."""


def checked(parsers: Mapping[str, Parser], key: str, value: Any, known: Collection[str] = ()) -> Any:
    """The parsed value. Raises SettingError; for an unknown `key` it lists the parsers' keys and `known`."""
    if key not in parsers:
        raise SettingError(f"{key}: no such setting; there are {', '.join(sorted([*parsers, *known]))}")
    try:
        return parsers[key](value)
    except ValueError as expected:
        raise SettingError(f"{key}: expected {expected}, not {value!r}") from None


# Parsers raise ValueError with what they expect.


def number(low: float, high: float) -> Parser:
    """A parser of numbers in this range, inclusive."""

    def parse(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return value

    return parse


def whole_number(low: int, high: int) -> Parser:
    """A parser of whole numbers in this range, inclusive."""

    def parse(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return parse


def or_null(parse: Parser) -> Parser:
    """A parser that also accepts null."""
    return lambda value: None if value is None else parse(value)


def one_of(*choices: str) -> Parser:
    """A parser of these strings."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return str(value)

    return parse


def list_of(*choices: str) -> Parser:
    """A parser of lists of these strings."""

    def parse(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(item in choices for item in value):
            raise ValueError(f"a list of {', '.join(choices)}")
        return tuple(value)

    return parse


def text(value: Any) -> str:
    """Parses a string that is valid in a header."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("a string without line breaks")
    return value


def flag(value: Any) -> bool:
    """Parses true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


#: Parses a share, 0 to 1.
share = number(0, 1)
