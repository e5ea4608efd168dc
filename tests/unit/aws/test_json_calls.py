"""The AWS calls that do not go through boto3: they say the same as boto3's, and fail the same."""

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
from botocore.exceptions import ClientError, HTTPClientError
from typing_relay.aws import json_calls
from typing_relay.aws.json_calls import DynamoCalls, JsonCalls
from typing_relay.aws.visibility import Visibility

REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_session_token": "token"}
QUEUE_URL = "https://sqs.example/1/guests"
UPDATE = {"TableName": "sessions", "Key": {"session_id": {"S": "alice"}}, "UpdateExpression": "SET a = :a"}
REFUSED = {
    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "message": "The conditional request failed",
    "Item": {"session_id": {"S": "alice"}},
}


class Aws(http.server.ThreadingHTTPServer):
    """Notes requests and answers them, each the same; the first ``down`` ones not at all, or with ``statuses``."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.statuses: list[int] = []
        self.answer: dict[str, Any] = {}
        self.down = 0
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def client(self, service: str) -> Any:
        """boto3's, towards here."""
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **KEYS)

    def calls(self, service: str, target: str) -> JsonCalls:
        """Ours, towards here."""
        return JsonCalls(self.client(service), Credentials("AKIDEXAMPLE", "secret", "token"), target)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Aws

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        if self.server.down:
            self.server.down -= 1
            self.close_connection = True
            return
        answer = json.dumps(self.server.answer).encode()
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setattr(json_calls, "LONGEST_PAUSE_S", 0.0)
    pytest_socket.enable_socket()  # loopback only, to see what goes over the wire
    server = Aws()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def visibility(aws: Aws) -> Visibility:
    return Visibility(aws.calls("sqs", "AmazonSQS"), QUEUE_URL)


@pytest.fixture
def dynamo(aws: Aws) -> DynamoCalls:
    return DynamoCalls(aws.calls("dynamodb", "DynamoDB_20120810"))


def same_but_for_the_signature(requests: list[tuple[dict[str, str], Any]]) -> bool:
    """Two requests ask for the same."""
    (ours, our_body), (theirs, their_body) = requests
    same = ("x-amz-target", "content-type", "x-amz-security-token")
    return our_body == their_body and [ours[name] for name in same] == [theirs[name] for name in same]


def test_a_change_of_visibility_says_what_boto3_says(aws: Aws, visibility: Visibility) -> None:
    visibility.change(["r0", "r1"], 30)
    aws.client("sqs").change_message_visibility_batch(
        QueueUrl=QUEUE_URL,
        Entries=[{"Id": str(n), "ReceiptHandle": f"r{n}", "VisibilityTimeout": 30} for n in range(2)],
    )
    assert same_but_for_the_signature(aws.requests)


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("update_item", UPDATE),
        ("get_item", {"TableName": "sessions", "Key": UPDATE["Key"], "ConsistentRead": True}),
        ("batch_get_item", {"RequestItems": {"sessions": {"Keys": [UPDATE["Key"]]}}}),
    ],
)
def test_a_call_about_a_record_says_what_boto3_says(
    aws: Aws, dynamo: DynamoCalls, operation: str, request_: dict[str, Any]
) -> None:
    getattr(dynamo, operation)(**request_)
    getattr(aws.client("dynamodb"), operation)(**request_)
    assert same_but_for_the_signature(aws.requests)


def test_it_is_signed_for_its_service_in_its_region(aws: Aws, visibility: Visibility) -> None:
    visibility.change(["r0"], 0)
    [(headers, _)] = aws.requests
    assert f"/{REGION}/sqs/aws4_request, SignedHeaders=content-type;host;x-amz-date" in headers["authorization"]


def test_messages_that_are_not_ours_any_more_are_named_by_their_places(aws: Aws, visibility: Visibility) -> None:
    aws.answer["Failed"] = [{"Id": "1", "SenderFault": True}, {"Id": "0", "SenderFault": False}]
    assert visibility.change(["r0", "r1"], 30) == [1]


def test_a_refusal_is_raised_as_boto3_raises_it(aws: Aws, dynamo: DynamoCalls) -> None:
    """With the item that failed the condition."""
    aws.answer, aws.statuses = REFUSED, [400, 400]
    with pytest.raises(ClientError) as ours:
        dynamo.update_item(**UPDATE)
    with pytest.raises(ClientError) as theirs:
        aws.client("dynamodb").update_item(**UPDATE)
    for part in ("Error", "Item"):
        assert ours.value.response[part] == theirs.value.response[part]  # type: ignore[literal-required]
    assert len(aws.requests) == 2


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_at_aws_is_tried_again(aws: Aws, dynamo: DynamoCalls, status: int) -> None:
    aws.statuses = [status, status]
    assert dynamo.update_item(**UPDATE) == {}
    assert len(aws.requests) == 3


def test_a_throttled_call_is_tried_again_and_given_up_after_the_third_time(aws: Aws, dynamo: DynamoCalls) -> None:
    aws.answer, aws.statuses = {"__type": "x#ThrottlingException"}, [400] * 4
    with pytest.raises(ClientError, match="ThrottlingException"):
        dynamo.update_item(**UPDATE)
    assert len(aws.requests) == 3


def test_a_lost_connection_is_opened_anew(aws: Aws, dynamo: DynamoCalls) -> None:
    """AWS closes those that were idle."""
    aws.down = 2
    assert dynamo.update_item(**UPDATE) == {}


def test_without_any_answer_the_call_fails(aws: Aws, dynamo: DynamoCalls) -> None:
    aws.down = 3
    with pytest.raises(HTTPClientError, match="RemoteDisconnected"):
        dynamo.update_item(**UPDATE)


def test_a_caller_that_tries_again_itself_is_told_at_once(aws: Aws) -> None:
    aws.statuses = [503]
    with pytest.raises(ClientError):
        JsonCalls(aws.client("sqs"), Credentials("a", "b"), "AmazonSQS", tries=1).call("Any", {})
    assert len(aws.requests) == 1


@pytest.mark.parametrize("said", [None, "no", [1]])
def test_an_answer_that_is_no_object_is_a_refusal_like_any(aws: Aws, dynamo: DynamoCalls, said: Any) -> None:
    aws.answer, aws.statuses = said, [400]
    with pytest.raises(ClientError, match="400"):
        dynamo.update_item(**UPDATE)
