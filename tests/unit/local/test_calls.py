"""What CXone was told of typing, as read from the keeper's log."""

import json
from pathlib import Path

from local.playing.calls import TypingCall, keeper_calls


def line(session: str, typing: bool, began: int, outcome: str = "accepted", message: str = "cxone typing") -> str:
    said = {"session": session, "typing": typing, "began": began, "ms": 5, "outcome": outcome}
    return json.dumps({"level": "INFO", "message": message, **said})


def test_the_keepers_lines_about_one_session_become_calls_in_the_order_in_which_they_left(tmp_path: Path) -> None:
    log = tmp_path / "keeper.log"
    lines = [
        "guest keeper starts",
        line("alice", False, 3000, "lost"),
        line("alice", True, 1000),
        line("bob", True, 2000),
        line("alice", True, 4000, message="another line"),
        "[]",
    ]
    log.write_text("\n".join(lines))
    assert keeper_calls(log, "alice") == [
        TypingCall(1000, 1005, True, "accepted"),
        TypingCall(3000, 3005, False, "lost"),
    ]
