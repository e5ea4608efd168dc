"""From what a step has shown to its findings. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from local.deploying.findings import Finding, unseen, well, wrong
from local.rehearsal import plan as plans
from local.rehearsal.facts import Alarm, Event, Stack, Versions
from local.rehearsal.plan import Plan, Step
from local.smoke.checks import Check
from local.smoke.verdicts import Mark

#: What the keeper logs of a CXone that it cannot reach: on v1, and on Digital-First.
REFUSALS = ("CXone created no guest", "The channel's settings could not be read", "guest socket not opened")
#: Alarms that a CXone which refuses everything brings about.
ALARMS_OF_A_REFUSAL = frozenset(
    {"CallsNotAccepted", "CxoneDenies", "GatewayRefuses", "GuestsDead", "GuestsNotHeld", "GuestsWait"}
)
#: What the emulator lacks, of that which a deployment in an account shows.
NOT_ON_EMULATOR = {
    "shifting": "CodeDeploy and versions of state machines are not emulated: nothing moves step by step",
    "ECS": "no service of ECS runs: the keeper is a process of this machine",
    "VPC": "there is no network: subnets, routes and security groups are not looked at",
    "metrics": "no metric becomes an alarm's state, so no alarm fires and none takes a deployment back",
    "warm functions": "a process that serves the alias goes on as the version it began with, for as long as it lives",
    "what AWS keeps": "recovery windows, late log lines and retained parts are AWS's own",
}
_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken, or left out: how long it took (s), and what came of it."""

    step: Step
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def mark(self) -> Mark:
        """WRONG when one finding is, UNSEEN when all are; a warning is no failure."""
        marks = [finding.mark for finding in self.findings]
        if Mark.WRONG in marks:
            return Mark.WRONG
        return Mark.WELL if {Mark.WELL, Mark.WARNED} & set(marks) else Mark.UNSEEN


def blocked(step: Step, taken: Iterable[Taken]) -> str:
    """The step without which this one makes no sense, when it went wrong or was left out; empty: there is none."""
    ended = {one.step.name: one.mark for one in taken if one.step.platform == step.platform}
    return next((name for name in step.needs if ended.get(name) is not Mark.WELL), "")


def preflight(found: Iterable[Finding], plan: Plan) -> list[Finding]:
    """Of `make preflight`, without what a rehearsal means to be so."""
    return [_as_meant(finding, plan) for finding in found]


def _as_meant(finding: Finding, plan: Plan) -> Finding:
    if finding.mark is not Mark.WRONG:
        return finding
    if finding.text.startswith("no keeper will run") and not plan.network.get("VpcId"):
        why = "it is a process of this machine" if plan.on_emulator else "KEEPER=0"
        return unseen("keeper", f"no service of ECS runs the keeper: {why}")
    if finding.about == "ECS" and (plan.on_emulator or not plan.has_keeper):
        return unseen("ECS", "not looked at: no service of ECS is made")
    return finding


def program(what: str, status: int, tail: str, log: str) -> list[Finding]:
    """How a program ended; ``tail``: the end of what it printed."""
    if not status:
        return [well(what, f"its output is in {log}")]
    return [wrong(what, f"ended with {status}; its last lines:\n{tail}", f"the whole output is in {log}")]


def stack(found: Stack | None, events: Sequence[Event], expected: str) -> Finding:
    """Whether the stack stands as it must after a deployment: ``expected``, a status."""
    if found is None:
        return wrong("stack", "there is none", "sam's output above says why")
    if found.status == expected:
        version = found.outputs.get("Version", "unknown")
        return well("stack", f"{found.name} is {found.status}, release {version}")
    reasons = "; ".join(first_failures(events)) or "no event names a reason"
    todo = f"`aws cloudformation describe-stack-events --stack-name {found.name}`"
    return wrong("stack", f"{found.name} is {found.status}, not {expected}: {reasons}", todo)


def first_failures(events: Sequence[Event]) -> list[str]:
    """What failed, oldest first; ``events`` are newest first. What was cancelled because of it is no reason."""
    failed = [event for event in reversed(events) if event.status.endswith("_FAILED") and event.reason]
    reasons = [f"{event.part}: {event.reason}" for event in failed if "cancelled" not in event.reason.lower()]
    return reasons[:_MOST_REASONS]


def first_versions(functions: Collection[str], found: Versions) -> Finding:
    """Each function is called by its alias."""
    lacking = sorted(name for name in functions if name not in found.live)
    if lacking:
        return wrong("versions", f"no alias live: {', '.join(lacking)}", "template.yaml, AutoPublishAlias")
    return well("versions", f"the alias live of {len(functions)} functions names a version")


def new_versions(told: Collection[str], before: Versions, now: Versions) -> list[Finding]:
    """After a changed parameter: a new version of each function that is ``told`` of it, and none is gone."""
    same = sorted(name for name in told if now.live.get(name, 0) <= before.live.get(name, 0))
    gone = sorted(name for name, kept in before.kept.items() if not kept <= now.kept.get(name, frozenset()))
    found = []
    if same:
        text = f"no new version of {', '.join(same)}: the new value never went live"
        found.append(wrong("versions", text, "template.yaml, VersionDescription"))
    if gone:
        text = f"versions of {', '.join(gone)} are gone: a roll back has nothing to go to"
        found.append(wrong("versions", text, "template.yaml, UpdateReplacePolicy"))
    moves = ", ".join(f"{name} {before.live[name]} → {now.live[name]}" for name in sorted(told) if name in before.live)
    return found or [well("versions", f"{moves}; those before are kept")]


