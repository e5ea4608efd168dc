"""The browser client: its own tests run in Node. Its size is checked where its package is tried, in tests/e2e."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js 20 or newer (apt-get install nodejs)")
def test_the_client_keeps_its_rules_in_node():
    """T1, T2, T3, T5: tests/unit/web, run by Node's own test runner."""
    files = sorted(str(path) for path in (ROOT / "tests/unit/web").glob("*.test.mjs"))
    run = subprocess.run(
        ["node", "--test", "--test-reporter=spec", *files], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout[-8000:]
