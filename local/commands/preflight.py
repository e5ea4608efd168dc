"""`make preflight`: checks what would go wrong with `sam deploy`, before you run it. Read-only.

Reads an environment of samconfig.toml (ENV, "default" if not given), and asks AWS with the credentials of the
environment or profile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.deploying import account_rules, template_rules
from local.deploying.account import Account
from local.deploying.environments import Environment, NoSuchEnvironment, read
from local.deploying.facts import Caller, Tools
from local.deploying.findings import Finding, closing
from local.stack.deploy import ROOT
from local.template_file import read_template


def main() -> int:
    """0: no problem found; 1: there are problems; 2: samconfig.toml has no such environment."""
    try:
        config = Path(os.environ.get("SAMCONFIG") or ROOT / "samconfig.toml")
        environment = read(config, os.environ.get("ENV") or "default")
    except NoSuchEnvironment as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{environment.stack_name}, environment {environment.name} of samconfig.toml\n", flush=True)
    found = look(environment, Account(environment.profile, environment.region))
    verdict, status = closing(found)
    print("\n".join([*map(_line, found), "", verdict]))
    return status


def look(environment: Environment, account: Account) -> list[Finding]:
    """All findings, in the order of the steps to come."""
    template = read_template()
    values = template_rules.complete(template, environment.parameters)
    who = account.caller()
    found = [
        *template_rules.check(template, environment.parameters),
        *account_rules.tools(Tools(sam=bool(shutil.which("sam")), python313=_runs("python3.13"))),
        *account_rules.caller(who),
    ]
    if isinstance(who, Caller):
        facts = account.facts(environment.stack_name, values)
        found += account_rules.account(facts, values, who, environment.stack_name, template)
    return found


def _runs(program: str) -> bool:
    """A version manager may put a name on PATH behind which there is nothing."""
    if not (path := shutil.which(program)):
        return False
    return not subprocess.run([path, "--version"], capture_output=True, check=False).returncode


def _line(finding: Finding) -> str:
    todo = f"\n{'':18}→ {finding.todo}" if finding.todo else ""
    return f"  {finding.mark.value} {finding.about:<13} {finding.text}{todo}"


if __name__ == "__main__":
    sys.exit(main())
