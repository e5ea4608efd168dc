"""`make block SESSION=alice MINUTES=60`: nothing of this visitor is taken in that time, whatever token they bring."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from local.commands.deployed import UsageError
from local.commands.ending import done_or_told, visitor_of

USAGE = """\
make block SESSION=alice MINUTES=60 STACK=name   a deployment, with your AWS credentials
make block SESSION=alice MINUTES=60              this machine's running stack (PORT= selects one of several)
make block SESSION=alice MINUTES=0 …             lifts the block"""
MOST_MINUTES = 7 * 24 * 60


def main() -> int:
    """0: done; 1: AWS refused; 2: wrong usage."""
    return done_or_told(USAGE, lambda: _block(os.environ))


def _block(given: Mapping[str, str]) -> None:
    minutes = minutes_of(given.get("MINUTES", ""))
    session, visitor = visitor_of(given)
    until = int(time.time()) + 60 * minutes
    closed = visitor.block(until if minutes else 0)
    if not minutes:
        print(f"{session} is not blocked any more.")
        return
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(until))
    print(f"{session} is blocked until {at}: no key, message or handshake is taken, whatever token it comes with.")
    print(f"{closed} connection{'' if closed == 1 else 's'} told so and closed. To lift it: MINUTES=0")


def minutes_of(text: str) -> int:
    """A whole number of minutes. Raises UsageError."""
    if not text.isdecimal() or int(text) > MOST_MINUTES:
        raise UsageError(f"MINUTES must be a whole number from 0 to {MOST_MINUTES}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
