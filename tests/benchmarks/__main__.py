"""`make bench`: every benchmark, or those named (`make bench ARGS="real_typing storm"`), one after the other.

`soak` takes an hour, so it has to be named: `make bench ARGS=soak MINUTES=60`.
"""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In this order: what a visitor notices, what the deployment pays, what the keeper carries, what survives a storm.
BENCHMARKS = (
    *("real_typing", "page", "cost", "coalesced_key", "cold_start", "function_memory"),
    *("keeper_sockets", "keeper_neighbours", "keeper_at_scale", "keeper_traffic", "storm", "neighbour"),
    *("digital_first", "digital_first_at_scale"),
)
PROGRAM = "import importlib, sys; sys.exit(bool(importlib.import_module(sys.argv.pop()).main()))"


def main() -> int:
    """Run them; 1 when one of them failed or missed its goals, 2 when one that was named does not exist."""
    end_by_sigterm()
    names = sys.argv[1:] or BENCHMARKS
    unknown = [name for name in names if not (Path(__file__).parent / f"{name}.py").exists()]
    if unknown:
        print(f"error: no benchmark {', '.join(unknown)}. There are {', '.join(BENCHMARKS)}, soak", file=sys.stderr)
        return 2
    has_missed = False
    for name in names:
        print(f"\n=== {name} ===", flush=True)
        has_missed |= run(f"tests.benchmarks.{name}") != 0
    return int(has_missed)


def end_by_sigterm() -> None:
    """SIGTERM ends this process as an exit does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def run(module: str) -> int:
    """The exit code of ``main()`` in ``module``.

    In a process of its own: a benchmark changes its environment and keeps memory. It ends before this is left.
    """
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, module], cwd=ROOT)
    try:
        return process.wait()
    except KeyboardInterrupt:  # a terminal interrupts both
        process.wait()
        raise
    except SystemExit:
        process.terminate()
        process.wait()
        raise


if __name__ == "__main__":
    sys.exit(main())
