"""$connect and $disconnect: a visitor's front end connects or disconnects."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from typing_relay import environment, runtime
from typing_relay.aws.shedding import count_shed, is_shed
from typing_relay.aws.visitors import is_throttled
from typing_relay.deadline import of_the_invocation
from typing_relay.door import frames
from typing_relay.door.frame_budget import Budgets, FrameLimits, Ruling
from typing_relay.relay.burst import Session
from typing_relay.relay.flows import connected, disconnected, roll_called
from typing_relay.relay.session_writes import ForgetConnection

logger = runtime.logger
policy = runtime.policy()
runner = runtime.visitor_runner()
visitors = runtime.visitors()

# Each connection makes the session record, and so every write, larger. Dead ones are removed to make room.
MAX_CONNECTIONS = environment.number("MAX_CONNECTIONS", 10)
#: Pause before a session whose connections all exist is asked about again: a refused front end retries at once.
ASK_AGAIN_MS = 30_000
MAX_FRUITLESS = 10_000  # sessions; the oldest is forgotten first
#: Frames that reach this function have the same budget as others.
budgets = Budgets(FrameLimits())
#: Sessions whose connections this process found all alive, and when (ms), the oldest first.
fruitless: dict[str, int] = {}


@of_the_invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take an API Gateway WebSocket event of route $connect or $disconnect; answer 200.

    429 to one tab too many, 403 to a visitor whom an operator has blocked.
    The session comes from the authorizer alone (T13). Where AWS is throttling, 503: the front end tries again.
    """
    try:
        return _take(event)
    except ClientError as error:
        if not is_shed(error):
            raise
        count_shed(logger, event["requestContext"]["eventType"])
        return {"statusCode": 503}


def _take(event: dict[str, Any]) -> dict[str, Any]:
    request = event["requestContext"]
    match request["eventType"]:
        case "CONNECT":
            return _connect(event)
        case "DISCONNECT" if "session" not in request.get("authorizer", {}):
            logger.info("disconnect without authorizer context", connection=request["connectionId"])
        case "DISCONNECT":
            session_id, connection = request["authorizer"]["session"], request["connectionId"]
            became = runner.run(disconnected(policy, session_id, connection, request["requestTimeEpoch"]))
            logger.info("disconnected", session=session_id, typing=became)
        case _:  # a frame whose action is "$connect" or "$disconnect"
            _refuse_reserved(request["connectionId"], request["requestTimeEpoch"])
    return {"statusCode": 200}


def _refuse_reserved(connection: str, at: int) -> None:
    """Count a frame with a reserved action as the bad frame that it is, and close its connection after too many."""
    ruling = budgets.spend(connection, at)
    is_last = ruling is Ruling.CLOSE
    if ruling is Ruling.TAKE:
        logger.info("frame with a reserved action", connection=connection)
        is_last = budgets.note_bad_frame(connection)
    if not is_last:
        return
    logger.info("connection closed from this side", code="bad_frame", connection=connection)
    if not visitors.close_unless_throttled(connection):
        logger.info("not closed, API Gateway is throttling: the next frame tries again", connection=connection)


def _connect(event: dict[str, Any]) -> dict[str, Any]:
    request = event["requestContext"]
    visitor, connection = request["authorizer"], request["connectionId"]
    session_id, token_ends, profile = visitor["session"], int(visitor["expires_at"]), visitor.get("profile", "")
    coming = connected(
        policy, session_id, connection, token_ends, profile=profile, wants_guest=False
    )  # hello asks for it
    record = runner.run(coming)
    now = runner.clock()
    if record.is_blocked(now):
        logger.info("blocked", session=session_id, until=record.blocked_until)
        return {"statusCode": 403, "body": json.dumps(frames.blocked(record.blocked_until * 1000 - now))}
    if len(record.connections) > MAX_CONNECTIONS and not _make_room(record):
        runner.carry_out(ForgetConnection(session_id, connection, runner.clock()))
        address = request["authorizer"].get("address", "")
        logger.warning("too many connections", session=session_id, address=address)
        return {"statusCode": 429}
    logger.info("connected", session=session_id, guest=record.guest_status)
    return {"statusCode": 200, "headers": _chosen_protocol(event)}


def _make_room(record: Session) -> bool:
    """Forget the session's connections that no longer exist. Returns whether that makes room."""
    now = runner.clock()
    if now - fruitless.get(record.session_id, -ASK_AGAIN_MS) < ASK_AGAIN_MS:
        return False
    gone = _those_that_are_gone(record)
    logger.info("connections checked", session=record.session_id, gone=len(gone))
    has_room = len(record.connections) - len(gone) <= MAX_CONNECTIONS
    fruitless.pop(record.session_id, None)
    if not has_room:
        fruitless[record.session_id] = now
        if len(fruitless) > MAX_FRUITLESS:
            del fruitless[next(iter(fruitless))]
    return has_room


def _those_that_are_gone(record: Session) -> list[str]:
    """Of the session's connections; none where API Gateway is throttling and does not say (T18)."""
    try:
        return runner.run(roll_called(record, runner.clock()))
    except ClientError as error:
        if not is_throttled(error):
            raise
        return []


def _chosen_protocol(event: dict[str, Any]) -> dict[str, str]:
    """A browser that offered subprotocols requires the answer to name one: never the one with the token."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]
    return {"Sec-WebSocket-Protocol": "typing-relay"} if "typing-relay" in offered else {}
