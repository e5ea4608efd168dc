"""`python -m local.stack.ministack_program`: MiniStack, which also notes each invocation of a function that fails.

On AWS, Lambda writes such a failure to the function's log and counts it. MiniStack writes it to no log when the
function was called by a frame of a WebSocket. Here each is a line of JSON in the file that FAILURES_LOG names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ministack.app import main
from ministack.core.lambda_runtime import Worker

from local.stack.failures import Failure, note

_LOG = Path(os.environ["FAILURES_LOG"])
_invoke = Worker.invoke


def _invoke_and_note(worker: Any, *arguments: Any, **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = _invoke(worker, *arguments, **more)
    if result.get("status") == "error":
        error = str(result.get("error") or "no error was named")
        note(_LOG, Failure.now(worker.func_name, error, result.get("trace", "")))
    return result


if __name__ == "__main__":
    Worker.invoke = _invoke_and_note
    main()
