"""Runs a command of Python in a process of its own that has what is large of others' loaded already.

Each of some 300 mutations is judged by one, and most of what it took was to import pytest, moto and boto3.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

#: What tests and simulation import of others.
OTHERS = (
    *("_pytest.assertion.rewrite", "_pytest.terminal", "pytest", "pytest_socket", "pytest_timeout", "xdist.plugin"),
    *("boto3", "botocore.client", "botocore.exceptions", "greenlet", "hypothesis", "hypothesis.strategies", "jwt"),
    *("moto", "moto.dynamodb.responses", "requests", "samtranslator.yaml_helper", "websocket", "yaml"),
)
#: What is imported anew, from the copy.
OURS = {"local", "tests", "typing_relay"}
#: pytest cuts its reasons to the width of the terminal.
WIDE = "500"

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(OTHERS))


def run(command: Sequence[str], folder: Path, patience_s: float) -> tuple[int, str, str] | None:
    """``python -m`` with ``command``, in ``folder``, by the code that lies there. It prints into files beside it.

    Returns its exit code, standard output and standard error; None if it was ended after ``patience_s``.
    """
    printed, complained = folder.with_name("printed"), folder.with_name("complained")
    process = _context.Process(target=_begin, args=(tuple(command), folder, printed, complained))
    process.start()
    process.join(patience_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    return process.exitcode, printed.read_text(), complained.read_text()


def _begin(command: Sequence[str], folder: Path, printed: Path, complained: Path) -> None:
    gc.freeze()  # what is loaded is no garbage
    for path, stream in ((printed, sys.stdout), (complained, sys.stderr)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.chdir(folder)
    places = [f"{folder}/layers/typing_relay", str(folder)]
    os.environ.update(PYTHONPATH=os.pathsep.join(places), PYTHONDONTWRITEBYTECODE="1", COLUMNS=WIDE)
    sys.path[:] = [*places, *(place for place in sys.path if "site-packages" in place or "lib/python" in place)]
    sys.dont_write_bytecode = True
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    module, *arguments = command
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
