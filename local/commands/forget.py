"""`make forget SESSION=alice`: deletes what the relay keeps of this visitor, and says what remains where."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from local.commands.ending import done_or_told, visitor_of
from local.ending.visitor import FORGETTING_S

USAGE = """\
make forget SESSION=alice STACK=name   a deployment, with your AWS credentials
make forget SESSION=alice              this machine's running stack (PORT= selects one of several)"""
REMAINS = """\
What remains:
  CXone         the conversation and what agents wrote, as its own retention says: delete it there
  logs          lines that name the session, until LogRetentionDays are over; none has a word of a message
  your server   the token: a page that is still open comes back as a new visitor (make block keeps it out)"""


def main() -> int:
    """0: done; 1: AWS refused; 2: wrong usage."""
    return done_or_told(USAGE, lambda: _forget(os.environ))


def _forget(given: Mapping[str, str]) -> None:
    session, visitor = visitor_of(given)
    before = visitor.record()
    now = int(time.time())
    blocked_until = before.blocked_until if before else 0
    closed = visitor.block(max(blocked_until, now + FORGETTING_S))
    settled = visitor.settles()
    deleted, waiting = visitor.delete_messages()
    visitor.delete_record(blocked_until)
    print(f"{session} is forgotten.")
    print(f"  connections   {closed} closed")
    print(
        f"  typing        {'no agent sees any' if settled else 'may be shown until the guest ends: CXone has not said'}"
    )
    print(f"  messages      {deleted} deleted, {waiting} of them not delivered")
    print(f"  record        {'deleted' if before else 'there was none'}{_kept(blocked_until, now)}")
    print(f"  guest         {'its keeper closes its socket within a minute' if before and before.guest_id else 'none'}")
    print(REMAINS)


def _kept(blocked_until: int, now: int) -> str:
    return ", but for its block" if blocked_until > now else ""


if __name__ == "__main__":
    sys.exit(main())
