"""Takes a rehearsal's steps one after the other, shows each with its time and findings, and takes away what it made."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import websocket
from botocore.exceptions import BotoCoreError, ClientError

from local.commands import smoke as smoke_command
from local.commands.deployed import UsageError, deployed
from local.deploying.findings import Finding, unseen, well, wrong
from local.playing.visitor import Visitor
from local.rehearsal import orders, plan, verdicts
from local.rehearsal.account import Stacks
from local.rehearsal.facts import Resource, Stack, Versions
from local.rehearsal.leftovers import Leftover, leftovers
from local.rehearsal.ownership import NotOurs
from local.rehearsal.places import Place
from local.rehearsal.plan import Plan, Step
from local.rehearsal.programs import Progress, run
from local.rehearsal.verdicts import Taken
from local.smoke.checks import checks
from local.smoke.verdicts import Mark
from local.stack.deploy import ROOT
from local.stack.processes import StackError
from local.stack.stack import StopRequested
from local.template_file import read_template

SAM = ROOT / ".venv-sam/bin/sam"
_UPDATED, _MADE = "UPDATE_COMPLETE", "CREATE_COMPLETE"
#: A guest at a dry tenant does not open: not waited for longer (s).
_DRY_GUEST_S, _GUEST_S = 8, 40
_WELCOME_S = 15.0
#: This machine's clock and those that stamp the logs may differ by this.
_CLOCKS_MS = 60_000
#: How long the name of a new API may take to be known (s).
_NEW_NAME_S = 90.0
#: How long the keeper may take to log what it met (s).
_LOGGED_S = 30.0
_FAILURES = (BotoCoreError, ClientError, NotOurs, OSError, StackError, UsageError, websocket.WebSocketException)


@dataclass
class _Platform:
    """What is known of one platform's stack while it stands."""

    url: str = ""
    began: int = 0
    stack: Stack | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    versions: Versions = field(default_factory=lambda: Versions({}, {}))


