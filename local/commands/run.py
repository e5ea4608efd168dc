"""`make run`: runs the whole stack with its console page until Ctrl-C."""

import os
import sys
import time
from typing import Any

from local.stack import left_out
from local.stack.processes import StackError
from local.stack.settings import read_settings
from local.stack.stack import DEFAULT_PORT, Stack, StopRequested, stopping_on_signals


def main() -> int:
    """Run until a signal or a failure. Returns 0 after a signal, 1 after a failure."""
    started = time.monotonic()
    try:
        settings = read_settings(os.environ, DEFAULT_PORT)
        print("Starting the stack …", flush=True)
        with stopping_on_signals(), Stack(settings) as stack:
            _print_ready(stack.info, time.monotonic() - started)
            stack.wait()
    except StopRequested:
        print("\nStopped.", flush=True)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _print_ready(info: dict[str, Any], seconds: float) -> None:
    named_by = "DFO_GATEWAY_URL" if info["platform"] == "dfo" else "CXONE_BASE_URL"
    cxone = "simulated" if info["cxone_control_url"] else f"from {named_by}"
    print(f"Ready after {seconds:.1f} s. Open {info['console_url']} ; Ctrl-C stops everything.\n")
    print(f"  visitors connect to  {info['page_url']}   (make token VISITOR=alice)")
    print(f"  a page gets both by  {info['console_url']}/api/token?visitor=alice")
    print(f"  CXone                {info.get('dfo_gateway_url', info['cxone_base_url'])} ({cxone})")
    print(f"  AWS emulator         {info['aws_endpoint_url']}")
    print(f"  logs                 {info['logs']}\n")
    print(left_out.summary(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
