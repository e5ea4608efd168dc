"""The product's own AWS client beside boto3: it says the same, tries again for the same, and fails the same."""

from __future__ import annotations

import time
import zlib
from email.utils import formatdate
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from typing_relay import deadline
from typing_relay.aws import client
from typing_relay.aws.client import CallLimits, DeadlinePassed
from typing_relay.aws.credentials import Keys
from typing_relay.aws.services import Account, DynamoDb, SecretsManager, Sqs, StepFunctions, VisitorConnections
from typing_relay.aws.visibility import Visibility

from tests.support.http_peer import CLOSE, DRIP, HALF, RESET, SILENCE, HttpPeer, Reply, Request

REGION = "eu-central-1"
KEYS = Keys("AKIDEXAMPLE", "secret", "token")
LIMITS = CallLimits(connect_s=1, read_s=1, tries=3)
QUEUE_URL = "https://sqs.example/1/guests"
KEY = {"session_id": {"S": "alice"}}
UPDATE = {"TableName": "sessions", "Key": KEY, "UpdateExpression": "SET a = :a"}
CONNECTION = "P3sVVdGkDoECJhQ="
#: Service as boto3 names it, operation, arguments: every call that the product makes.
CALLS = [
    ("dynamodb", "update_item", UPDATE),
    ("dynamodb", "get_item", {"TableName": "sessions", "Key": KEY, "ConsistentRead": True}),
    ("dynamodb", "put_item", {"TableName": "sessions", "Item": KEY}),
    ("dynamodb", "query", {"TableName": "sessions", "KeyConditionExpression": "a = :a", "Limit": 5}),
    ("dynamodb", "batch_get_item", {"RequestItems": {"sessions": {"Keys": [KEY]}}}),
    ("stepfunctions", "start_execution", {"stateMachineArn": "arn:aws:states:x", "input": '{"a": "ä"}'}),
    ("sqs", "send_message", {"QueueUrl": QUEUE_URL, "MessageBody": "{}"}),
    ("sqs", "receive_message", {"QueueUrl": QUEUE_URL, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 2}),
    ("sqs", "delete_message_batch", {"QueueUrl": QUEUE_URL, "Entries": [{"Id": "0", "ReceiptHandle": "r"}]}),
    (
        "sqs",
        "change_message_visibility_batch",
        {"QueueUrl": QUEUE_URL, "Entries": [{"Id": "0", "ReceiptHandle": "r", "VisibilityTimeout": 30}]},
    ),
    ("secretsmanager", "get_secret_value", {"SecretId": "cxone", "VersionStage": "AWSPREVIOUS"}),
    ("apigatewaymanagementapi", "post_to_connection", {"ConnectionId": CONNECTION, "Data": b'{"type":"pong"}'}),
    ("apigatewaymanagementapi", "get_connection", {"ConnectionId": CONNECTION}),
    ("apigatewaymanagementapi", "delete_connection", {"ConnectionId": CONNECTION}),
]
OURS = {"dynamodb": DynamoDb, "stepfunctions": StepFunctions, "sqs": Sqs, "secretsmanager": SecretsManager}


class Whoever:
    """Credentials of somebody; `others` are found once these have been forgotten."""

    def __init__(self, others: Keys | None = None) -> None:
        self._keys, self._others = KEYS, others

    def keys(self) -> Keys:
        return self._keys

    def forget(self) -> bool:
        found, self._others = self._others, None
        self._keys = found or self._keys
        return found is not None


def ours(service: str, peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, limits: CallLimits = LIMITS) -> Any:
    account = Account(REGION, Whoever())
    if service == "apigatewaymanagementapi":
        return VisitorConnections(account, f"{peer.url}/live", limits)
    monkeypatch.setenv("AWS_ENDPOINT_URL", peer.url)
    return OURS[service](account, limits)


def theirs(service: str, peer: HttpPeer) -> Any:
    url = f"{peer.url}/live" if service == "apigatewaymanagementapi" else peer.url
    keys = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), KEYS, strict=True))
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    return boto3.client(service, endpoint_url=url, region_name=REGION, config=config, **keys)


@pytest.fixture
def dynamodb(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch) -> DynamoDb:
    made: DynamoDb = ours("dynamodb", peer, monkeypatch)
    return made


# --- the same as boto3


