"""A keeper's line opens or closes (Digital-First only): records the connection by which nudges reach the keeper."""

from __future__ import annotations

from typing import Any

from typing_relay import runtime
from typing_relay.aws.keeper_lines import Line
from typing_relay.deadline import of_the_invocation

logger = runtime.logger
lines = runtime.keeper_lines()


@of_the_invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take an API Gateway WebSocket event of the keepers' API; answer 200.

    Who may connect is IAM's business: the keepers' role alone. The keeper names itself in the handshake's header
    ``x-keeper``, and says by ``x-keeper-claims`` that it claims bursts. Its later frames only keep the connection open.
    """
    request = event["requestContext"]
    connection = request["connectionId"]
    match request["eventType"]:
        case "CONNECT":
            headers = {name.lower(): value for name, value in event["headers"].items()}
            keeper = headers.get("x-keeper")
            if not keeper:
                return {"statusCode": 400}
            lines.note(keeper, Line(connection, claims=bool(headers.get("x-keeper-claims"))))
            logger.info("keeper line open", keeper=keeper)
        case "DISCONNECT":
            logger.info("keeper line closed", connection=connection)
    return {"statusCode": 200}
