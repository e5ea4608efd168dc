"""The running stack, as described by the stack file."""

import json
import os
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from local.stack.aws import Aws


@dataclass(frozen=True)
class Stack:
    """A running stack. `cxone_control_url` is None when CXone is not the built-in simulator."""

    pid: int
    platform: str  # v1 or dfo
    websocket_url: str
    cxone_base_url: str
    cxone_control_url: str | None
    aws_endpoint_url: str
    table_name: str
    visitor_secret_arn: str
    keeper_pids: tuple[int, ...]

    @property
    def page_url(self) -> str:
        """Where a page's visitors connect: the same each time, if the port is (WS_PORT)."""
        return self.aws_endpoint_url.replace("http://", "ws://", 1) + "/live"

    @property
    def aws(self) -> Aws:
        """Clients for its AWS emulator."""
        return _aws(self.aws_endpoint_url)


@cache
def _aws(endpoint_url: str) -> Aws:
    return Aws(endpoint_url)


def read_stack(stack_file: Path) -> Stack | None:
    """The stack that the file describes; None when there is no file or the stack's process is gone."""
    try:
        content = json.loads(stack_file.read_text())
        os.kill(content["pid"], 0)
        known = {field.name: content[field.name] for field in fields(Stack)}
    except (OSError, ValueError, KeyError):
        return None
    return Stack(**known | {"keeper_pids": tuple(content["keeper_pids"])})
