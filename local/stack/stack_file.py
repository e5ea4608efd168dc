"""Which stacks run: .local/stacks/PORT/ for each, with its stack.json and logs, and .local/stack.json for the newest.

PORT is the console's. A folder stays after its stack has ended, for its logs, until another stack starts.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.stack.processes import StackError

LOCAL = Path(__file__).resolve().parents[2] / ".local"
NEWEST = LOCAL / "stack.json"
_STACKS = LOCAL / "stacks"


def claim_folder(port: int) -> Path:
    """An empty folder for the stack with its console on `port`; those of ended stacks are removed."""
    _STACKS.mkdir(parents=True, exist_ok=True)
    for folder in _STACKS.glob("[0-9]*"):
        if not _is_alive(folder):
            shutil.rmtree(folder, ignore_errors=True)
    folder = _STACKS / str(port)
    made = Path(tempfile.mkdtemp(prefix="new-", dir=_STACKS))  # nobody must see it without its pid
    (made / "pid").write_text(str(os.getpid()))
    try:
        made.rename(folder)
    except OSError:
        shutil.rmtree(made)
        raise StackError(
            f"a stack with its console on port {port} is starting or running. Choose another: PORT={port + 1}"
        ) from None
    return folder


def publish(folder: Path, content: Mapping[str, Any], *, as_newest: bool) -> None:
    """Write the stack's stack.json, at once and whole; and .local/stack.json when it is to be found by default."""
    for path in (folder / "stack.json", NEWEST) if as_newest else (folder / "stack.json",):
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(content, indent=2) + "\n")
        scratch.replace(path)


def withdraw(folder: Path) -> None:
    """The stack has ended: .local/stack.json becomes that of another running one, or goes."""
    (folder / "stack.json").unlink(missing_ok=True)
    (folder / "pid").unlink(missing_ok=True)
    newest = _read(NEWEST)
    if newest and newest["pid"] != os.getpid() and _process_exists(newest["pid"]):
        return
    living = sorted(_living(), key=lambda path: path.stat().st_mtime)
    if living:
        publish(living[-1].parent, json.loads(living[-1].read_text()), as_newest=True)
    else:
        NEWEST.unlink(missing_ok=True)


def running(port: str | None = None) -> dict[str, Any]:
    """What stack.json says of the newest running stack, or of the one with its console on `port`.

    Says on stderr which one that is, if others run beside. StackError when there is none.
    """
    found = _read(_STACKS / port / "stack.json" if port else NEWEST)
    if found is None or not _process_exists(found["pid"]):
        raise StackError(f"no stack is running{f' on port {port}' if port else ''}. Start one: make run")
    if not port and len(_living()) > 1:
        print(f"Several stacks run; this is for {found['console_url']} (PORT= names another).", file=sys.stderr)
    return found


def _living() -> list[Path]:
    return [path for path in _STACKS.glob("*/stack.json") if _is_alive(path.parent)]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content


def _is_alive(folder: Path) -> bool:
    try:
        return _process_exists(int((folder / "pid").read_text()))
    except (FileNotFoundError, ValueError):
        return False


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