def setting(found: str, expected: int) -> Finding:
    """What the version that the alias names holds of the changed parameter (ms)."""
    if found == str(expected):
        return well("settings", f"the alias live stands for {plans.CHANGED}={found}")
    return wrong(
        "settings", f"the alias live stands for {plans.CHANGED}={found!r}, not {expected}", "the stack's events"
    )


def debounce(found: object, expected: int) -> Finding:
    """What a visitor's welcome says of the changed parameter (ms)."""
    if found == expected:
        return well("visitors", f"a visitor's typing ends {expected} ms after the last key: the parameters are live")
    return wrong("visitors", f"a visitor is told {found!r} ms, not {expected}", "which version does `live` name?")


def alarms(expected: Collection[str], found: Mapping[str, Alarm], not_made: Collection[str] = ()) -> list[Finding]:
    """Whether all alarms are in place. ``not_made``: the emulator takes them out of the template."""
    wanted = set(expected) - set(not_made)
    lacking, silent = (
        sorted(wanted - found.keys()),
        sorted(name for name in wanted & found.keys() if not found[name].acts),
    )
    findings = []
    if lacking:
        findings.append(wrong("alarms", f"not there: {', '.join(lacking)}", "the stack's events"))
    if silent:
        findings.append(wrong("alarms", f"they tell nobody: {', '.join(silent)}", "template.yaml, AlarmActions"))
    if not findings:
        findings.append(well("alarms", f"{len(wanted)} are there, each with the stack's topic"))
    if missing := sorted(set(expected) & set(not_made)):
        findings.append(unseen("alarms", f"not looked at: {len(missing)} that the emulator cannot make"))
    return findings


def firing(found: Mapping[str, Alarm], *, refuses: bool, on_emulator: bool) -> list[Finding]:
    """Which alarms fire after all that. ``refuses``: the tenant refuses everything."""
    if on_emulator:
        return [unseen("alarms", f"not looked at: {NOT_ON_EMULATOR['metrics']}")]
    names = {name for name, alarm in found.items() if alarm.is_firing}
    meant = names & ALARMS_OF_A_REFUSAL if refuses else set()
    findings = [wrong("alarms", f"{name} fires", "docs/operations.md, Alarms") for name in sorted(names - meant)]
    if meant:
        findings.append(well("alarms", f"a tenant that refuses is reported: {', '.join(sorted(meant))}"))
    return findings or [well("alarms", "none fires")]


def smoke(checks: Iterable[Check], plan: Plan, platform: str) -> list[Finding]:
    """Of `make smoke`: well, or as a tenant that refuses or a stack without keepers must be."""
    return [_as_expected(check, plan, plan.tenants[platform].refuses) for check in checks]


def _as_expected(check: Check, plan: Plan, refuses: bool) -> Finding:
    found = check.finding
    if check.name == "guest" and not plan.has_keeper:
        return unseen("guest", "not looked at: no keeper runs (KEEPER=0)")
    if check.name == "guest" and refuses and found.mark is Mark.WRONG:
        return well("guest", f"{found.text}: nobody listens at the dry tenant's address")
    if check.name == "guest" and refuses:
        return wrong("guest", "open, though nobody listens at the dry tenant's address", "which CXone is this?")
    return Finding(found.mark, check.name, found.text, "; ".join(found.look))


def refusal(messages: Collection[str], plan: Plan, log_group: str) -> Finding:
    """Whether the keeper says that its CXone cannot be reached. ``messages``: of the lines that it logged."""
    if not plan.has_keeper:
        return unseen("refusal", "not looked at: no keeper runs (KEEPER=0)")
    said = [text for text in messages if text.startswith(REFUSALS)]
    if said:
        return well("refusal", f"the keeper's log says {len(said)} times: {said[0]}")
    return wrong("refusal", "the keeper's log does not say that its CXone refuses", f"log group {log_group}")


def load(status: int, plan: Plan) -> Finding:
    """How `make load` ended."""
    what = f"{plan.visitors} visitors for {plan.minutes:g} min"
    if status:
        return wrong("load", f"{what}: there were errors, listed above", "docs/operations.md, Alarms")
    return well("load", f"{what}, without an error")


def deleted(found: Stack | None, events: Sequence[Event]) -> Finding:
    """Whether the stack is gone."""
    if found is None or found.status == "DELETE_COMPLETE":
        return well("stack", "deleted")
    reasons = "; ".join(first_failures(events)) or "no event names a reason"
    todo = f"`aws cloudformation delete-stack --stack-name {found.name}` once that is out of the way"
    return wrong("stack", f"{found.name} is {found.status}: {reasons}", todo)


def closing(taken: Sequence[Taken], *, stopped: bool) -> tuple[str, int]:
    """The last line, and the exit status: 0 when nothing is wrong, else 1."""
    bad = [one.step.title for one in taken if one.mark is Mark.WRONG]
    blind = sum(finding.mark is Mark.UNSEEN for one in taken for finding in one.findings)
    more = f" {blind} thing{'s were' if blind != 1 else ' was'} not looked at; each says why." if blind else ""
    if stopped:
        return f"Stopped.{more}", 1
    if bad:
        return f"Not as it must be: {', '.join(bad)}.{more}", 1
    return f"The deployment works: {len(taken)} steps.{more}", 0
