"""The local stack: deployed as the template says, whole while it runs, gone when it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from local.commands.token import visitor_token
from local.stack.processes import port_is_taken
from local.stack.settings import read_settings
from local.stack.stack import Stack
from local.stack.task_credentials import TaskCredentials

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90  # on a machine that runs other tests beside


def port_of(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])


def eventually(happens: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def process_exists(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() != b""


def run(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the Makefile, on this stack."""
    environment = os.environ | {"PORT": str(port_of(stack.info["console_url"]))}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


class TestDeployment:
    @pytest.mark.parametrize("table", ["table_name", "cxone_state_table"])
    def test_tables_forget(self, stack: Stack, table: str) -> None:
        ttl = stack.aws.client("dynamodb").describe_time_to_live(TableName=stack.info[table])
        assert ttl["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}

    def test_poison_messages_have_somewhere_to_go(self, stack: Stack) -> None:
        attributes = stack.aws.client("sqs").get_queue_attributes(
            QueueUrl=stack.info["guest_queue_url"], AttributeNames=["RedrivePolicy"]
        )["Attributes"]
        assert "GuestDeadLetters" in json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]

    def test_a_role_may_do_no_more_than_the_template_says(self, stack: Stack) -> None:
        """The emulator enforces the roles, so every other test here proves that they allow enough."""
        with pytest.raises(ClientError, match="not authorized to perform: dynamodb:Scan"):
            as_keeper(stack, "dynamodb").scan(TableName=stack.info["table_name"])

    def test_the_keeper_may_hold_and_delete_messages_in_batches(self, stack: Stack) -> None:
        """It would go on without, and every guest would be taken anew each half minute."""
        sqs, url = as_keeper(stack, "sqs"), stack.info["guest_queue_url"]
        entry = {"Id": "0", "ReceiptHandle": "of no message"}
        held = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[{**entry, "VisibilityTimeout": 30}])
        deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[entry])
        assert [answer["ResponseMetadata"]["HTTPStatusCode"] for answer in (held, deleted)] == [200, 200]


def as_keeper(stack: Stack, service: str) -> Any:
    """A client with the keeper's role."""
    roles = stack.aws.client("iam").list_roles()["Roles"]
    name = next(role["RoleName"] for role in roles if "KeeperRole" in role["RoleName"])
    credentials = TaskCredentials(stack.aws, name)
    keeper = boto3.Session(region_name="us-east-1", **_as_arguments(credentials.read()))
    credentials.stop()
    return keeper.client(service, endpoint_url=stack.info["aws_endpoint_url"])


def _as_arguments(credentials: dict[str, str]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["Token"],
    }


class TestCommands:
    def test_a_token_is_all_that_is_printed_and_it_opens_the_door(self, stack: Stack) -> None:
        printed = run(stack, "local.commands.token", "alice").stdout
        with connect(f"{stack.info['websocket_url']}?token={printed.strip()}") as socket:
            socket.send('{"action":"hello"}')
            frames = (json.loads(socket.recv(timeout=10)) for _ in range(3))  # the guest's news may come first
            welcome = next(frame for frame in frames if frame["type"] == "welcome")
            assert welcome["session"] == "alice"

    @pytest.mark.parametrize(
        ("function", "event"),
        [
            ("", "authorizer_without_token"),
            ("Connection", "disconnect"),
            ("Keystroke", "keystroke"),
            ("Keystroke", "bad_frame"),
            ("Sender", "reconcile"),
            ("Sweeper", "sweep"),
        ],
    )
    def test_a_function_takes_a_sample_event(self, stack: Stack, function: str, event: str) -> None:
        done = run(stack, "local.commands.invoke", function, f"events/{event}.json")
        assert (done.returncode, type(json.loads(done.stdout))) == (0, dict), done.stderr

    def test_without_a_stack_the_sample_s_page_may_connect_and_no_other(self) -> None:
        for event, effect in (("authorizer", "Allow"), ("authorizer_foreign_origin", "Deny")):
            environment = os.environ | {"PORT": "1"}  # where none runs
            command = [sys.executable, "-m", "local.commands.invoke", "", f"events/{event}.json"]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90)
            [statement] = json.loads(done.stdout)["policyDocument"]["Statement"]
            assert statement["Effect"] == effect, done.stderr

    @pytest.mark.parametrize(
        ("event", "effect"),
        [
            ("authorizer", "Allow"),
            ("authorizer_subprotocol", "Allow"),
            ("authorizer_without_token", "Deny"),
        ],
    )
    def test_a_handshake_s_sample_shows_its_case(self, stack: Stack, event: str, effect: str) -> None:
        """Its token is signed anew, by this stack's secret."""
        done = run(stack, "local.commands.invoke", "", f"events/{event}.json")
        [statement] = json.loads(done.stdout)["policyDocument"]["Statement"]
        assert statement["Effect"] == effect, done.stderr


