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


#: npm's words for a registry that does not answer.
_AWAY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ENOTCACHED")


class RegistryAway(RuntimeError):
    """npm's registry cannot be reached."""


def npm_can_run() -> bool:
    """Whether Node and npm are here."""
    return all(shutil.which(program) for program in ("node", "npm"))


def installed(project: Path) -> Path:
    """The folder whose node_modules are those of the project's lock file: made once, kept until the lock changes.

    Raises RegistryAway, or RuntimeError with npm's words when it cannot be made for another reason.
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
        _install(making)
        with contextlib.suppress(OSError):  # another worker was quicker
            making.rename(folder)
    return folder


def _install(folder: Path) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=170)
    except subprocess.TimeoutExpired:
        raise RegistryAway("npm ci has not ended within 170 s: its registry does not answer") from None
    if found := [word for word in _AWAY if done.returncode and word in done.stderr]:
        raise RegistryAway(
            f"npm's registry cannot be reached from here ({found[0]}), and packages have to come from it"
        )
    if done.returncode:
        raise RuntimeError(f"npm ci failed:\n{done.stderr[-2000:]}")
