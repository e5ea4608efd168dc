"""The one clock of a simulator."""

import time


def now_ms() -> float:
    """The time in epoch ms."""
    return time.time() * 1000