def test_on_digital_first_the_stack_file_names_the_gateway_and_whose_channel_it_is() -> None:
    """All that a client needs, and the five variables by which another gateway is named, in lower case."""
    with Stack(read_settings({"CXONE_PLATFORM": "dfo"}), as_newest=False, senders=1) as stack:
        info = json.loads((Path(stack.info["logs"]) / "stack.json").read_text())
        channel = f"{info['dfo_chat_url']}/chat/1.0/brand/{info['dfo_brand_id']}/channel/{info['dfo_channel_id']}"
        headers = {"x-sdk-version": "2.2.0"}  # without a version the gateway refuses
        availability = requests.get(f"{channel}/availability", headers=headers, timeout=10)
        is_gateway_there = port_is_taken(port_of(info["dfo_gateway_url"]))
    assert info["platform"] == "dfo"
    assert availability.json() == {"status": "online"}
    assert is_gateway_there
    assert info["dfo_gateway_url"].startswith("ws://127.0.0.1:")
    assert info["dfo_authorize_url"].startswith("http://127.0.0.1:")


def test_a_page_connects_at_an_address_without_the_api_s_id(stack: Stack) -> None:
    """The id is another each time."""
    token = visitor_token(stack.aws, stack.info["visitor_secret_arn"], "alice")
    assert stack.info["page_url"].endswith("/live")
    with connect(f"{stack.info['page_url']}?token={token}") as socket:
        socket.send('{"action":"ping"}')
        assert json.loads(socket.recv(timeout=10))["type"] in ("pong", "guest")


def test_on_v1_the_stack_file_names_no_gateway(stack: Stack) -> None:
    assert stack.info["platform"] == "v1"
    assert not [name for name in stack.info if name.startswith("dfo_")]


def test_a_keeper_that_dies_is_replaced(stack: Stack) -> None:
    (keeper,) = stack.info["keeper_pids"]
    time.sleep(3)  # one that dies right after its start is not replaced
    os.kill(keeper, signal.SIGKILL)
    assert eventually(lambda: stack.info["keeper_pids"] != [keeper])
    time.sleep(2)  # its last receive may go on this long, and take along what the next test asks for


class Started:
    """`python -m local.commands.run` as a process, with a temporary folder of its own."""

    def __init__(self, scratch: Path) -> None:
        self.output = scratch / "output"
        self.temporary = scratch / "tmp"
        self.temporary.mkdir()
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.commands.run"],
                cwd=ROOT,
                env=os.environ | {"PORT": "0", "TMPDIR": str(self.temporary)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def info(self) -> dict[str, Any]:
        """Its stack.json, once it is ready."""
        assert eventually(lambda: "Ready after" in self.output.read_text(), START_SECONDS), self.output.read_text()
        folder = self.output.read_text().split("logs")[1].split()[0]
        content: dict[str, Any] = json.loads((Path(folder) / "stack.json").read_text())
        return content


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Started]]:
    all_started: list[Started] = []

    def start() -> Started:
        all_started.append(Started(tmp_path_factory.mktemp("stack")))
        return all_started[-1]

    yield start
    for started in all_started:
        if started.process.poll() is None:
            os.killpg(started.process.pid, signal.SIGTERM)
            started.process.wait(30)


def left_over(info: dict[str, Any]) -> list[str]:
    """What of that stack still runs."""
    urls = [
        info[name]
        for name in ("console_url", "cxone_base_url", "aws_endpoint_url")
        if port_is_taken(port_of(info[name]))
    ]
    return urls + [f"keeper {pid}" for pid in info["keeper_pids"] if process_exists(pid)]


def test_of_two_stacks_side_by_side_each_ends_by_its_signal_and_leaves_nothing(start: Callable[[], Started]) -> None:
    """Neither a process nor a temporary folder; and the other one goes on."""
    first, second = start(), start()
    infos = [first.info(), second.info()]
    end_by(signal.SIGINT, first, infos[0])
    assert second.process.poll() is None
    assert port_is_taken(port_of(infos[1]["websocket_url"]))
    end_by(signal.SIGTERM, second, infos[1])


def end_by(number: signal.Signals, started: Started, info: dict[str, Any]) -> None:
    """Send the signal and see that nothing is left."""
    started.process.send_signal(number)
    assert started.process.wait(30) == 0
    assert left_over(info) == []
    assert list(started.temporary.iterdir()) == []


def test_when_a_part_dies_all_of_it_ends_and_says_why(start: Callable[[], Started]) -> None:
    started = start()
    info = started.info()
    emulator = next(
        pid for pid in children_of(info["pid"]) if b"ministack" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(emulator, signal.SIGKILL)
    assert started.process.wait(30) == 1
    assert "the AWS emulator ended unexpectedly" in started.output.read_text()
    assert left_over(info) == []
    assert list(started.temporary.iterdir()) == []


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_browser_that_offers_subprotocols_is_answered_with_the_one_without_the_token(stack: Stack) -> None:
    """As API Gateway does; a browser ends a connection whose answer names none."""
    token = visitor_token(stack.aws, stack.info["visitor_secret_arn"], "subprotocol")
    offered = [Subprotocol("typing-relay"), Subprotocol(f"token.{token}")]
    with connect(
        stack.info["websocket_url"], subprotocols=offered, origin=Origin("http://localhost:5173")
    ) as connection:
        assert connection.subprotocol == "typing-relay"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
)
@pytest.mark.parametrize(
    ("server", "path"), [("aws_endpoint_url", "/_ministack/health"), ("cxone_base_url", "/_control/faults")]
)
def test_a_page_of_another_site_reaches_no_local_server(
    server: str, path: str, headers: dict[str, str], stack: Stack
) -> None:
    url = f"{stack.info[server]}{path}"
    assert requests.get(url, timeout=5).status_code == 200
    assert requests.get(url, headers=headers, timeout=5).status_code == 403
