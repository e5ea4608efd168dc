"""Node packages that tests need, by a lock file; never anything that is deployed."""

import contextlib
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from local.simulating.client import ROOT

#: Debian 12 has Node 18: no package of the projects asks for more.
MISSING = "needs Node.js 18 or newer with npm (apt-get install nodejs npm)"


def npm_can_run() -> bool:
    """Whether Node and npm are here."""
    return all(shutil.which(program) for program in ("node", "npm"))


def installed(project: Path) -> Path:
    """The folder whose node_modules are those of the project's lock file: made once, kept until the lock changes.

    Raises RuntimeError with npm's words when it cannot be made.
    """
    lock = (project / "package-lock.json").read_bytes()
    folder = ROOT / ".local" / project.name / hashlib.sha256(lock).hexdigest()[:12]
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        making = Path(scratch) / "project"
        making.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(project / name, making)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=making, capture_output=True, text=True, timeout=170)
        if done.returncode:
            raise RuntimeError(f"npm ci failed:\n{done.stderr[-2000:]}")
        with contextlib.suppress(OSError):  # another worker was quicker
            making.rename(folder)
    return folder
