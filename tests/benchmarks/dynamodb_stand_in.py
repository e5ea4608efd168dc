"""A stand-in for DynamoDB in a process of its own: answers every write with a record whose lease is alive."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

FAR_MS = str(4_102_444_800_000)
CONNECTION = "P3sVVdGkDoECJhQ="
RECORD = {
    "session_id": {"S": "alice"},
    "expires_at": {"N": FAR_MS},
    "connections": {"SS": [CONNECTION]},
    "keys": {"M": {CONNECTION: {"N": "1"}}},
    "earlier_keys": {"M": {CONNECTION: {"N": "0"}}},
    "stops": {"M": {}},
    "revision": {"N": "7"},
    "generation": {"N": "3"},
    "lease_until": {"N": FAR_MS},
    "guest_status": {"S": "open"},
    "guest_id": {"S": "guest"},
    "shown": {"BOOL": True},
}
#: What a coalesced key is.
WRITE = {
    "TableName": "sessions",
    "Key": {"session_id": {"S": "alice"}},
    "UpdateExpression": "SET #keys.#c = :at ADD revision :one",
    "ConditionExpression": "attribute_exists(session_id)",
    "ExpressionAttributeNames": {"#keys": "keys", "#c": CONNECTION},
    "ExpressionAttributeValues": {":at": {"N": "1"}, ":one": {"N": "1"}},
    "ReturnValues": "ALL_NEW",
}


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: the second of two would wait 40 ms for a delayed ACK
    disable_nagle_algorithm = True
    body = json.dumps({"Attributes": RECORD}).encode()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _serve(port: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    port.send(server.server_port)
    server.serve_forever()


@contextmanager
def dynamodb() -> Iterator[dict[str, str]]:
    """Runs it; what the environment of its callers must say."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ours.recv()}",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
    finally:
        server.terminate()
