"""Messages at the functions, on DynamoDB as moto has it: kept, answered, refused, given up (T13, T15)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typing_relay import runtime
from typing_relay.aws.messages import DynamoMessages, is_mark
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.aws.visitors import Visitors
from typing_relay.relay.burst import GuestStatus
from typing_relay.relay.effects import AskForGuest, Nudge
from typing_relay.relay.messages import KEEPERS_GRACE_MS
from typing_relay.relay.ports import Coming, ConversationIds, MessageStatus, SentMessage, Standing
from typing_relay.relay.runner import handled_by
from typing_relay.relay.sign_in import sign_in_of

from tests.support.canary import found_in
from tests.support.invocation import Invocation
from tests.support.load_function import load_function
from tests.support.message_table import TABLE as MESSAGES
from tests.support.message_table import create_message_table
from tests.support.moto_aws import send_to_moto
from tests.support.runners import with_handlers
from tests.support.session_table import TABLE, create_session_table

EVENTS = Path(__file__).parents[3] / "events"
SAMPLE = json.loads((EVENTS / "message.json").read_text())
AT = SAMPLE["requestContext"]["requestTimeEpoch"]
TAB = SAMPLE["requestContext"]["connectionId"]
EXPIRES = AT // 1000 + 3600
ID, TEXT = (json.loads(SAMPLE["body"])[name] for name in ("id", "text"))
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "CONNECTIONS_URL": "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/live",
    "MESSAGES_TABLE": MESSAGES,
    "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay",
    "POWERTOOLS_SERVICE_NAME": "test",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:typing",
    "TABLE_NAME": TABLE,
}


class FrontEnds(Visitors):
    """What front ends are sent."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.reached: list[str] = []
        self.slow = False
        self.closed: list[str] = []

    def send(self, connection: str, frame: Mapping[str, Any]) -> bool:
        """Take a frame, unless nobody reads."""
        if self.slow:
            answer = {"Error": {"Code": "LimitExceededException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
            raise ClientError(answer, "PostToConnection")  # type: ignore[arg-type]
        self.sent.append(frame)
        self.reached.append(connection)
        return True

    def close(self, connection: str) -> None:
        """Take note of it."""
        self.closed.append(connection)


class Scene:
    """A visitor with an open guest, and the functions they meet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        client = boto3.client("dynamodb", "eu-central-1")
        create_session_table(client)
        create_message_table(client)
        self.client, self.now = client, AT
        self.sessions, self.messages = DynamoSessions(client, TABLE), DynamoMessages(client, MESSAGES)
        self.front_ends = FrontEnds()
        self.nudged: list[str] = []
        self.sessions.create("alice", AT, EXPIRES)
        self.sessions.add_connection("alice", Coming(TAB, AT - 3000, EXPIRES), AT, EXPIRES)
        self.sessions.take_guest("alice", "keeper-1", AT)
        self.sessions.set_guest_status("alice", "keeper-1", GuestStatus.OPEN, AT)
        self.keystroke = self._load_keystroke()

    def _load_keystroke(self) -> ModuleType:
        function = load_function("keystroke")
        function.visitors = self.front_ends  # type: ignore[attr-defined]
        nudge = handled_by(Nudge, self._nudge)
        function.runner = with_handlers(function.runner, nudge, clock=lambda: self.now)  # type: ignore[attr-defined]
        return function

    def _nudge(self, due: Nudge) -> bool:
        self.nudged.append(due.record.session_id)
        return True

    def has_no_store(self) -> None:
        """As on a platform that takes no messages."""
        runtime.messages.cache_clear()
        runtime.visitor_runner.cache_clear()
        self.monkeypatch.delenv("MESSAGES_TABLE")
        self.keystroke = self._load_keystroke()

    def sends(self, *, signals: str = "on", at: int = 0, **fields: Any) -> None:
        """The sample message, or one with something changed, ``at`` ms after it."""
        event = copy.deepcopy(SAMPLE)
        event["requestContext"]["requestTimeEpoch"] += at
        event["requestContext"]["authorizer"]["signals"] = signals
        event["body"] = json.dumps(json.loads(SAMPLE["body"]) | fields)
        assert self.keystroke.handler(event, Invocation()) == {"statusCode": 200}

    def has_seen_all(self) -> None:
        """The front end says so."""
        self.says("seen")

    def says(self, action: str, **more: Any) -> None:
        """A frame of this action."""
        event = copy.deepcopy(SAMPLE)
        event["body"] = json.dumps({"action": action, **more})
        assert self.keystroke.handler(event, Invocation()) == {"statusCode": 200}

    def sweeps(self, later_ms: int) -> dict[str, int]:
        """The sweeper comes this much later."""
        self.monkeypatch.setattr(runtime, "clock", lambda: AT + later_ms)
        self.monkeypatch.setattr(runtime, "visitors", lambda: self.front_ends)
        found: dict[str, int] = load_function("sweeper").handler({}, Invocation())
        return found

    def kept(self) -> list[dict[str, str]]:
        """What the table has of each message."""
        items = self.client.scan(TableName=MESSAGES)["Items"]
        return [{"text": item.get("message_text", {}).get("S", "")} for item in items if not is_mark(item)]

    def waiting(self) -> list[str]:
        """The texts that wait."""
        return [message.text for message in self.messages.waiting("alice", 99, AT)]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        send_to_moto(monkeypatch)
        yield Scene(monkeypatch)
    monkeypatch.undo()
    for wired in vars(runtime).values():
        if hasattr(wired, "cache_clear"):
            wired.cache_clear()


def test_a_message_is_kept_and_its_keeper_nudged(scene: Scene) -> None:
    """T15: the visitor hears of it when CXone has it."""
    scene.sends()
    assert (scene.waiting(), scene.nudged, scene.front_ends.sent) == ([TEXT], ["alice"], [])


def test_a_visitor_without_typing_signals_may_send_messages(scene: Scene) -> None:
    """They opted out of typing signals only."""
    scene.sends(signals="off")
    assert scene.waiting() == [TEXT]


def test_one_that_was_accepted_is_answered_so_when_it_is_sent_again(scene: Scene) -> None:
    """T15: the answer was lost on its way."""
    scene.sends()
    scene.messages.settle("alice", ID, Standing(MessageStatus.ACCEPTED))
    scene.sends()
    assert scene.front_ends.sent == [{"type": "message", "id": ID, "status": "accepted"}]


def test_an_id_used_twice_is_refused(scene: Scene) -> None:
    """T15: the first message stands."""
    scene.sends()
    scene.sends(text="Good night")
    assert scene.front_ends.sent == [{"type": "message", "id": ID, "status": "failed", "reason": "duplicate_id"}]
    assert scene.waiting() == [TEXT]


def test_without_a_store_of_messages_each_is_unavailable(scene: Scene) -> None:
    """v1 documents no way to send one."""
    scene.has_no_store()
    scene.sends()
    assert scene.front_ends.sent == [{"type": "message", "id": ID, "status": "failed", "reason": "unavailable"}]
    assert (scene.waiting(), scene.nudged) == ([], [])


def test_without_a_store_of_messages_nobody_is_told_that_all_was_seen(scene: Scene) -> None:
    scene.has_no_store()
    scene.has_seen_all()
    assert scene.nudged == []


@pytest.mark.parametrize("text", ["", "  ", "x" * 10_001])
def test_a_bad_text_is_refused_by_the_messages_id(scene: Scene, text: str) -> None:
    """T13: the error says what is wrong, and of which message."""
    scene.sends(text=text)
    [frame] = scene.front_ends.sent
    assert (frame["type"], frame["code"], frame["id"]) == ("error", "bad_message", ID)
    assert scene.waiting() == []


PHOTO = {"url": "https://files-de-na1.niceincontact.com/1", "name": "a photo.png", "type": "image/png"}


def test_a_message_with_files_waits_with_them(scene: Scene) -> None:
    """Its text may be empty then."""
    scene.sends(text="", attachments=[PHOTO, {"url": PHOTO["url"], "name": "the same"}])
    [message] = scene.messages.waiting("alice", 99, AT)
    assert [(file.name, file.type) for file in message.attachments] == [("a photo.png", "image/png"), ("the same", "")]


@pytest.mark.parametrize(
    "attachments",
    [
        *("x", {}, [7], [{}], [PHOTO] * 11, [{**PHOTO, "size": 1}], [{"url": PHOTO["url"]}]),
        *([{**PHOTO, "name": name}] for name in ("", " ", "x" * 256, "a\nb", "\ud800", "\udfff", 7)),
        *([{**PHOTO, "type": kind}] for kind in ("png", "image/png; x", "a/b/c", 7)),
        *([{**PHOTO, "url": url}] for url in ("", 7, "javascript:alert(1)", f"{PHOTO['url']}?{'x' * 2000}")),
        *([{**PHOTO, "url": url}] for url in ("ftp://files-de-na1.niceincontact.com/1", "https://me@evil.example/1")),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(scene: Scene, attachments: object) -> None:
    """T13: the error says what is wrong, quotes nothing, and nothing waits."""
    scene.sends(attachments=attachments)
    [frame] = scene.front_ends.sent
    assert (frame["code"], frame["id"]) == ("bad_attachment", ID)
    assert "evil" not in frame["message"]
    assert scene.waiting() == []


def test_files_may_be_at_nice_and_where_an_operator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """T13: on Digital-First; v1 takes no messages, wherever their files are."""
    monkeypatch.setenv("DFO_FILE_HOSTS", "files.example.com, more.example.com")
    urls = ("files-de-na1.niceincontact.com", "files.example.com", "more.example.com", "evil.example")
    for platform, may in (("dfo", [True, True, True, False]), ("v1", [True] * 4)):
        monkeypatch.setenv("CXONE_PLATFORM", platform)
        runtime.platform.cache_clear()
        assert [runtime.is_file_url()(f"https://{host}/1") for host in urls] == may
    runtime.platform.cache_clear()


def test_messages_have_a_rate_of_their_own(scene: Scene) -> None:
    """T13: ten at once; the visitor's side is told which one was not taken."""
    ids = [f"0f8fad5b-d9cb-469f-a165-7086772895{number:02}" for number in range(12)]
    for message_id in ids:
        scene.sends(id=message_id)
    assert len(scene.waiting()) == 10
    [frame] = scene.front_ends.sent  # the second in the same second gets no answer of its own
    assert (frame["code"], frame["id"]) == ("rate_limited", ids[10])
    assert (frame["budget"], frame["retry_in_ms"]) == ("messages", 500)


def test_nothing_that_a_visitor_wrote_is_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """T13: neither in the line nor in what hangs on it."""
    caplog.set_level("DEBUG")
    scene.sends()
    scene.sends(text="Good night")
    scene.sends(text="Good evening" + "!" * 10_000)
    logged = str([vars(record) for record in caplog.records])
    assert ID in logged
    assert "Good" not in logged


def test_what_nobody_could_deliver_is_given_up_and_told(scene: Scene) -> None:
    """T15: none waits for ever."""
    scene.sends()
    within_ms = 300_000 + KEEPERS_GRACE_MS
    assert scene.sweeps(within_ms)["expired"] == 0
    assert scene.sweeps(within_ms + 1)["expired"] == 1
    assert scene.front_ends.sent == [{"type": "message", "id": ID, "status": "failed", "reason": "expired"}]
    assert scene.sweeps(within_ms + 2)["expired"] == 0


def test_more_than_a_page_of_overdue_messages_is_given_up_in_one_sweep(scene: Scene) -> None:
    """T15: after an outage of the gateway."""
    for number in range(120):
        message = SentMessage(f"m{number}", "hi", AT)
        scene.messages.put("alice", message, AT, AT, EXPIRES)
    assert scene.sweeps(KEEPERS_GRACE_MS + 1)["expired"] == 120


def test_a_front_end_that_does_not_read_makes_no_sweep_fail(scene: Scene) -> None:
    """T13: it asks again, and hears then."""
    scene.sends()
    scene.front_ends.slow = True
    assert scene.sweeps(400_000)["expired"] == 1


def test_a_tab_whose_token_has_run_out_is_not_told(scene: Scene) -> None:
    """T13."""
    scene.sessions.add_connection("alice", Coming("old tab", AT, AT // 1000), AT, EXPIRES)
    scene.sends()
    scene.sweeps(400_000)
    assert scene.front_ends.reached == [TAB]


@pytest.mark.parametrize(("action", "nudged"), [("hello", ["alice"]), ("ping", [])])
def test_a_hello_in_a_conversation_nudges_the_keeper_to_tell_it(scene: Scene, action: str, nudged: list[str]) -> None:
    """T16: a page loaded late shows at once what the first one shows. The welcome comes first."""
    made = ConversationIds("visitor", "customer", "thread")
    scene.sessions.open_conversation("alice", "keeper-1", made, AT)
    scene.sessions.set_contact("alice", "keeper-1", is_open=True, perhaps_shown=True)
    scene.says(action)
    assert (scene.nudged, scene.front_ends.sent[0]["type"]) == (nudged, {"hello": "welcome", "ping": "pong"}[action])


def test_that_all_was_seen_nudges_the_keeper(scene: Scene) -> None:
    scene.has_seen_all()
    assert scene.nudged == ["alice"]


def test_once_a_message_is_settled_nothing_lets_its_text_be_guessed(
    scene: Scene, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """T13: accepted, refused or expired: no table, log or metric has it, nor a hash that could be made by trying."""
    caplog.set_level("DEBUG")
    pin, postback = "my pin is 483107", "/pin/483107"
    files = [{**PHOTO, "name": "483107.png"}]
    ids = [f"0f8fad5b-d9cb-469f-a165-70867728950{number}" for number in range(3)]
    for message_id in ids:
        scene.sends(id=message_id, text=pin, postback=postback, attachments=files)
    assert [item["text"] for item in scene.kept()] == [pin] * 3  # or there would be nothing to find
    scene.messages.settle("alice", ids[0], Standing(MessageStatus.ACCEPTED))
    scene.messages.settle("alice", ids[1], Standing(MessageStatus.FAILED, "refused"))
    scene.sweeps(300_000 + KEEPERS_GRACE_MS + 1)
    scene.sends(id=ids[0], text=pin, postback=postback, attachments=files)
    tables = [scene.client.scan(TableName=table)["Items"] for table in (TABLE, MESSAGES)]
    output = capsys.readouterr()
    ours = [str(vars(record)) for record in caplog.records if not record.name.startswith("botocore")]  # the test's own
    told = "\n".join([str(tables), output.out, output.err, *ours])
    for text in (pin, postback, "483107"):
        assert [found_in(told, text, ("alice", message_id)) for message_id in ids] == [[], [], []]


@pytest.mark.parametrize("action", ["end", "history"])
def test_what_is_asked_of_the_conversation_the_keeper_answers(scene: Scene, action: str) -> None:
    scene.says(action)
    assert (scene.nudged, scene.front_ends.sent) == (["alice"], [])


@pytest.mark.parametrize("action", ["end", "history"])
def test_who_asks_before_the_guest_is_open_is_told_so(scene: Scene, action: str) -> None:
    scene.sessions.set_guest_status("alice", "keeper-1", GuestStatus.RECONNECTING, AT)
    scene.says(action)
    assert [frame["code"] for frame in scene.front_ends.sent] == ["not_ready"]


@pytest.mark.parametrize("action", ["end", "history"])
def test_on_a_platform_without_messages_neither_is_supported(scene: Scene, action: str) -> None:
    scene.has_no_store()
    scene.says(action)
    assert [frame["code"] for frame in scene.front_ends.sent] == ["not_supported"]
    assert scene.nudged == []


def test_what_is_asked_is_paid_for_as_messages_are(scene: Scene) -> None:
    """T18: a page that asks without end costs one visitor's share, and hears when it may go on."""
    for _ in range(20):
        scene.says("history")
    assert len(scene.nudged) == 10
    assert {(frame["code"], frame["budget"]) for frame in scene.front_ends.sent} == {("rate_limited", "messages")}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "keystroke"},
        {"action": "stop"},
        {"action": "hello"},
        {"action": "seen"},
        {"action": "end"},
        {"action": "history"},
    ],
)
def test_whatever_a_blocked_visitor_sends_is_refused_and_the_connection_closed(
    scene: Scene, body: dict[str, str]
) -> None:
    """T18: with until when; a message stays with the front end, which sends it again when the block is over."""
    scene.sessions.block("alice", AT // 1000 + 60, AT)
    if body:
        event = copy.deepcopy(SAMPLE) | {"body": json.dumps(body)}
        assert scene.keystroke.handler(event, Invocation()) == {"statusCode": 200}
    else:
        scene.sends()
    [told] = scene.front_ends.sent
    assert (told["code"], told["retry_in_ms"], scene.front_ends.closed) == ("blocked", 60_000, [TAB])
    assert (scene.waiting(), scene.nudged) == ([], [])


def test_a_blocked_visitors_handshake_is_refused(scene: Scene) -> None:
    """T18: on the same good token; the next moment of the block's end it is not."""
    scene.sessions.block("alice", AT // 1000 + 60, AT)
    connection = load_function("connection")
    asked = handled_by(AskForGuest, lambda due: None)
    connection.runner = with_handlers(connection.runner, asked, clock=lambda: scene.now)  # type: ignore[attr-defined]
    event = json.loads((EVENTS / "connect.json").read_text())
    event["requestContext"]["connectionId"] = "another"
    refused = connection.handler(event, Invocation())
    assert (refused["statusCode"], json.loads(refused["body"])["retry_in_ms"]) == (403, 60_000)
    scene.now = AT + 60_000
    assert connection.handler(event, Invocation())["statusCode"] == 200


def test_twenty_messages_wait_and_no_more(scene: Scene) -> None:
    """T18: whoever has sent one of the twenty is answered as before, and one that is settled makes room."""
    ids = [f"0f8fad5b-d9cb-469f-a165-7086772895{number:02}" for number in range(22)]
    for number, message_id in enumerate(ids[:20]):
        scene.sends(id=message_id, at=number * 1000)
    scene.sends(id=ids[20], at=30_000)
    scene.sends(id=ids[0], at=40_000)
    assert scene.front_ends.sent == [{"type": "message", "id": ids[20], "status": "failed", "reason": "too_many"}]
    assert len(scene.waiting()) == 20
    scene.messages.settle("alice", ids[0], Standing(MessageStatus.ACCEPTED))
    scene.sends(id=ids[21], at=50_000)
    assert len(scene.waiting()) == 20


SIGN_IN = {"access_token": "s3cret", "expires_in": 600, "visitor_id": ID, "customer_id": "customer-7"}


@pytest.mark.parametrize("handed", [SIGN_IN, {"code": "s3cret", "verifier": "v" * 43}])
def test_what_a_page_hands_over_waits_on_record_for_the_keeper_that_is_nudged(
    scene: Scene, handed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """T13: and no log has it."""
    scene.says("sign_in", **handed)
    record = scene.sessions.get("alice", AT)
    assert record is not None
    known = sign_in_of(record.sign_in)
    assert known is not None
    assert (known.access_token or known.code, known.at, scene.nudged) == ("s3cret", AT, ["alice"])
    assert scene.front_ends.sent == []
    assert "s3cret" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"access_token": "with blanks in it"}, "access_token"),
        ({"access_token": "x" * 4_097}, "access_token"),
        ({"access_token": None}, "access_token"),
        ({"expires_in": 9}, "expires_in"),
        ({"expires_in": True}, "expires_in"),
        ({"expires_in": 86_401}, "expires_in"),
        ({"visitor_id": "me"}, "visitor_id"),
        ({"customer_id": ""}, "customer_id"),
        ({"third_party_token": ""}, "third_party_token"),
        ({"code": "c0de", "verifier": "short"}, "verifier"),
        ({"code": ""}, "code"),
        ({"verifier": "v" * 43}, "code"),
    ],
)
def test_what_is_wrong_with_a_sign_in_is_named_and_nothing_of_it_is_said(
    scene: Scene, wrong: dict[str, Any], named: str
) -> None:
    scene.says("sign_in", **{**SIGN_IN, **wrong})
    [told] = scene.front_ends.sent
    assert (told["code"], f'"{named}"' in told["message"]) == ("bad_frame", True)
    assert (scene.nudged, "s3cret" in str(told)) == ([], False)


def test_a_sign_in_is_paid_for_as_messages_are(scene: Scene) -> None:
    """T18."""
    for _ in range(20):
        scene.says("sign_in", **SIGN_IN)
    assert len(scene.nudged) == 10
    assert {(frame["code"], frame["budget"]) for frame in scene.front_ends.sent} == {("rate_limited", "messages")}


def test_on_a_platform_without_messages_nobody_signs_in(scene: Scene) -> None:
    scene.has_no_store()
    scene.says("sign_in", **SIGN_IN)
    assert [frame["code"] for frame in scene.front_ends.sent] == ["not_supported"]


def test_who_is_not_known_yet_has_to_say_hello_first(scene: Scene) -> None:
    scene.client.delete_item(TableName=TABLE, Key={"session_id": {"S": "alice"}})
    scene.says("sign_in", **SIGN_IN)
    assert [frame["code"] for frame in scene.front_ends.sent] == ["not_ready"]


def test_a_page_that_comes_while_the_guest_waits_for_a_sign_in_has_it_asked_for(scene: Scene) -> None:
    """Such as one that comes back from the third party with its code."""
    scene.sessions.set_guest_status("alice", "keeper-1", GuestStatus.OPENING, AT)
    scene.says("hello")
    assert scene.nudged == ["alice"]