class Rehearsal:
    """One run. ``folder``: for what is built and logged. ``preflight`` gives the findings for a platform's stack."""

    def __init__(self, made_for: Plan, place: Place, folder: Path, preflight: Callable[[str], list[Finding]]) -> None:
        self._plan, self._place, self._folder, self._preflight = made_for, place, folder, preflight
        self._stacks = Stacks(place.aws, made_for.run, place.poll_s)
        self._of = {platform: _Platform() for platform in made_for.platforms}
        self._template_path = folder
        self._template: dict[str, Any] = {}
        self._taken_out: frozenset[str] = frozenset()
        self._left: dict[str, list[Leftover]] = {}
        self._count = 0
        self._steps = len(plan.steps_of(made_for)) + len(plan.ends_of(made_for, made_for.platforms))
        self.taken: list[Taken] = []
        self.made: list[str] = []

    # --- the order of things

    def ask_before(self) -> bool:
        """The preflight; whether anything should be made."""
        return self._take(plan.PREFLIGHT, lambda: self._look(self._plan.platforms)).mark is not Mark.WRONG

    def play(self) -> bool:
        """All the steps; then, also when it is interrupted, what was begun is deleted, unless it is to be kept.

        Whether it was stopped by a signal.
        """
        stopped = False
        try:
            if self._take(plan.BUILD, self._build).mark is not Mark.WRONG:
                for step in plan.steps_of(self._plan):
                    if step.platform:
                        self._take_or_leave_out(step)
        except StopRequested:
            stopped = True
        finally:
            stopped |= self._end()
        return stopped

    def _end(self) -> bool:
        """Nothing may stop this: a signal that arrives now begins the step again, and further ones are ignored."""
        stopped = False
        for step in plan.ends_of(self._plan, self.made):
            action = partial(self._kinds()[step.name], step.platform)
            try:
                self._take(step, action)
            except StopRequested:
                stopped = True
                self._count -= 1
                self._take(step, action)
        return stopped

    @property
    def left(self) -> dict[str, list[Leftover]]:
        """By platform: what is still there."""
        return self._left

    def _take_or_leave_out(self, step: Step) -> None:
        if lacking := verdicts.blocked(step, self.taken):
            self._note(Taken(step, 0, (unseen("left out", f"it needs the step {lacking!r}"),)), starts=True)
        else:
            self._take(step, partial(self._kinds()[step.name], step.platform))

    def _take(self, step: Step, action: Callable[[], list[Finding]]) -> Taken:
        self._head(step)
        began = time.monotonic()
        try:
            findings = action()
        except _FAILURES as error:
            findings = [wrong(step.name, f"{type(error).__name__}: {error}", "the step could not be taken to its end")]
        taken = Taken(step, time.monotonic() - began, tuple(findings))
        self._note(taken)
        return taken

    def _head(self, step: Step) -> None:
        self._count += 1
        print(f"\n[{self._count:2}/{self._steps}] {step.title}", flush=True)

    def _note(self, taken: Taken, *, starts: bool = False) -> None:
        if starts:
            self._head(taken.step)
        self.taken.append(taken)
        for finding in taken.findings:
            todo = f"\n{'':22}→ {finding.todo}" if finding.todo else ""
            print(f"      {finding.mark.value} {finding.about:<13} {finding.text}{todo}")
        print(f"      {taken.mark.value} {taken.seconds:.1f} s", flush=True)

    def _kinds(self) -> dict[str, Callable[[str], list[Finding]]]:
        return {
            plan.DEPLOY: self._deploy,
            plan.ALARMS: self._alarms,
            plan.SMOKE: self._smoke,
            plan.REFUSAL: self._refusal,
            plan.LOAD: self._load,
            plan.UPDATE: lambda platform: self._change(platform, changed=True),
            plan.SMOKE_UPDATED: self._smoke,
            plan.ROLL_BACK: lambda platform: self._change(platform, changed=False),
            plan.SMOKE_BACK: self._smoke,
            plan.FIRING: self._firing,
            plan.DELETE: self._delete,
            plan.LEFT: self._look_for_leftovers,
        }

    # --- the steps

    def _look(self, platforms: tuple[str, ...]) -> list[Finding]:
        return [
            Finding(finding.mark, f"{platform} {finding.about}", finding.text, finding.todo)
            for platform in platforms
            for finding in verdicts.preflight(self._preflight(platform), self._plan)
        ]

    def _build(self) -> list[Finding]:
        built = self._folder / "built"
        log = self._folder / "build.log"
        found = self._run("sam build", orders.build(SAM, built), log)
        if (built / "template.yaml").exists():
            self._template = read_template(built / "template.yaml")
            self._template_path, taken_out = self._place.template(built)
            self._taken_out = frozenset(taken_out)
        if self._taken_out:
            found.append(unseen("template", f"the emulator takes no {', '.join(sorted(self._taken_out))}"))
        return found

    def _deploy(self, platform: str) -> list[Finding]:
        of, name = self._of[platform], self._plan.stack(platform)
        if self._stacks.find(name):
            raise NotOurs(f"there is a stack {name} already. RUN=another four hex digits, or none")
        self.made.append(platform)
        found = self._sam_deploy(platform, changed=False)
        found.append(self._stands(platform, _MADE))
        if of.stack and of.stack.status == _MADE:
            of.began = time.time_ns() // 1_000_000 - _CLOCKS_MS
            of.resources = self._stacks.resources(name)
            of.versions = self._stacks.versions(of.resources)
            found.append(verdicts.first_versions(self._standing(platform, plan.FUNCTION), of.versions))
            found += self._settle(platform, plan.BEFORE_MS, is_first=True)
        return found

    def _change(self, platform: str, *, changed: bool) -> list[Finding]:
        """The update, and the roll back, which deploys the parameters before (docs/runbook.md, Roll back)."""
        of, before = self._of[platform], self._of[platform].versions
        self._stacks.ours(self._plan.stack(platform))
        found = self._sam_deploy(platform, changed=changed)
        found.append(self._stands(platform, _UPDATED))
        if of.stack and of.stack.status == _UPDATED:
            of.resources = self._stacks.resources(of.stack.name)
            of.versions = self._stacks.versions(of.resources)
            told = plan.told(self._template, plan.CHANGED) & self._standing(platform, plan.FUNCTION)
            found += verdicts.new_versions(told, before, of.versions)
            found += self._settle(platform, plan.AFTER_MS if changed else plan.BEFORE_MS)
            if changed and self._plan.on_emulator and self._plan.shift != "AllAtOnce":
                found.append(unseen("shifting", f"not looked at: {verdicts.NOT_ON_EMULATOR['shifting']}"))
        return found

    def _sam_deploy(self, platform: str, *, changed: bool) -> list[Finding]:
        config = self._folder / "empty.toml"
        config.write_text("version = 0.1\n")
        command = orders.deploy(SAM, self._plan, platform, self._template_path, config, changed=changed)
        return self._run("sam deploy", command, self._folder / f"{platform}.log")

    def _run(self, what: str, command: list[str], log: Path) -> list[Finding]:
        print(f"      $ {' '.join(command)}", flush=True)
        status, tail = run(command, self._place.environment(), log)
        return verdicts.program(what, status, tail, str(log))

    def _stands(self, platform: str, expected: str) -> Finding:
        of = self._of[platform]
        of.stack = self._stacks.ours(self._plan.stack(platform))
        is_well = of.stack is None or of.stack.status == expected
        events = [] if is_well or of.stack is None else self._stacks.events(of.stack.id)
        return verdicts.stack(of.stack, events, expected)

    def _settle(self, platform: str, debounce_ms: int, *, is_first: bool = False) -> list[Finding]:
        """What the place does after a deployment; what the alias then stands for, and what a visitor is told."""
        of = self._of[platform]
        assert of.stack  # noqa: S101 it stands
        of.url = self._place.after_deployment(self._plan, platform, of.stack.outputs)
        setting = self._stacks.setting(of.resources[plan.TOLD].id, plan.TOLD_BY)
        found = [verdicts.setting(setting, debounce_ms)]
        if self._plan.on_emulator and not is_first:
            return [*found, unseen("visitors", f"not looked at: {verdicts.NOT_ON_EMULATOR['warm functions']}")]
        return [*found, self._welcome(platform, debounce_ms)]

    def _welcome(self, platform: str, debounce_ms: int) -> Finding:
        of = self._of[platform]
        place = deployed(self._where(platform), own="TOKEN")
        with self._enter(of.url, place.tokens(["rehearsal"], 300)[0], place.origin) as visitor:
            visitor.send({"action": "hello"})
            try:
                welcome = visitor.wait_for("welcome", _WELCOME_S)
            except TimeoutError:
                return wrong("visitors", "a hello is not answered", "alarms FunctionsFail, FunctionsThrottled")
        return verdicts.debounce(welcome.get("timings", {}).get("debounce_ms"), debounce_ms)

    def _enter(self, url: str, token: str, origin: str | None) -> Visitor:
        """A visitor who is let in: a new API's name may not be known everywhere yet, and its functions are cold."""
        until = time.monotonic() + _NEW_NAME_S
        while True:
            try:
                return Visitor(url, token, origin, _WELCOME_S)
            except (OSError, websocket.WebSocketTimeoutException):
                if time.monotonic() > until:
                    raise
            time.sleep(self._place.poll_s)

    def _where(self, platform: str) -> dict[str, str]:
        """The settings by which `make smoke` and `make load` find the stack."""
        tenant = self._plan.tenants[platform]
        return {
            "STACK": self._plan.stack(platform),
            "URL": self._of[platform].url,
            "CONTACTS": "1" if tenant.contacts else "0",
            "GUEST_SECONDS": str(_DRY_GUEST_S if tenant.refuses or not self._plan.has_keeper else _GUEST_S),
        }

    def _alarms(self, platform: str) -> list[Finding]:
        expected = self._standing(platform, plan.ALARM)
        found = self._stacks.alarms(self._of[platform].resources)
        return verdicts.alarms(expected, found, self._taken_out)

    def _firing(self, platform: str) -> list[Finding]:
        found = self._stacks.alarms(self._of[platform].resources)
        refuses = self._plan.tenants[platform].refuses or not self._plan.has_keeper
        return verdicts.firing(found, refuses=refuses, on_emulator=self._plan.on_emulator)

    def _standing(self, platform: str, kind: str) -> set[str]:
        return plan.standing(self._template, self._plan.parameters(platform), kind)

    def _smoke(self, platform: str) -> list[Finding]:
        target = smoke_command.target_of(self._where(platform))
        return verdicts.smoke(checks(target), self._plan, platform)

    def _refusal(self, platform: str) -> list[Finding]:
        group, until, messages = f"/ecs/{self._plan.stack(platform)}-guest-keeper", time.monotonic() + _LOGGED_S, []
        while self._plan.has_keeper and time.monotonic() < until:
            messages = self._stacks.logged(group, self._of[platform].began)
            if any(text.startswith(verdicts.REFUSALS) for text in messages):
                break
            time.sleep(self._place.poll_s)
        return [verdicts.refusal(messages, self._plan, group)]

    def _load(self, platform: str) -> list[Finding]:
        if not self._plan.has_keeper:
            return [unseen("load", "not looked at: no keeper runs (KEEPER=0), so nobody can be shown typing")]
        more = {"VISITORS": str(self._plan.visitors), "MINUTES": f"{self._plan.minutes:g}", "A_SECOND": "5"}
        environment = os.environ | self._where(platform) | more
        done = subprocess.run([sys.executable, "-m", "local.commands.load"], cwd=ROOT, env=environment, check=False)
        return [verdicts.load(done.returncode, self._plan)]

    # --- the end

    def _delete(self, platform: str) -> list[Finding]:
        of, name, progress = self._of[platform], self._plan.stack(platform), Progress()
        of.stack = self._stacks.ours(name) or of.stack
        if of.stack is None:
            return [well("stack", "there is none")]
        of.resources |= self._stacks.resources(name) if self._stacks.find(name) else {}
        self._place.before_deletion(platform)
        end = self._stacks.delete(name, progress.show)
        progress.over()
        return [verdicts.deleted(end, self._stacks.events(of.stack.id) if end else [])]

    def _look_for_leftovers(self, platform: str) -> list[Finding]:
        of = self._of[platform]
        if of.stack is None:
            self._left[platform] = []
            return [well("left", "nothing: no stack was made")]
        found = self._stacks.left(of.stack, of.resources)
        self._left[platform] = leftovers(found, self._plan, platform)
        findings = [unseen(what, f"not looked at: {why}") for what, why in found.unasked.items()]
        if self._plan.on_emulator:
            findings.append(unseen("in an account", f"not looked at: {verdicts.NOT_ON_EMULATOR['what AWS keeps']}"))
        if self._plan.keeps:
            return [well("left", f"{of.stack.name} is kept, with all that it is made of"), *findings]
        return [well("left", f"{len(self._left[platform])} things, listed below"), *findings]
