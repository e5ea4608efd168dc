"""Nudges on DynamoDB as moto has it, posted to connections that note them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, HTTPClientError
from moto import mock_aws
from typing_relay.aws.keeper_lines import REMEMBER_MS, KeeperLines, Line, Nudges

NUDGE = {"session": "alice", "generation": 3}


class Posts:
    """API Gateway's @connections: notes posts, answers 410 for those that are gone."""

    def __init__(self) -> None:
        self.to: list[str] = []
        self.gone: set[str] = set()
        self.error: Exception | None = None

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803  # boto3's
        if self.error:
            raise self.error
        if ConnectionId in self.gone:
            raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 410}}, "PostToConnection")  # type: ignore[typeddict-item]
        self.to.append(ConnectionId)


class CountedReads(KeeperLines):
    reads = 0

    def find(self, keeper: str) -> Line | None:
        self.reads += 1
        return super().find(keeper)


class Scene:
    def __init__(self, client: Any) -> None:
        self.now = 1_800_000_000_000
        self.lines = CountedReads(client, "keepers", lambda: self.now)
        self.posts = Posts()
        self.nudges = Nudges(self.lines, self.posts, lambda: self.now)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with mock_aws():
        client = boto3.client("dynamodb", "eu-central-1")
        client.create_table(
            TableName="keepers",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "keeper", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "keeper", "KeyType": "HASH"}],
        )
        yield Scene(client)


def test_a_nudge_goes_to_the_line_of_the_keeper_it_names(scene: Scene) -> None:
    scene.lines.note("one", Line("line 1"))
    scene.lines.note("two", Line("line 2"))
    assert scene.nudges.send("two", NUDGE)
    assert scene.posts.to == ["line 2"]


def test_a_line_is_looked_up_once_for_many_nudges(scene: Scene) -> None:
    """A burst's first key pays for no read."""
    scene.lines.note("one", Line("line 1"))
    assert all(scene.nudges.send("one", NUDGE) for _ in range(3))
    assert scene.lines.reads == 1


def test_a_keeper_that_has_a_new_line_is_found_on_it(scene: Scene) -> None:
    scene.lines.note("one", Line("line 1"))
    scene.nudges.send("one", NUDGE)
    scene.lines.note("one", Line("line 2"))
    scene.posts.gone = {"line 1"}
    assert scene.nudges.send("one", NUDGE)
    assert scene.posts.to == ["line 1", "line 2"]


def test_what_is_remembered_is_looked_up_again_after_a_while(scene: Scene) -> None:
    scene.lines.note("one", Line("line 1"))
    scene.nudges.send("one", NUDGE)
    scene.lines.note("one", Line("line 2"))
    scene.now += REMEMBER_MS
    scene.nudges.send("one", NUDGE)
    assert scene.posts.to[-1] == "line 2"


def test_a_keeper_without_a_line_is_not_nudged(scene: Scene) -> None:
    assert not scene.nudges.send("nobody", NUDGE)


def test_a_line_that_has_ended_is_said_to_be_so(scene: Scene) -> None:
    scene.lines.note("one", Line("line 1"))
    scene.posts.gone = {"line 1"}
    assert not scene.nudges.send("one", NUDGE)


@pytest.mark.parametrize(
    "trouble",
    [
        HTTPClientError(error="reset"),
        ClientError({"Error": {"Code": "Oops"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "PostToConnection"),  # type: ignore[typeddict-item]
    ],
)
def test_trouble_on_the_way_is_a_nudge_that_did_not_arrive(scene: Scene, trouble: Exception) -> None:
    """A nudge is a hint: the visitor's frame does not fail for it."""
    scene.lines.note("one", Line("line 1"))
    scene.posts.error = trouble
    assert not scene.nudges.send("one", NUDGE)


def test_a_keeper_that_claims_by_itself_is_nudged_to_claim(scene: Scene) -> None:
    scene.lines.note("one", Line("line 1", claims=True))
    assert scene.nudges.send("one", NUDGE, to_claim=True)
    assert scene.posts.to == ["line 1"]


def test_a_keeper_that_does_not_claim_is_not_nudged_to_and_looked_up_once_for_that(scene: Scene) -> None:
    """At an update in place: one of the version before would let its owner go, and begin none."""
    scene.lines.note("one", Line("line 1"))
    assert [scene.nudges.send("one", NUDGE, to_claim=True) for _ in range(2)] == [False, False]
    assert scene.nudges.send("one", NUDGE)
    assert (scene.posts.to, scene.lines.reads) == (["line 1"], 1)


def test_a_line_that_a_version_before_has_noted_is_of_a_keeper_that_does_not_claim(scene: Scene) -> None:
    item = {"keeper": {"S": "one"}, "connection_id": {"S": "line 1"}, "expires_at": {"N": "1900000000"}}
    scene.lines._client.put_item(TableName="keepers", Item=item)
    assert scene.lines.find("one") == Line("line 1", claims=False)
