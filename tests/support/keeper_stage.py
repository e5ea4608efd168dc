"""A stage for keeper processes: an emulated AWS, a simulated CXone, and visitors that note what they are sent."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from typing_relay.aws.sessions import DynamoSessions
from typing_relay.relay.burst import Session
from typing_relay.relay.ports import Coming

from local.cxone_simulator.client import SimulatorControl, running_simulator
from local.cxone_simulator.credentials import client_credentials
from local.stack.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
KEEPER = ROOT / "functions" / "guest_keeper" / "app.py"
TABLE, STATE_TABLE = "sessions", "cxone-state"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class VisitorEndpoint:
    """API Gateway's management API, as far as the keeper uses it: notes posts, answers 410 for connections gone."""

    def __init__(self) -> None:
        self.frames: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.gone: set[str] = set()
        self.posted = threading.Condition()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                connection = self.path.rpartition("/")[2]
                is_gone = connection in endpoint.gone
                if not is_gone:
                    endpoint.note(connection, json.loads(body))
                self.send_response(410 if is_gone else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def note(self, connection: str, frame: dict[str, Any]) -> None:
        with self.posted:
            self.frames[connection].append(frame)
            self.posted.notify_all()

    def wait_for(self, connection: str, frame: dict[str, Any], timeout: float = 10.0) -> None:
        with self.posted:
            if not self.posted.wait_for(lambda: frame in self.frames[connection], timeout):
                raise AssertionError(f"{connection} was not sent {frame}, but {self.frames[connection]}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class KeeperProcess:
    """The keeper's program as a process; its log lines are kept as they come."""

    def __init__(
        self, environment: dict[str, str], command: Sequence[str] = (sys.executable, str(KEEPER)), cwd: Path = ROOT
    ) -> None:
        program = shutil.which(command[0], path=environment["PATH"]) or command[0]
        self._process = subprocess.Popen(
            [program, *command[1:]], env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.pid = self._process.pid
        self.lines: list[dict[str, Any]] = []
        self._new_line = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for_line(self, message: str, timeout: float = 10.0) -> dict[str, Any]:
        with self._new_line:
            if not self._new_line.wait_for(lambda: self._find(message), timeout):
                raise AssertionError(f"no log line {message!r} in {self.lines}")
            found = self._find(message)
            assert found is not None
            return found

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout: float = 15.0) -> int:
        return self._process.wait(timeout)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """By SIGTERM: a receive that a kill leaves behind would swallow the next test's message."""
        self._process.terminate()
        self._process.wait(30)

    def _find(self, message: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if message in str(line.get("message"))), None)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            try:
                line = json.loads(raw)
            except ValueError:
                line = {"message": raw.decode(errors="replace")}
            with self._new_line:
                self.lines.append(line)
                self._new_line.notify_all()


class Stage:
    """Everything around keepers. Times in ms; sessions live for a day unless said otherwise."""

    def __init__(self, emulator: Emulator, cxone: SimulatorControl, visitors: VisitorEndpoint) -> None:
        self.cxone, self.visitors = cxone, visitors
        self._environment = emulator.client_environment()
        for name in ("sqs", "dynamodb", "secretsmanager"):
            setattr(self, name, self._client(name))
        self.queue_url = self._make_queue()
        self._make_tables()
        self._secret_arn = self._make_secret()
        self.sessions = DynamoSessions(self.dynamodb, TABLE)
        self._keepers: list[KeeperProcess] = []

    sqs: Any
    dynamodb: Any
    secretsmanager: Any

    def start_keeper(self, **settings: str) -> KeeperProcess:
        keeper = KeeperProcess(self.environment() | settings)
        self._keepers.append(keeper)
        keeper.wait_for_line("guest keeper ready", timeout=30)
        return keeper

    def environment(self) -> dict[str, str]:
        return self._environment | {
            "PYTHONPATH": str(ROOT / "layers" / "typing_relay"),
            "TABLE_NAME": TABLE,
            "CXONE_STATE_TABLE": STATE_TABLE,
            "GUEST_QUEUE_URL": self.queue_url,
            "CONNECTIONS_URL": self.visitors.url,
            "CXONE_BASE_URL": self.cxone.base_url,
            "CXONE_SECRET_ARN": self._secret_arn,
            "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:typing",
            "POWERTOOLS_SERVICE_NAME": "guest-keeper",
            "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay",
        }

    def visitor_comes(self, session_id: str, *connections: str) -> None:
        """A record with these connections, and a request for a guest on the queue."""
        now = now_ms()
        expires_at = now // 1000 + 86_400
        self.sessions.create(session_id, now, expires_at)
        for connection in connections:
            self.sessions.add_connection(session_id, Coming(connection, now - 60_000, expires_at), now, expires_at)
        self.request_guest(session_id)

    def request_guest(self, session_id: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps({"session": session_id}))

    def record(self, session_id: str) -> Session:
        record = self.sessions.get(session_id, now_ms())
        assert record is not None
        return record

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.02)

    def queue_counts(self) -> tuple[int, int]:
        """Messages waiting, messages in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return int(counts[names[0]]), int(counts[names[1]])

    def clear(self) -> None:
        """Nothing on the queue, CXone as freshly started."""
        self.sqs.purge_queue(QueueUrl=self.queue_url)
        self.cxone.reset()

    def stop_keepers(self) -> None:
        for keeper in self._keepers:
            keeper.stop()
        self._keepers.clear()

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._environment["AWS_ENDPOINT_URL"],
            region_name=self._environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=self._environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._environment["AWS_SECRET_ACCESS_KEY"],
        )

    def _make_queue(self) -> str:
        dead = self.sqs.create_queue(QueueName="guests-dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 10})
        self.dead_letters_url = dead
        return str(
            self.sqs.create_queue(QueueName="guests", Attributes={"VisibilityTimeout": "30", "RedrivePolicy": redrive})[
                "QueueUrl"
            ]
        )

    def _make_tables(self) -> None:
        for table, key in ((TABLE, "session_id"), (STATE_TABLE, "name")):
            self.dynamodb.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )

    def _make_secret(self) -> str:
        secret = dict(zip(("client_id", "client_secret"), client_credentials(), strict=True))
        made = self.secretsmanager.create_secret(Name="cxone", SecretString=json.dumps(secret))
        return str(made["ARN"])


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Everything started, and stopped in the end. ``folder`` is for the emulator's files."""
    with ExitStack() as stack:
        scratch = folder / "scratch"
        scratch.mkdir()
        emulator = Emulator(scratch, folder / "emulator.log")
        stack.callback(emulator.child.stop)
        cxone = stack.enter_context(running_simulator())
        visitors = VisitorEndpoint()
        stack.callback(visitors.close)
        emulator.wait_until_ready()
        made = Stage(emulator, cxone, visitors)
        stack.callback(made.stop_keepers)
        yield made
