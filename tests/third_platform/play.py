"""Run in a project that the third platform was added to: a stack of it, and a visitor who types two bursts.

Prints as JSON what the platform was told, what the visitor heard, and the record in the end.
"""

import json
import sys
import time
import urllib.request
from typing import Any

from typing_relay.aws.sessions import DynamoSessions

from local.commands.token import visitor_token
from local.playing.visitor import Visitor, now_ms
from local.stack.settings import read_settings
from local.stack.stack import Stack

#: The second burst begins when the first is over for the relay, too.
BURSTS = ([0, 300, 600, 900], [5000, 5400])
PATIENCE_S = 30.0


def play(stack: Stack) -> dict[str, Any]:
    """What came of it."""
    sessions = DynamoSessions(stack.aws.client("dynamodb"), stack.info["table_name"])
    token = visitor_token(stack.aws, stack.info["visitor_secret_arn"], "alice")
    with Visitor(stack.info["websocket_url"], token) as visitor:
        visitor.is_ready(PATIENCE_S)
        visitor.wait_for("event", PATIENCE_S, event={"agent": "is here"})
        visitor.type([key for burst in BURSTS for key in burst])
        until = time.monotonic() + PATIENCE_S
        while (record := sessions.get("alice", now_ms())) is None or record.lease_until or record.typing:
            if time.monotonic() > until:
                raise TimeoutError(f"no end of typing: {record}")
            time.sleep(0.2)
    with urllib.request.urlopen(f"{stack.info['cxone_base_url']}/told") as answer:
        told = json.load(answer)
    failed = [str(failure) for failure in stack.failed_invocations]
    return {"told": told, "shown": record.shown, "guest": record.guest_id, "failed": failed}


if __name__ == "__main__":
    with Stack(read_settings({"CXONE_PLATFORM": "fading"}), as_newest=False, senders=1) as stack:
        json.dump(play(stack), sys.stdout)
