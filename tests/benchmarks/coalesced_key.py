"""What a coalesced key costs the keystroke function, beside the bare DynamoDB write that it cannot do without (T8).

CPU of this process only, so that the machine's other work does not count; a stand-in for DynamoDB answers from another.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from typing import Any

from tests.support.load_function import FUNCTIONS, load_function

KEYS = 2_000
_FAR = str(4_102_444_800_000)
RECORD = {
    "session_id": {"S": "alice"},
    "expires_at": {"N": _FAR},
    "connections": {"SS": ["P3sVVdGkDoECJhQ="]},
    "keys": {"M": {"P3sVVdGkDoECJhQ=": {"N": "1"}}},
    "earlier_keys": {"M": {"P3sVVdGkDoECJhQ=": {"N": "0"}}},
    "stops": {"M": {}},
    "revision": {"N": "7"},
    "generation": {"N": "3"},
    "lease_until": {"N": _FAR},
    "guest_status": {"S": "open"},
    "guest_id": {"S": "guest"},
    "shown": {"BOOL": True},
}


class Answers(BaseHTTPRequestHandler):
    """Answers every write with the record, a lease alive."""

    protocol_version = "HTTP/1.1"
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


class Invocation:
    """What Lambda tells a function about an invocation."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "benchmark"


def serve(port: Connection) -> None:
    """Answer until killed."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    port.send(server.server_port)
    server.serve_forever()


def main() -> None:
    """Measure and print."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ours.recv()}",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "TABLE_NAME": "sessions",
        "STATE_MACHINE_ARN": "unused",
        "GUEST_QUEUE_URL": "unused",
        "CONNECTIONS_URL": "http://127.0.0.1:9/unused",
        "POWERTOOLS_SERVICE_NAME": "keystroke",
        "FRAME_RATE": "1000000",
        "FRAME_BURST": "1000000",
    }
    bare, whole = cpu_of(bare_write()), cpu_of(handler())
    again = cpu_of(bare_write())
    server.terminate()
    bare = (bare + again) / 2
    print(f"\na coalesced key, CPU of the function, mean of {KEYS}")
    print(f"  bare update_item {bare:.2f} ms, the whole handler {whole:.2f} ms, ratio {whole / bare:.2f}")


def cpu_of(once: Callable[[], Any]) -> float:
    """CPU of one call in ms."""
    for _ in range(100):
        once()
    began = time.process_time()
    for _ in range(KEYS):
        once()
    return (time.process_time() - began) * 1000 / KEYS


def bare_write() -> Callable[[], Any]:
    """The one write, nothing around it."""
    from typing_relay import runtime

    client = runtime.client("dynamodb")
    request = {
        "TableName": "sessions",
        "Key": {"session_id": {"S": "alice"}},
        "UpdateExpression": "SET #keys.#c = :at ADD revision :one",
        "ConditionExpression": "attribute_exists(session_id)",
        "ExpressionAttributeNames": {"#keys": "keys", "#c": "P3sVVdGkDoECJhQ="},
        "ExpressionAttributeValues": {":at": {"N": "1"}, ":one": {"N": "1"}},
        "ReturnValues": "ALL_NEW",
    }
    return lambda: client.update_item(**request)


def handler() -> Callable[[], Any]:
    """The keystroke function on a frame that is coalesced."""
    function = load_function("keystroke")
    event = json.loads((FUNCTIONS.parent / "events/keystroke.json").read_text())
    event["requestContext"]["authorizer"]["expires_at"] = _FAR
    return lambda: function.handler(event, Invocation())


if __name__ == "__main__":
    main()
