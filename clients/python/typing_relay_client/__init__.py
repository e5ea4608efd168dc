"""Typing Relay's client for programs that are no browsers: ``Visitor`` connects, ``Rhythm`` says which frame is due."""

from typing_relay_client.rhythm import Frame, Rhythm, Timings
from typing_relay_client.visitor import Visitor

__all__ = ["Frame", "Rhythm", "Timings", "Visitor"]
