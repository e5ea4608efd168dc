"""The whole stack on this machine: `with Stack(...) as stack:`, in the commands, tests and benchmarks.

Simulated CXone (unless another is named), AWS emulator with the deployed template, guest keeper, console.
"""

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from local.platforms.platform import Cxone, local_platform
from local.stack import failures, stack_file
from local.stack.aws import Aws
from local.stack.deploy import ROOT, STACK_NAME, Deployment, deploy
from local.stack.emulator import Emulator
from local.stack.failures import Failure, Failures
from local.stack.keepers import Keepers
from local.stack.processes import Child, StackError, end_with_parent, port_is_taken
from local.stack.settings import Settings, read_settings
from local.stack.warm_up import warm_up

DEFAULT_PORT = 8080
_READY_SECONDS = 15.0
_WATCH_SECONDS = 0.2


class Stack:
    """A running stack. `info` is the content of its stack.json.

    A keeper that dies is replaced, as ECS does; when any other part dies, `wait()` raises StackError.
    `as_newest`: also write .local/stack.json, where `make token` and the like look. `senders`: how many are to work at
    the same time without a cold start. `keeper`: settings of the keepers other than the template's. `cxone`: that of
    another stack, to use the same one.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        as_newest: bool = True,
        keepers: int = 1,
        senders: int = 6,
        keeper: Mapping[str, str] | None = None,
        cxone: Cxone | None = None,
    ) -> None:
        self.settings = settings or read_settings({})
        self.info: dict[str, Any] = {}
        self.cxone = cxone
        self._as_newest = as_newest
        self._keeper_count, self._senders = keepers, senders
        self._keeper_settings = dict(keeper or {})
        self._cleanup = contextlib.ExitStack()
        self._children: list[Child] = []
        self._failure: StackError | None = None
        #: Invocations of functions that failed, oldest first.
        self.failed_invocations: list[Failure] = []
        self._ending = threading.Event()

    def __enter__(self) -> "Stack":
        try:
            self._start()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def aws(self) -> Aws:
        """Clients of this stack's emulator."""
        return self._aws

    @property
    def emulator_pid(self) -> int:
        """The process of this stack's emulator."""
        return self._emulator.child.pid

    def kill(self) -> None:
        """Kill all of its processes at once, as a region is lost; `with` still tidies up after them."""
        self._ending.set()
        self._watcher.join()  # it would replace the keepers
        self._keepers.kill()
        for child in self._children:
            child.kill()

    def wait(self) -> None:
        """Wait until a part of the stack fails; then StackError. A signal's exception ends it too."""
        self._ending.wait()
        if self._failure:
            raise self._failure

    def _start(self) -> None:
        port = self.settings.console_port
        if port_is_taken(port):
            raise StackError(f"port {port} is taken. Choose another for the console: PORT={port + 1}")
        if self.settings.ws_port and port_is_taken(self.settings.ws_port):
            raise StackError(
                f"port {self.settings.ws_port} is taken. Choose another for visitors: WS_PORT=0 is a free one"
            )
        self._folder = stack_file.claim_folder(port)
        self._cleanup.callback(stack_file.withdraw, self._folder)
        self._failures = Failures(self._folder / failures.NAME)
        scratch = Path(tempfile.mkdtemp(prefix="typing-relay-"))
        self._cleanup.callback(shutil.rmtree, scratch, ignore_errors=True)
        self._cleanup.callback(self._stop_children)

        self._emulator = emulator = Emulator(scratch, self._folder / "emulator.log", self.settings.ws_port)
        self._children.append(emulator.child)
        self._environment = emulator.client_environment() | {"TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}
        platform = local_platform(self.settings.platform)
        self.cxone = cxone = self.cxone or platform.cxone(self.settings, self._start_simulator)
        emulator.wait_until_ready()
        self._aws = Aws(emulator.endpoint_url)
        parameters = {
            **cxone.parameters,
            "KeeperImage": "guest-keeper:local",
            "LogLevel": "DEBUG",
            "AllowedOrigins": self.settings.allowed_origins,
            "CustomFields": self.settings.custom_fields,
        }
        deployment = deploy(self._aws, parameters, self.settings.credentials)
        log = self._folder / "keeper.log"
        self._keepers = Keepers(
            self._aws, deployment, self._environment, self._keeper_settings, log, self._keeper_count
        )
        self._cleanup.callback(self._keepers.stop)  # before the rest: guests are handed back to a living AWS

        self.info = self._describe(cxone, deployment)
        self._publish(as_newest=False)  # for the console
        console = self._start_console()
        warm_up(self._aws, self.info["functions"], self._senders)
        console.wait_until(lambda: port_is_taken(port), _READY_SECONDS)
        self._publish(as_newest=self._as_newest)
        self._watcher = threading.Thread(target=self._watch, name="stack-watcher", daemon=True)
        self._watcher.start()
        self._cleanup.callback(self._watcher.join)
        self._cleanup.callback(self._ending.set)

    def _start_simulator(self, name: str, module: str, environment: Mapping[str, str] | None = None) -> str:
        child = self._start_child(
            name, ["-m", module, "--port", "0"], "simulator", self._environment | dict(environment or {})
        )
        ready = re.compile(rf"^{name} ready (.+)$", re.MULTILINE)
        child.wait_until(lambda: bool(ready.search(child.log.read_text())), _READY_SECONDS)
        return str(ready.findall(child.log.read_text())[0])

    def _start_console(self) -> Child:
        arguments = ["-m", "local.console", "--port", str(self.settings.console_port)]
        stack_json = str(self._folder / "stack.json")
        return self._start_child("console", [*arguments, "--stack", stack_json], "console", self._environment)

    def _start_child(self, name: str, arguments: list[str], log: str, environment: dict[str, str]) -> Child:
        child = Child(name, [sys.executable, *arguments], environment, self._folder / f"{log}.log", ROOT)
        self._children.append(child)
        return child

    def _describe(self, cxone: Cxone, deployment: Deployment) -> dict[str, Any]:
        outputs = deployment.outputs
        return {
            "platform": self.settings.platform,
            **cxone.told,
            "cxone_control_url": cxone.control_url,
            "pid": os.getpid(),
            "stack_name": STACK_NAME,
            "console_url": f"http://127.0.0.1:{self.settings.console_port}",
            "websocket_url": deployment.websocket_url,
            "page_url": self._aws.endpoint_url.replace("http://", "ws://", 1) + "/live",
            "connections_url": deployment.connections_url,
            "aws_endpoint_url": self._aws.endpoint_url,
            "table_name": outputs["SessionsTableName"],
            "cxone_state_table": outputs["CxoneStateTableName"],
            "state_machine_arn": outputs["StateMachineArn"],
            "guest_queue_url": outputs["GuestQueueUrl"],
            "guest_dead_letters_url": outputs["GuestDeadLettersUrl"],
            "visitor_secret_arn": outputs["VisitorSecretArn"],
            "cxone_secret_arn": outputs["CxoneSecretArn"],
            "functions": deployment.functions,
            "logs": str(self._folder),
        }

    def _publish(self, *, as_newest: bool) -> None:
        self.info["keeper_pids"] = self._keepers.pids
        stack_file.publish(self._folder, self.info, as_newest=as_newest)

    def _watch(self) -> None:
        """Until the stack ends: replace dead keepers, notice other deaths."""
        while not self._ending.wait(_WATCH_SECONDS):
            self._tell_of_failures()
            try:
                self._look_after_children()
            except StackError as error:
                self._failure = error
                self._ending.set()

    def _tell_of_failures(self) -> None:
        for failure in self._failures.new():
            self.failed_invocations.append(failure)
            print(f"{failure}\n  (its trace: {self._folder / failures.NAME})", file=sys.stderr, flush=True)

    def _look_after_children(self) -> None:
        for child in self._children:
            if child.has_ended():
                raise StackError(f"the {child.name} ended unexpectedly.\n{child.last_words()}")
        if self._keepers.replace_dead():
            self._publish(as_newest=self._as_newest)

    def _stop_children(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop()


class StopRequested(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived."""


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into StopRequested; later ones do not disturb the tidying up."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise StopRequested

    if "MAKELEVEL" in os.environ:  # make was started in our stead: when it is killed, we are meant
        end_with_parent()
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
