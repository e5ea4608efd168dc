"""What a coalesced key costs the keystroke function (T8), beside the bare write with boto3 and with our own client.

CPU of this process only, so that the machine's other work does not count; a stand-in for DynamoDB answers from another.
"""

import json
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import boto3
from botocore.config import Config

from tests.benchmarks.dynamodb_stand_in import FAR_MS, WRITE, dynamodb
from tests.support.invocation import Invocation
from tests.support.load_function import FUNCTIONS, load_function

KEYS, ROUNDS = 500, 5
SETTINGS = {
    "TABLE_NAME": "sessions",
    "STATE_MACHINE_ARN": "unused",
    "GUEST_QUEUE_URL": "unused",
    "CONNECTIONS_URL": "http://127.0.0.1:9/unused",
    "POWERTOOLS_SERVICE_NAME": "keystroke",
    "FRAME_RATE": "1000000",
    "FRAME_BURST": "1000000",
}


def main() -> None:
    """Measure and print."""
    with dynamodb() as environment:
        os.environ |= environment | SETTINGS
        measure()


def measure() -> None:
    """The write with each client, and the handler."""
    measured = {"boto3's update_item": with_boto3(), "our client's": with_our_client(), "the whole handler": handler()}
    cpu_ms: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):  # in turns, so that the machine's moods meet all of them
        for name, once in measured.items():
            cpu_ms[name].append(cpu_of(once))
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
    event["requestContext"]["authorizer"]["expires_at"] = FAR_MS
    return lambda: function.handler(event, Invocation())


if __name__ == "__main__":
    main()