def essence(request: Request) -> tuple[Any, ...]:
    names = ("x-amz-target", "content-type", "x-amz-security-token", "host", "content-length")
    scope = request.headers["authorization"].partition("/")[2].partition(",")[0]
    return request.method, request.path, request.body, scope, [request.headers.get(name) for name in names]


@pytest.mark.parametrize(("service", "operation", "arguments"), CALLS)
def test_every_call_says_what_boto3_says(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, service: str, operation: str, arguments: dict[str, Any]
):
    """Same path, body, target and scope of the signature."""
    getattr(ours(service, peer, monkeypatch), operation)(**arguments)
    getattr(theirs(service, peer), operation)(**arguments)
    our_request, their_request = peer.requests
    assert essence(our_request) == essence(their_request)


REFUSALS = {
    "a condition failed": Reply(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": {"session_id": {"S": "alice"}},
        },
        400,
    ),
    "the message is capitalised": Reply({"__type": "AccessDeniedException", "Message": "no"}, 400),
    "SQS names it as it used to": Reply(
        {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"},
        400,
        {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
    ),
    "nothing names it": Reply({}, 403),
}


@pytest.mark.parametrize("reply", REFUSALS.values(), ids=REFUSALS.keys())
@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_a_refusal_is_raised_as_boto3_raises_it(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, service: str, reply: Reply
):
    """With the item that failed the condition."""
    operation, arguments = next(call[1:] for call in CALLS if call[0] == service)
    peer.say(reply, reply)
    raised = []
    for made in (ours(service, peer, monkeypatch), theirs(service, peer)):
        with pytest.raises(ClientError) as refused:
            getattr(made, operation)(**arguments)
        raised.append(refused.value.response)
    our_response, their_response = raised
    assert our_response["Error"]["Code"] == their_response["Error"]["Code"]
    assert our_response["Error"]["Message"] == their_response["Error"].get("Message", "")
    if service == "dynamodb":
        assert our_response.get("Item") == their_response.get("Item")
    assert [it["ResponseMetadata"]["HTTPStatusCode"] for it in raised] == [reply.status] * 2


def test_a_connection_that_is_gone_is_refused_as_boto3_refuses_it(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch):
    """API Gateway names its errors in a header."""
    peer.otherwise = Reply({"message": "Gone"}, 410, {"x-amzn-ErrorType": "GoneException:http://x/"})
    for made in (ours("apigatewaymanagementapi", peer, monkeypatch), theirs("apigatewaymanagementapi", peer)):
        with pytest.raises(ClientError) as refused:
            made.post_to_connection(ConnectionId=CONNECTION, Data=b"{}")
        assert refused.value.response["Error"]["Code"] == "GoneException"


@pytest.mark.parametrize("said", [b"<html>", b"[1]", b"null", b""])
def test_an_answer_that_is_no_object_is_a_refusal_like_any(peer: HttpPeer, dynamodb: DynamoDb, said: bytes):
    """And nothing of it gets into a log."""
    peer.say(Reply(said, 400))
    with pytest.raises(ClientError, match="400") as refused:
        dynamodb.update_item(**UPDATE)
    assert refused.value.response["Error"]["Message"] == ""


def test_an_error_names_the_request_for_awss_support(peer: HttpPeer, dynamodb: DynamoDb):
    peer.say(Reply({"__type": "AccessDeniedException"}, 400, {"x-amzn-RequestId": "R1"}))
    with pytest.raises(ClientError) as refused:
        dynamodb.update_item(**UPDATE)
    assert refused.value.response["ResponseMetadata"]["RequestId"] == "R1"


def test_it_tries_again_for_what_boto3_tries_again_for():
    """The lists of its standard mode."""
    codes = {*ThrottledRetryableChecker._THROTTLED_ERROR_CODES, *TransientRetryableChecker._TRANSIENT_ERROR_CODES}
    assert codes == client.TRANSIENT_CODES
    assert set(client.TRANSIENT_STATUSES) == set(TransientRetryableChecker._TRANSIENT_STATUS_CODES)


# --- trying again


@pytest.mark.parametrize("trouble", [Reply({}, 500), Reply({}, 503), CLOSE, RESET, HALF])
def test_passing_trouble_is_tried_again(peer: HttpPeer, dynamodb: DynamoDb, trouble: Reply | str):
    peer.say(trouble, trouble)
    assert dynamodb.update_item(**UPDATE) == {}
    assert len(peer.requests) == 3


def test_a_try_that_is_not_answered_in_time_is_tried_again(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch):
    dynamodb = ours("dynamodb", peer, monkeypatch, LIMITS._replace(read_s=0.05))
    peer.say(SILENCE)
    assert dynamodb.update_item(**UPDATE) == {}


def test_a_throttled_call_is_given_up_after_the_last_try(peer: HttpPeer, dynamodb: DynamoDb):
    peer.otherwise = Reply({"__type": "x#ThrottlingException"}, 400)
    with pytest.raises(ClientError, match="ThrottlingException"):
        dynamodb.update_item(**UPDATE)
    assert len(peer.requests) == 3


def test_a_refusal_is_not_tried_again(peer: HttpPeer, dynamodb: DynamoDb):
    peer.otherwise = Reply({"__type": "x#ConditionalCheckFailedException"}, 400)
    with pytest.raises(ClientError):
        dynamodb.update_item(**UPDATE)
    assert len(peer.requests) == 1


def test_without_any_answer_the_call_fails_and_names_the_cause(peer: HttpPeer, dynamodb: DynamoDb):
    peer.say(CLOSE, CLOSE, CLOSE)
    with pytest.raises(HTTPClientError, match="RemoteDisconnected"):
        dynamodb.update_item(**UPDATE)


def test_a_caller_that_tries_again_itself_is_told_at_once(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch):
    peer.say(Reply({}, 503))
    with pytest.raises(ClientError):
        ours("sqs", peer, monkeypatch, LIMITS._replace(tries=1)).send_message(QueueUrl=QUEUE_URL, MessageBody="{}")
    assert len(peer.requests) == 1


def test_tries_are_apart_by_a_random_part_of_a_doubling_pause(
    peer: HttpPeer, dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch
):
    """Full jitter: many functions that fail together do not come back together."""
    pauses: list[float] = []
    monkeypatch.setattr(client, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr("random.random", lambda: 0.5)
    monkeypatch.setattr("time.sleep", pauses.append)
    peer.say(CLOSE, CLOSE)
    dynamodb.update_item(**UPDATE)
    assert pauses == [0.05, 0.1]


def test_an_answer_that_does_not_fit_its_checksum_is_fetched_again(peer: HttpPeer, dynamodb: DynamoDb):
    """DynamoDB's x-amz-crc32, as boto3 heeds it."""
    good = zlib.crc32(b"{}")
    peer.say(Reply({}, headers={"x-amz-crc32": str(good + 1)}), Reply({}, headers={"x-amz-crc32": str(good)}))
    assert dynamodb.update_item(**UPDATE) == {}
    assert len(peer.requests) == 2


def test_a_good_answer_that_is_no_json_is_an_error_like_a_lost_one(peer: HttpPeer, dynamodb: DynamoDb):
    """A proxy on the way said something of its own."""
    peer.say(Reply(b"<html>"))
    with pytest.raises(HTTPClientError, match="no JSON"):
        dynamodb.update_item(**UPDATE)


# --- the deadline of the work in hand


@pytest.mark.parametrize("trouble", [SILENCE, DRIP])
def test_a_call_without_an_answer_ends_by_the_deadline(peer: HttpPeer, dynamodb: DynamoDb, trouble: str):
    """Three tries of a second each would take longer. A byte now and then does not lengthen them."""
    peer.say(trouble, trouble, trouble)
    began = time.monotonic()
    with deadline.within(0.4), pytest.raises(HTTPClientError, match="Timeout"):
        dynamodb.update_item(**UPDATE)
    assert 0.3 < time.monotonic() - began < 0.6


def test_an_answer_that_drips_has_no_more_time_than_one_read(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch):
    """Without a deadline, too."""
    peer.say(DRIP)
    began = time.monotonic()
    with pytest.raises(HTTPClientError, match="Timeout"):
        ours("dynamodb", peer, monkeypatch, CallLimits(connect_s=1, read_s=0.3, tries=1)).update_item(**UPDATE)
    assert time.monotonic() - began < 0.6


def test_no_try_begins_that_the_deadline_leaves_no_time_for(peer: HttpPeer, dynamodb: DynamoDb):
    with deadline.within(client.SHORTEST_TRY_S / 2), pytest.raises(DeadlinePassed):
        dynamodb.update_item(**UPDATE)
    assert peer.requests == []


def test_the_trouble_is_raised_where_a_pause_and_another_try_do_not_fit(
    peer: HttpPeer, dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch
):
    """It says more than that the time was over."""
    monkeypatch.setattr(client, "LONGEST_PAUSE_S", 30.0)
    monkeypatch.setattr("random.random", lambda: 1.0)
    peer.otherwise = Reply({"__type": "x#ThrottlingException"}, 400)
    with deadline.within(20), pytest.raises(ClientError, match="ThrottlingException"):
        dynamodb.update_item(**UPDATE)
    assert len(peer.requests) == 1


def test_with_time_left_trouble_is_tried_again_as_ever(peer: HttpPeer, dynamodb: DynamoDb):
    peer.say(CLOSE, RESET)
    with deadline.within(20):
        assert dynamodb.update_item(**UPDATE) == {}


# --- who calls, and when


def test_expired_keys_are_replaced_once(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch):
    """A profile signed in again, a role's new keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", peer.url)
    dynamodb = DynamoDb(Account(REGION, Whoever(Keys("AKIDOTHER", "s", None))), LIMITS)
    peer.say(Reply({"__type": "x#ExpiredTokenException"}, 400))
    dynamodb.update_item(**UPDATE)
    assert ["AKIDOTHER" in request.headers["authorization"] for request in peer.requests] == [False, True]


def test_expired_keys_without_others_are_an_error_that_says_so(peer: HttpPeer, dynamodb: DynamoDb):
    peer.otherwise = Reply({"__type": "x#ExpiredTokenException", "message": "The token has expired"}, 400)
    with pytest.raises(ClientError, match="The token has expired"):
        dynamodb.update_item(**UPDATE)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_wrong_is_set_by_awss(peer: HttpPeer, dynamodb: DynamoDb, hours: int):
    """The signature is refused once, and good from then on."""
    now = time.time() + hours * 3600
    peer.say(Reply({"__type": "x#InvalidSignatureException"}, 400, {"Date": formatdate(now, usegmt=True)}))
    dynamodb.update_item(**UPDATE)
    dynamodb.update_item(**UPDATE)
    said = [request.headers["x-amz-date"][:11] for request in peer.requests]
    theirs_ = time.strftime("%Y%m%dT%H", time.gmtime(now))
    assert said[1:] == [theirs_] * 2
    assert said[0] != theirs_


@pytest.mark.parametrize("said", ["now", "yesterday", ""])
def test_a_refusal_while_the_clock_is_right_is_final(peer: HttpPeer, dynamodb: DynamoDb, said: str):
    """Or while AWS says nothing that tells."""
    date = formatdate(usegmt=True) if said == "now" else said
    peer.otherwise = Reply({"__type": "x#InvalidSignatureException"}, 400, {"Date": date})
    with pytest.raises(ClientError):
        dynamodb.update_item(**UPDATE)
    assert len(peer.requests) == 1


def test_the_port_is_part_of_the_host_unless_it_is_the_usual_one():
    """As boto3 and every HTTP client sign it."""
    hosts = {}
    for url in ("https://aws.example", "https://aws.example:443", "http://aws.example:80", "https://aws.example:8443"):
        made = client.Client(client.Service("sqs"), url, REGION, Whoever(), LIMITS)
        hosts[url] = made._host
    assert list(hosts.values()) == ["aws.example"] * 3 + ["aws.example:8443"]


# --- the guest queue


def test_only_messages_that_sqs_reports_successful_count_as_renewed(peer: HttpPeer, monkeypatch: pytest.MonkeyPatch):
    """Lost: the receipt is no longer ours. Not changed: SQS failed, or does not name the entry at all."""
    failed = [{"Id": "1", "SenderFault": True}, {"Id": "0", "SenderFault": False}]
    peer.say(Reply({"Successful": [{"Id": "2"}], "Failed": failed}))
    visibility = Visibility(ours("sqs", peer, monkeypatch), QUEUE_URL)
    assert visibility.change(["r0", "r1", "r2", "r3"], 30) == ([1], [0, 3])


def test_a_renewal_names_each_message_by_its_receipt_and_the_time_to_hide_it(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch
):
    peer.say(Reply({"Successful": [{"Id": "0"}, {"Id": "1"}]}))
    Visibility(ours("sqs", peer, monkeypatch), QUEUE_URL).change(["r0", "r1"], 30)
    entries = peer.requests[0].json["Entries"]
    assert entries[1] == {"Id": "1", "ReceiptHandle": "r1", "VisibilityTimeout": 30}
