"""What is written of a message, as NICE's web SDK reads it."""

from __future__ import annotations

import json

import pytest
from typing_relay.platforms.digital_first.streamed import LARGEST_EVENT, Deltas


def event(content: object, reason: object = None, kind: str = "delta") -> str:
    name = f"event: {kind}\n" if kind else ""
    return f"{name}data: {json.dumps({'delta': {'content': content, 'finish_reason': reason}})}\n\n"


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_it_is_put_together_however_it_is_cut(size: int, end: str) -> None:
    deltas = Deltas()
    body = (
        ": hello\n\n"
        + event("Gute")
        + event("n Morgen,", kind="")
        + event(" Jürgen", kind="message")
        + event("", "stop")
    )
    data = body.replace("\n", end).encode()
    for start in range(0, len(data), size):
        deltas.feed(data[start : start + size])
    assert (deltas.text, deltas.is_over, deltas.is_whole) == ("Guten Morgen, Jürgen", True, True)


@pytest.mark.parametrize(
    "noise",
    [
        "event: delta\ndata: {\n\n",
        "data: [1]\n\n",
        "data: 7\n\n",
        event(7),
        event("x", kind="ping"),
        "data: {}\n\n",
        "\n\n",
    ],
)
def test_what_says_nothing_is_passed_over(noise: str) -> None:
    deltas = Deltas()
    deltas.feed((event("a") + noise + event("b")).encode())
    assert (deltas.text, deltas.is_over) == ("ab", False)


def test_after_its_end_nothing_is_taken() -> None:
    deltas = Deltas()
    deltas.feed((event("a", "stop") + event("b")).encode())
    assert deltas.text == "a"


def test_an_end_for_another_reason_is_one_too_early() -> None:
    deltas = Deltas()
    deltas.feed(event("a", "length").encode())
    assert (deltas.is_over, deltas.is_whole) == (True, False)


@pytest.mark.parametrize(("size", "is_over"), [(LARGEST_EVENT, False), (LARGEST_EVENT + 1, True)])
def test_an_event_without_an_end_is_given_up(size: int, is_over: bool) -> None:
    deltas = Deltas()
    deltas.feed(b"data: ".ljust(size, b"x"))
    assert (deltas.is_over, deltas.is_whole, deltas.text) == (is_over, False, "")
