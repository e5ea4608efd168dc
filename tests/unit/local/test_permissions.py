"""What the local stack notes of the calls of its roles."""

from __future__ import annotations

from pathlib import Path

from local.stack.permissions import Call, Noted, noted

SESSION = "arn:aws:sts::000000000000:assumed-role/typing-relay-KeeperRole-1/guest-keeper"
READ = Call.of(SESSION, "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/sessions", granted=True)


def test_each_call_is_noted_once(tmp_path: Path) -> None:
    log = tmp_path / "permissions.log"
    assert noted(log) == []
    calls = Noted(log)
    scanned = Call(READ.role, "dynamodb:Scan", READ.resource, granted=False)
    for call in (READ, scanned, READ):
        calls.note(call)
    assert noted(log) == [READ, scanned]


def test_a_call_is_known_by_its_role_and_all_connections_are_one() -> None:
    api = "arn:aws:execute-api:us-east-1:000000000000:abc/live/POST/@connections/"
    posted = [Call.of(SESSION, "execute-api:ManageConnections", api + to, granted=True) for to in ("x=", "y=")]
    assert {(call.role, call.resource) for call in posted} == {("typing-relay-KeeperRole-1", f"{api}any")}


def test_a_refusal_says_who_may_not_do_what() -> None:
    assert str(READ).startswith("typing-relay-KeeperRole-1 may not dynamodb:GetItem on arn:aws:dynamodb:")


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    log = tmp_path / "permissions.log"
    Noted(log).note(READ)
    log.write_text(log.read_text() + '{"role": "typing')
    assert noted(log) == [READ]
