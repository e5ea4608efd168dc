"""A client of Typing Relay: ``Visitor`` has the connection, ``TypingRhythm`` decides which frames are sent when."""

from typing_relay_client.rhythm import Frame, Timings, TypingRhythm
from typing_relay_client.visitor import Visitor

__all__ = ["Frame", "Timings", "TypingRhythm", "Visitor"]
