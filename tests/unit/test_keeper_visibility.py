"""The one AWS call that does not go through boto3: it says the same as boto3's."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import pytest_socket
from botocore.credentials import Credentials
from typing_relay.keeper.visibility import Visibility, VisibilityFailed

REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_session_token": "token"}
QUEUE_URL = "https://sqs.example/1/guests"


class Sqs(http.server.ThreadingHTTPServer):
    """Notes requests and answers each the same."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.status, self.answer = 200, {"Successful": [], "Failed": []}
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Sqs

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        answer = json.dumps(self.server.answer).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def sqs() -> Iterator[Sqs]:
    pytest_socket.enable_socket()  # loopback only, to see what goes over the wire
    server = Sqs()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def visibility(sqs: Sqs) -> Visibility:
    return Visibility(sqs.url, QUEUE_URL, REGION, Credentials("AKIDEXAMPLE", "secret", "token"))


def test_it_says_what_boto3_says(sqs: Sqs, visibility: Visibility) -> None:
    visibility.change(["r0", "r1"], 30)
    boto3.client("sqs", endpoint_url=sqs.url, region_name=REGION, **KEYS).change_message_visibility_batch(
        QueueUrl=QUEUE_URL,
        Entries=[{"Id": str(n), "ReceiptHandle": f"r{n}", "VisibilityTimeout": 30} for n in range(2)],
    )
    (ours, our_body), (theirs, their_body) = sqs.requests
    same = ("x-amz-target", "content-type", "x-amz-security-token")
    assert our_body == their_body
    assert [ours[name] for name in same] == [theirs[name] for name in same]


def test_it_is_signed_for_sqs_in_its_region(sqs: Sqs, visibility: Visibility) -> None:
    visibility.change(["r0"], 0)
    [(headers, _)] = sqs.requests
    assert f"/{REGION}/sqs/aws4_request, SignedHeaders=content-type;host;x-amz-date" in headers["authorization"]


def test_messages_that_are_not_ours_any_more_are_named_by_their_places(sqs: Sqs, visibility: Visibility) -> None:
    sqs.answer["Failed"] = [{"Id": "1", "SenderFault": True}, {"Id": "0", "SenderFault": False}]
    assert visibility.change(["r0", "r1"], 30) == [1]


def test_a_refusal_is_raised_with_what_sqs_said(sqs: Sqs, visibility: Visibility) -> None:
    sqs.status, sqs.answer = 403, {"__type": "AccessDenied"}
    with pytest.raises(VisibilityFailed, match="SQS answered 403"):
        visibility.change(["r0"], 30)


def test_calls_go_on_after_the_connection_was_lost(sqs: Sqs, visibility: Visibility) -> None:
    visibility.change(["r0"], 30)
    visibility._connection().sock.close()
    with pytest.raises(VisibilityFailed):
        visibility.change(["r0"], 30)
    assert visibility.change(["r0"], 30) == []
