"""The keeper's surroundings at scale, in a process of their own: SQS, DynamoDB, Secrets Manager, and CXone's HTTP side.

Only what the keeper calls, in memory and quick, so that what is measured is the keeper. Not a test double: conditions
are not checked beyond the keeper's name. ``python -m tests.benchmarks.cloud_stub WSS_URL`` prints its port.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

from aiohttp import web
from typing_relay.relay.burst import RECORD_VERSION

Answer = dict[str, Any]
#: When a frame was sent, as ``socket_server`` says (epoch ms).
SENT = re.compile(rb'"sent_ms": ?(\d+)')


class Queue:
    """SQS: messages, their visibility and receipts."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._visible_at: dict[str, float] = {}
        self._waiting: dict[str, None] = {}
        self._numbers = count(1)

    def send_message(self, call: Answer) -> Answer:
        message_id = f"m{next(self._numbers)}"
        self._bodies[message_id] = call["MessageBody"]
        self._waiting[message_id] = None
        return {"MessageId": message_id}

    def receive_message(self, call: Answer) -> Answer:
        now = time.monotonic()
        for message_id in [m for m, at in self._visible_at.items() if at <= now]:
            del self._visible_at[message_id]
            self._waiting[message_id] = None
        messages = []
        for message_id in list(self._waiting)[: call["MaxNumberOfMessages"]]:
            del self._waiting[message_id]
            self._visible_at[message_id] = now + call["VisibilityTimeout"]
            messages.append(
                {
                    "MessageId": message_id,
                    "ReceiptHandle": message_id.ljust(300, "="),  # as long as SQS's
                    "Body": self._bodies[message_id],
                    "Attributes": {"ApproximateReceiveCount": "1"},
                }
            )
        return {"Messages": messages}

    def change_message_visibility_batch(self, call: Answer) -> Answer:
        for entry in call["Entries"]:
            message_id = entry["ReceiptHandle"].rstrip("=")
            if message_id in self._visible_at:
                self._visible_at[message_id] = time.monotonic() + entry["VisibilityTimeout"]
        return {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]], "Failed": []}

    def delete_message_batch(self, call: Answer) -> Answer:
        for entry in call["Entries"]:
            message_id = entry["ReceiptHandle"].rstrip("=")
            self._visible_at.pop(message_id, None)
        return {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]], "Failed": []}


#: An attribute and the place of its value, in an update or a condition.
_EQUALS = re.compile(r"(?<![#.\w])(\w+) = (:\w+)")


