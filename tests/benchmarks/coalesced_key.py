"""What a coalesced key costs the keystroke function (T8), beside the bare write with boto3 and with our own client.

CPU of this process only, so that the machine's other work does not count; a stand-in for DynamoDB answers from another.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import boto3
from botocore.config import Config

from tests.support.load_function import FUNCTIONS, load_function

KEYS, ROUNDS = 500, 5
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


WRITE = {
    "TableName": "sessions",
    "Key": {"session_id": {"S": "alice"}},
    "UpdateExpression": "SET #keys.#c = :at ADD revision :one",
    "ConditionExpression": "attribute_exists(session_id)",
    "ExpressionAttributeNames": {"#keys": "keys", "#c": "P3sVVdGkDoECJhQ="},
    "ExpressionAttributeValues": {":at": {"N": "1"}, ":one": {"N": "1"}},
    "ReturnValues": "ALL_NEW",
}


class Answers(BaseHTTPRequestHandler):
    """Answers every write with the record, a lease alive."""

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


class Invocation:
    """What Lambda tells a function about an invocation."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "benchmark"


def serve(port: Connection) -> None:
    """Answer until killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
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
    measured = {"boto3's update_item": with_boto3(), "our client's": with_our_client(), "the whole handler": handler()}
    cpu_ms: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):  # in turns, so that the machine's moods meet all of them
        for name, once in measured.items():
            cpu_ms[name].append(cpu_of(once))
    server.terminate()
    peer = median(cpu_ms["boto3's update_item"])
    print(f"\na coalesced key, CPU of the process for one, median of {ROUNDS} rounds of {KEYS}\n")
    for name, rounds in cpu_ms.items():
        print(f"  {name:<22}{median(rounds):>8.2f} ms{median(rounds) / peer:>8.2f} x boto3's")


def cpu_of(once: Callable[[], Any]) -> float:
    """CPU of one call in ms."""
    for _ in range(20):
        once()
    began = time.process_time()
    for _ in range(KEYS):
        once()
    return (time.process_time() - began) * 1000 / KEYS


def with_boto3() -> Callable[[], Any]:
    """The one write, nothing around it."""
    client = boto3.client("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 3}))
    return lambda: client.update_item(**WRITE)


def with_our_client() -> Callable[[], Any]:
    """The same."""
    from typing_relay import runtime

    client = runtime.dynamodb()
    return lambda: client.update_item(**WRITE)


def handler() -> Callable[[], Any]:
    """The keystroke function on a frame that is coalesced."""
    function = load_function("keystroke")
    event = json.loads((FUNCTIONS.parent / "events/keystroke.json").read_text())
    event["requestContext"]["authorizer"]["expires_at"] = _FAR
    return lambda: function.handler(event, Invocation())


if __name__ == "__main__":
    main()
