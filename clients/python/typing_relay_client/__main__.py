"""``python -m typing_relay_client URL TOKEN``: a visitor who types a few keys, and what the relay answers."""

from __future__ import annotations

import sys

from typing_relay_client import Visitor


def main() -> None:
    """Type one burst once the agent can see it."""
    url, token = sys.argv[1:]
    visitor = Visitor(url, lambda: token, on_frame=print)
    while visitor.guest != "open":
        visitor.live(0.1)
    for pause in (0.1, 0.2, 0.1, 0.4, 0.2, 3):
        visitor.key()
        visitor.live(pause)
    visitor.close()


if __name__ == "__main__":
    main()
