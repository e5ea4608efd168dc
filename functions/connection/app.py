"""$connect and $disconnect: a visitor's front end comes and goes."""

from __future__ import annotations

from typing import Any

from typing_relay import runtime
from typing_relay.flows import connected, disconnected, run

logger = runtime.logger
world = runtime.visitor_world()
runtime.client("sqs")


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take an API Gateway WebSocket event of route $connect or $disconnect; answer 200.

    The session comes from the authorizer alone (T13).
    """
    request = event["requestContext"]
    session_id, connection = request["authorizer"]["session"], request["connectionId"]
    if request["eventType"] == "CONNECT":
        record = run(connected(world, session_id, connection))
        logger.info("connected", session=session_id, guest=record.guest_status)
        return {"statusCode": 200, "headers": _chosen_protocol(event)}
    became = run(disconnected(world, session_id, connection, request["requestTimeEpoch"]))
    logger.info("disconnected", session=session_id, typing=became)
    return {"statusCode": 200}


def _chosen_protocol(event: dict[str, Any]) -> dict[str, str]:
    """A browser that offered subprotocols wants one of them named in the answer; never the one with the token."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]
    return {"Sec-WebSocket-Protocol": "typing-relay"} if "typing-relay" in offered else {}
