"""A cold start's CPU: a function's imports and clients in a fresh process, beside `import boto3` and one client.

The code lies as in the layer, compiled. CPU, not time: Lambda gives a starting function a whole core, whatever its
memory. A second table says what of it each import is, so that nothing is imported for the first frame without need.
"""

import compileall
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

from tests.benchmarks.programs import ROOT

ROUNDS = 10
FUNCTIONS = ("keystroke", "connection", "authorizer", "sender", "sweeper")
PEER = "import boto3, one client"
#: Less is not worth a line of the second table.
LEAST_MS = 2.0
OURS, REST = "this project, its clients", "standard library, other"
_ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "TABLE_NAME": "sessions",
    "STATE_MACHINE_ARN": "unused",
    "GUEST_QUEUE_URL": "unused",
    "CONNECTIONS_URL": "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live",
    "CXONE_BASE_URL": "https://acme.api.nicecxone.com",
    "CXONE_STATE_TABLE": "state",
    "CXONE_SECRET_ARN": "unused",
    "VISITOR_SECRET_ARN": "unused",
    "POWERTOOLS_SERVICE_NAME": "cold",
    "POWERTOOLS_METRICS_NAMESPACE": "TypingRelay",
}
_OWN_CPU = "\nimport resource as r; u = r.getrusage(r.RUSAGE_SELF); print((u.ru_utime + u.ru_stime) * 1000)"
_IMPORT_TIME = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        layer = _layer(Path(folder))
        programs = {PEER: "import boto3; boto3.client('dynamodb')"}
        programs |= {name: _import_of(Path(folder) / name) for name in FUNCTIONS}
        cpu_ms: dict[str, list[float]] = {name: [] for name in programs}
        nothing = median(_cpu_ms("pass", layer) for _ in range(ROUNDS))
        for _ in range(ROUNDS):  # in turns, so that the machine's moods meet all of them
            for name, program in programs.items():
                cpu_ms[name].append(_cpu_ms(program, layer) - nothing)
        _print_starts(cpu_ms)
        _print_parts({name: _parts_ms(programs[name], layer) for name in FUNCTIONS})


def _layer(folder: Path) -> Path:
    """The package and the functions, compiled as `sam build` compiles them; returns the folder to import from."""
    shutil.copytree(ROOT / "layers/typing_relay/typing_relay", folder / "python/typing_relay")
    for name in FUNCTIONS:
        shutil.copytree(ROOT / "functions" / name, folder / name)
    compileall.compile_dir(folder, quiet=1)
    return folder / "python"


def _import_of(function: Path) -> str:
    return f"import sys; sys.path.insert(0, {str(function)!r}); import app"


def _run(program: str, layer: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**_ENVIRONMENT, "PYTHONPATH": str(layer), "PATH": os.environ["PATH"]}
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def _cpu_ms(program: str, layer: Path) -> float:
    return float(_run(program + _OWN_CPU, layer).stdout.split()[-1])


def _parts_ms(program: str, layer: Path) -> dict[str, float]:
    """What each imported package took by itself, median of three runs; small ones together."""
    runs = []
    for _ in range(3):
        own_ms: Counter[str] = Counter()
        for microseconds, module in _IMPORT_TIME.findall(_run(program, layer, "-X", "importtime").stderr):
            package = module.partition(".")[0]
            own_ms[OURS if package in ("typing_relay", "app") else package] += int(microseconds) / 1000
        runs.append(own_ms)
    parts = {package: median(run[package] for run in runs) for package in runs[0]}
    large = {package: ms for package, ms in parts.items() if ms >= LEAST_MS and package not in sys.stdlib_module_names}
    return {**large, REST: sum(parts.values()) - sum(large.values())}


def _print_starts(cpu_ms: dict[str, list[float]]) -> None:
    print(f"\ncold start, CPU of a fresh process less an empty one's, median of {ROUNDS}\n")
    for name, rounds in cpu_ms.items():
        print(f"  {name:<26}{median(rounds):>7.0f} ms{median(rounds) / median(cpu_ms[PEER]):>8.2f} x boto3's")


def _print_parts(parts: dict[str, dict[str, float]]) -> None:
    names = sorted({package for each in parts.values() for package in each} - {REST}, key=str.lower)
    print(f"\nof which imports, ms (each package by itself, those of {LEAST_MS:.0f} ms and more)\n")
    print(f"  {'':<26}" + "".join(f"{name:>12}" for name in parts))
    for package in [*names, REST]:
        row = "".join(f"{each[package]:>12.1f}" if package in each else f"{'–':>12}" for each in parts.values())
        print(f"  {package:<26}{row}")


if __name__ == "__main__":
    main()
