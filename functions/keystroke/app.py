"""Frames from visitors: hello, keystroke, stop, ping, and whatever else arrives."""

from __future__ import annotations

from typing import Any

from typing_relay import frames, runtime
from typing_relay.burst import GuestStatus
from typing_relay.flows import ensure_guest, key_pressed, run, step, stopped

logger = runtime.logger
world = runtime.visitor_world()
visitors = runtime.visitors()
HEARTBEAT_MS = runtime.number("HEARTBEAT_MS", 1000)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take an API Gateway WebSocket event of a frame; answer 200, and the visitor by a frame where one is due.

    Session and time come from API Gateway, never from the frame (T13).
    """
    request = event["requestContext"]
    try:
        if event.get("isBase64Encoded"):
            raise frames.BadFrame("bad_frame", "A frame must be text, not binary.")
        frame = frames.parse(event.get("body"))
    except frames.BadFrame as bad:
        logger.info("bad frame", code=bad.code)
        visitors.send(request["connectionId"], frames.error(bad.code, str(bad)))
        return {"statusCode": 200}
    answer = _act(frame, request)
    if answer:
        visitors.send(request["connectionId"], answer)
    return {"statusCode": 200}


def _act(frame: frames.Frame, request: dict[str, Any]) -> dict[str, Any] | None:
    visitor = request["authorizer"]
    session_id, connection, at = visitor["session"], request["connectionId"], request["requestTimeEpoch"]
    signals = visitor.get("signals", "on")
    match frame:
        case frames.Hello():
            return _welcome(session_id, signals)
        case frames.Ping():
            return frames.pong()
        case frames.Keystroke(ago_ms) if signals == "on":
            became = run(key_pressed(world, session_id, connection, at - ago_ms))
            log = logger.debug if became == "coalesced" else logger.info
            log("key", became=became, session=session_id)
        case frames.Stop() if signals == "on":
            became = run(stopped(world, session_id, connection, at))
            logger.info("stop", became=became, session=session_id)
        case _:
            logger.debug("typing signals are off", session=session_id)
    return None


def _welcome(session_id: str, signals: str) -> dict[str, Any]:
    record = run(step(world.sessions.get, session_id, world.clock()))
    status = record.guest_status if record else GuestStatus.CLOSED
    if record:
        run(ensure_guest(world, record))
    guest = GuestStatus.OPENING if status is GuestStatus.CLOSED else status
    return frames.welcome(session_id, world.policy.debounce_ms, HEARTBEAT_MS, guest, signals)
