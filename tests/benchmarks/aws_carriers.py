"""The CPU cost of calling AWS by boto3, by botocore's signing over two HTTP clients, and by our own client.

Each runs in a separate process, in turns: the CPU of its imports and first call, and of each further call. All make the
same UpdateItem against the same stand-in. docs/decisions.md has the results and what followed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from urllib.parse import urlsplit

ROUNDS, CALLS = 10, 500
TARGET = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.UpdateItem"}
Call = Callable[[bytes], bytes]


def with_boto3() -> Call:
    """boto3, as in Lambda's runtime."""
    import boto3

    client = boto3.client("dynamodb")
    return lambda body: json.dumps(client.update_item(**json.loads(body))["Attributes"]).encode()


def _signed_by_botocore() -> Callable[[bytes], dict[str, str]]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    signer = SigV4Auth(Credentials("x", "x"), "dynamodb", "eu-central-1")

    def sign(body: bytes) -> dict[str, str]:
        request = AWSRequest("POST", f"{os.environ['AWS_ENDPOINT_URL']}/", data=body, headers=dict(TARGET))
        signer.add_auth(request)
        return dict(request.headers)

    return sign


def _over_http_client(sign: Callable[[bytes], dict[str, str]]) -> Call:
    import http.client

    connection = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)

    def call(body: bytes) -> bytes:
        connection.request("POST", "/", body, sign(body))
        return connection.getresponse().read()

    return call


def with_botocore_over_http_client() -> Call:
    """What the keeper used before."""
    return _over_http_client(_signed_by_botocore())


def with_botocore_over_urllib3() -> Call:
    """boto3's own HTTP client."""
    import urllib3

    sign, pool = _signed_by_botocore(), urllib3.PoolManager()
    url = f"{os.environ['AWS_ENDPOINT_URL']}/"
    return lambda body: pool.request("POST", url, body=body, headers=sign(body), retries=False).data


def with_ours() -> Call:
    """The product's own client."""
    from typing_relay.aws.client import Limits
    from typing_relay.aws.services import Account, DynamoDb

    client = DynamoDb(Account.here(), Limits(connect_s=1, read_s=2, tries=3))
    return lambda body: json.dumps(client.update_item(**json.loads(body))["Attributes"]).encode()


CARRIERS: dict[str, Callable[[], Call]] = {
    "boto3": with_boto3,
    "botocore signs, http.client sends": with_botocore_over_http_client,
    "botocore signs, urllib3 sends": with_botocore_over_urllib3,
    "our own client": with_ours,
}


def carry(name: str, write: bytes) -> None:
    """In a separate process: print the CPU in ms of import and first call, and of each further call."""
    began = _cpu_ms()
    call = CARRIERS[name]()
    first = call(write)
    assert b'"alice"' in first, first
    cold = _cpu_ms() - began
    began = _cpu_ms()
    for _ in range(CALLS):
        call(write)
    print(json.dumps([cold, (_cpu_ms() - began) / CALLS]))


def _cpu_ms() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> None:
    """Measure and print."""
    from tests.benchmarks.dynamodb_stand_in import WRITE, dynamodb

    measured: dict[str, list[list[float]]] = {name: [] for name in CARRIERS}
    with dynamodb() as environment:
        for _ in range(ROUNDS):  # in turns, so that changes of the machine's load affect all of them
            for name in CARRIERS:
                command = [sys.executable, "-m", "tests.benchmarks.aws_carriers", name, json.dumps(WRITE)]
                run = subprocess.run(command, env=os.environ | environment, capture_output=True, check=True)
                measured[name].append(json.loads(run.stdout))
    print(f"\nCPU of a process that calls AWS, all its threads, median of {ROUNDS}\n")
    print(f"  {'':<36}{'import and first call':>24}{f'each of {CALLS} further ones':>28}")
    peer = [median(column) for column in zip(*measured["boto3"], strict=True)]
    for name, rounds in measured.items():
        cold, warm = (median(column) for column in zip(*rounds, strict=True))
        print(f"  {name:<36}{cold:>13.0f} ms{cold / peer[0]:>6.2f} x{warm:>17.2f} ms{warm / peer[1]:>6.2f} x")


if __name__ == "__main__":
    carry(sys.argv[1], sys.argv[2].encode())
