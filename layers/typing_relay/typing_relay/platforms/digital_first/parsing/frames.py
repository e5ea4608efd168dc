"""A frame from the gateway, parsed strictly into one of the values of ``frames_in``.

An optional field that a frame lacks is absent in the result too; without a required one an event
is Unknown, and any other frame NotAFrame. No error contains what was written or who wrote it.
"""

from __future__ import annotations

from typing_relay.platforms.digital_first.frames_in import Authorized, Frame, NotAFrame, Pong
from typing_relay.platforms.digital_first.parsing.answers import answer_of
from typing_relay.platforms.digital_first.parsing.events import event_of
from typing_relay.platforms.digital_first.parsing.fields import json_of


def parse(text: str) -> Frame:
    """The frame in ``text``. Raises NotAFrame."""
    if text == '"pong"':
        return Pong()  # most frames are this one: skip the JSON parser
    value = json_of(text)
    if value == "pong":
        return Pong()
    if not isinstance(value, dict):
        raise NotAFrame("neither an object nor a pong")
    if isinstance(value.get("eventType"), str):
        return event_of(value)
    if value.get("authorizationStatus") == "authorized":
        return Authorized()
    return answer_of(value)
