"""Typing through the whole stack, front end to CXone, without faults."""

import time
import uuid

import pytest

from local.playing.rhythm import bursts
from tests.support.protocol import FROM_RELAY, TO_RELAY, names, undocumented
from tests.support.relay_stage import PATIENCE_S, Actor, RelayStage, wait_until


def play(stage: RelayStage, visitor: str, keys: list[int]) -> tuple[int, list[tuple[float, bool]]]:
    """Press ``keys`` (ms); returns when that began and the typing POSTs (when CXone took them, value)."""
    with Actor(stage, visitor) as actor:
        start = actor.front_end.type(keys)
        for _ in bursts(keys, 2000):
            actor.waits_for_post(True)
            actor.waits_for_post(False)
        actor.settles()
        posts = [(event["at"], event["value"]) for event in actor.events() if event["kind"] == "typing"]
    return start, posts


def test_fifty_keys_are_one_true_and_one_false(stage: RelayStage) -> None:
    """T1: exactly one of each, in this order, whatever the number of keys."""
    keys = list(range(0, 5000, 100))
    start, posts = play(stage, "fifty-keys", keys)
    assert [typing for _, typing in posts] == [True, False]
    taken_at, put_out_at = posts[0][0], posts[1][0]
    assert taken_at < start + keys[-1]  # T2: while the visitor still types
    assert put_out_at >= start + keys[-1] + 2000  # T2: never before 2.0 s after the last key


def test_keys_just_less_than_the_debounce_apart_do_not_flicker(stage: RelayStage) -> None:
    """T3: no `false` while keys keep coming less than the debounce apart."""
    _, posts = play(stage, "slow-keys", [0, 1900, 3800, 5700])
    assert [typing for _, typing in posts] == [True, False]


def test_each_burst_of_a_visitor_is_shown_and_put_out(stage: RelayStage) -> None:
    """T1: a pause of the debounce or more ends a burst."""
    keys = [0, 150, 300, 2800, 2900, 5600]
    _, posts = play(stage, "three-bursts", keys)
    assert [typing for _, typing in posts] == [True, False] * len(bursts(keys, 2000))


def test_a_visitor_who_vanishes_is_shown_until_the_last_hold_ends(stage: RelayStage) -> None:
    """T2, T8: while keys hold on nobody owns the burst; its end has the second owner."""
    with Actor(stage, "vanished") as actor:
        for _ in range(3):
            sent = actor.front_end.send({"action": "keystroke", "ago_ms": 0, "hold_ms": 6000})
            time.sleep(4)
        ended = actor.waits_for_post(False)
        actor.settles()
        assert ended["at"] >= sent + 6000
        assert actor.posts() == [(True, 200), (False, 200)]
        assert stage.record("vanished").generation == 2


def test_a_record_past_its_time_is_absent_before_it_is_deleted(stage: RelayStage) -> None:
    """T11: the next key makes a new record, and nothing of the old one is believed."""
    with Actor(stage, "expired") as actor:
        before = stage.record("expired")
        stage.aws.client("dynamodb").update_item(
            TableName=stage.stack.info["table_name"],
            Key={"session_id": {"S": "expired"}},
            UpdateExpression="SET expires_at = :past, generation = :old",
            ExpressionAttributeValues={":past": {"N": "1"}, ":old": {"N": "99"}},
        )
        actor.key()
        wait_until(lambda: stage.is_recorded("expired") and stage.record("expired").generation > 0, "a new record")
        assert stage.record("expired").generation == 1
        assert stage.record("expired").connections == before.connections


@pytest.mark.parametrize("end", ["message", "the guest is over"])
def test_an_agents_typing_is_over_though_cxone_does_not_say_so(stage: RelayStage, end: str) -> None:
    """T16."""
    with Actor(stage, f"watching-{end.replace(' ', '-')}") as actor:
        actor.cxone.send_agent_frame(actor.guest, {"type": "agent-typing", "typing": True})
        actor.front_end.wait_for("event", PATIENCE_S, detail={"typing": True, "agents": []})
        if end == "message":
            actor.cxone.send_agent_frame(actor.guest, {"type": "message", "text": "Yes?"})
        else:
            actor.cxone.expire_guest(actor.guest)
        actor.front_end.wait_for("event", PATIENCE_S, detail={"typing": False, "agents": []})
        actor.settles()


def test_all_that_is_said_in_a_visit_is_documented(stage: RelayStage) -> None:
    """docs/asyncapi.yaml: each message that webchat v1 knows is sent or heard here, and nothing else is."""
    with Actor(stage, "documented") as actor:
        front_end = actor.front_end
        front_end.type(range(0, 500, 100), hold_ms=6000)
        front_end.send({"action": "message", "id": str(uuid.uuid4()), "text": "Good morning"})
        front_end.send({"action": "ping"})
        told = [{"type": "agent-typing", "typing": True}, {"type": "message", "text": "Yes?"}, {"type": "survey"}]
        for frame in told:
            actor.cxone.send_agent_frame(actor.guest, frame)
        front_end.wait_for("pong", PATIENCE_S)
        front_end.wait_for("message", PATIENCE_S, reason="unavailable")
        front_end.wait_for("event", PATIENCE_S, event=told[-1])
        actor.cxone.expire_guest(actor.guest)
        actor.waits_for_new_guest()
        assert undocumented(front_end.sent, TO_RELAY) == []
        front_end.send({"action": "sing"})
        front_end.wait_for("error", PATIENCE_S, code="unknown_action")
        front_end.wait_for("guest", PATIENCE_S, status="open")
        actor.settles()
    assert undocumented(front_end.heard, FROM_RELAY) == []
    said = {name for frame in front_end.sent for name in names(frame, TO_RELAY)}
    assert said == {name for name, message in TO_RELAY.items() if "v1" in message.platforms}
    heard = {name for frame in front_end.heard for name in names(frame, FROM_RELAY)}
    assert heard == {name for name, message in FROM_RELAY.items() if "v1" in message.platforms} - {"gatewayFailure"}