class Table:
    """DynamoDB: session records as wide as real ones, updated by the values of an update."""

    #: What of an update is noted.
    NOTED: ClassVar = {
        *("keeper", "held", "guest_id", "web_socket_url", "guest_status", "guest_requested_at"),
        *("access_until", "conversation", "contact_open"),
    }

    def __init__(self) -> None:
        self._items: dict[str, Answer] = {}

    def item(self, key: str) -> Answer:
        if key not in self._items:
            self._items[key] = {
                "session_id": {"S": key},
                "connections": {"SS": [f"{key}-connection="]},
                "keys": {"M": {f"{key}-connection=": {"N": str(time.time_ns() // 1_000_000)}}},
                "stops": {"M": {}},
                "token_ends": {"M": {f"{key}-connection=": {"N": str(int(time.time()) + 3600)}}},
                "record_version": {"N": str(RECORD_VERSION)},
                **{
                    n: {"N": "0"}
                    for n in ("revision", "generation", "lease_until", "sending_until", "attempts", "retry_at")
                },
                **{n: {"BOOL": False} for n in ("typing", "shown", "typing_unavailable")},
                **{n: {"S": ""} for n in ("guest_id", "keeper", "web_socket_url")},
                "guest_status": {"S": "opening"},
                "expires_at": {"N": str(int(time.time()) + 86_400)},
            }
        return self._items[key]

    def update_item(self, call: Answer) -> Answer:
        if "session_id" not in call["Key"]:
            return {"Attributes": {}}
        item = self.item(call["Key"]["session_id"]["S"])
        values = call["ExpressionAttributeValues"]
        named = dict(_EQUALS.findall(call.get("ConditionExpression", "")))
        if "keeper" in named and values[named["keeper"]] != item["keeper"]:
            return {}
        sets = _EQUALS.findall(call["UpdateExpression"])
        item |= {name: values[place] for name, place in sets if name in self.NOTED}
        return {"Attributes": item}

    def get_item(self, call: Answer) -> Answer:
        return {"Item": self.item(call["Key"]["session_id"]["S"])} if "session_id" in call["Key"] else {}

    def batch_get_item(self, call: Answer) -> Answer:
        [(table, request)] = call["RequestItems"].items()
        names = request.get("ProjectionExpression", "").replace(" ", "").split(",")
        items = [self.item(key["session_id"]["S"]) for key in request["Keys"]]
        if names != [""]:
            items = [{name: item[name] for name in names if name in item} for item in items]
        return {"Responses": {table: items}, "UnprocessedKeys": {}}


class Cloud:
    """All of it behind one port. ``GET /keepers`` counts open guests by keeper, ``GET /calls`` what AWS was asked.

    ``GET /delays``: how late frames reached visitors.
    """

    def __init__(self, sockets_url: str) -> None:
        self._sockets_url, self._numbers = sockets_url, count(1)
        self._counts: Counter[str] = Counter()
        self._delays_ms: list[int] = []
        self._queue, self.table = Queue(), Table()
        self._calls: dict[str, Callable[[Answer], Answer]] = {
            "AmazonSQS.SendMessage": self._queue.send_message,
            "AmazonSQS.ReceiveMessage": self._queue.receive_message,
            "AmazonSQS.ChangeMessageVisibilityBatch": self._queue.change_message_visibility_batch,
            "AmazonSQS.DeleteMessageBatch": self._queue.delete_message_batch,
            "DynamoDB_20120810.UpdateItem": self.table.update_item,
            "DynamoDB_20120810.GetItem": self.table.get_item,
            "DynamoDB_20120810.BatchGetItem": self.table.batch_get_item,
            "DynamoDB_20120810.Query": lambda _: {"Items": []},
            "secretsmanager.GetSecretValue": lambda _: {"SecretString": '{"client_id": "c", "client_secret": "s"}'},
        }

    async def aws(self, request: web.Request) -> web.Response:
        call = json.loads(await request.read())
        name = request.headers["X-Amz-Target"]
        self._counts[name.rpartition(".")[2]] += 1
        answer = self._calls[name](call)
        if name.endswith("ReceiveMessage"):
            until = time.monotonic() + call["WaitTimeSeconds"]
            while not answer["Messages"] and time.monotonic() < until:  # SQS's long poll
                await asyncio.sleep(0.05)
                answer = self._calls[name](call)
        if name.endswith("UpdateItem") and not answer:
            answer = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}
            return web.json_response(answer, status=400)
        return web.json_response(answer)

    async def token(self, _request: web.Request) -> web.Response:
        return web.json_response({"access_token": "token", "expires_in": 3600})

    async def guests(self, _request: web.Request) -> web.Response:
        guest_id = f"guest-{next(self._numbers)}"
        return web.json_response({"id": guest_id, "webSocketUrl": f"{self._sockets_url}/{guest_id}?secret=1"})

    async def access(self, request: web.Request) -> web.Response:
        """Digital-First: an anonymous visitor."""
        asked = await request.json()
        return web.json_response({"accessToken": "token", "expiresIn": 86_400, **asked})

    async def channel(self, _request: web.Request) -> web.Response:
        return web.json_response({"isLiveChat": True, "isAuthorizationEnabled": False})

    async def availability(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "online"})

    async def line(self, request: web.Request) -> web.WebSocketResponse:
        """A keeper's; nobody nudges."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def post(self, request: web.Request) -> web.Response:
        self._counts["PostToConnection"] += 1
        if sent := SENT.search(await request.read()):
            self._delays_ms.append(time.time_ns() // 1_000_000 - int(sent[1]))
        return web.Response()

    async def delays(self, _request: web.Request) -> web.Response:
        """How late the frames posted since the last such call were, in ms: those that say when they were sent."""
        delays, self._delays_ms = self._delays_ms, []
        return web.json_response(delays)

    async def put_sessions(self, request: web.Request) -> web.Response:
        """Ask for a guest for each of ``count`` sessions."""
        for number in range(int(request.query["count"])):
            self._queue.send_message({"MessageBody": json.dumps({"session": f"session-{number:06}"})})
        return web.Response()

    async def keepers(self, _request: web.Request) -> web.Response:
        counts: dict[str, int] = {}
        for item in self.table._items.values():
            if item["guest_status"]["S"] == "open":
                counts[item["keeper"]["S"]] = counts.get(item["keeper"]["S"], 0) + 1
        return web.json_response(counts)

    async def calls(self, _request: web.Request) -> web.Response:
        return web.json_response(self._counts)

    async def run(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/v1/oauth/token", self.token),
                web.post("/api/v1/webchat/guests", self.guests),
                web.post("/oauth/token", self.access),
                web.get("/chat/1.0/brand/{brand}/channel/{channel}", self.channel),
                web.get("/chat/1.0/brand/{brand}/channel/{channel}/availability", self.availability),
                web.get("/line", self.line),
                web.post("/@connections/{connection}", self.post),
                web.post("/sessions", self.put_sessions),
                web.get("/keepers", self.keepers),
                web.get("/calls", self.calls),
                web.get("/delays", self.delays),
                web.post("/{path:.*}", self.aws),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(Cloud(sys.argv[1]).run())
