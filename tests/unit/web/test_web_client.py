"""The browser client: its own tests run in Node, its size is checked here."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIMIT_BYTES = 4096


def test_the_client_is_at_most_4_kb_gzipped():
    """Front ends load it on every page."""
    size = len(gzip.compress((ROOT / "web/typing-relay.js").read_bytes(), mtime=0))
    assert size <= LIMIT_BYTES


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js 20 or newer (apt-get install nodejs)")
def test_the_client_keeps_its_rules_in_node():
    """T1, T2, T3, T5: tests/unit/web, run by Node's own test runner."""
    files = sorted(str(path) for path in (ROOT / "tests/unit/web").glob("*.test.mjs"))
    run = subprocess.run(
        ["node", "--test", "--test-reporter=spec", *files], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout[-8000:]
