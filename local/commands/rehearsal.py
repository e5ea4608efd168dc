"""`make rehearsal`: the deployment played through in an account, from preflight to deletion, on stacks of its own.

With ON=emulator on this machine instead, as far as the emulator goes. It deletes what it made, also when it is stopped.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.commands.preflight import look
from local.deploying.account import Account
from local.deploying.account_rules import caller
from local.deploying.environments import Environment, NoSuchEnvironment, read
from local.deploying.facts import Caller
from local.load.bill import prices_of
from local.rehearsal import price, verdicts
from local.rehearsal.account import Stacks
from local.rehearsal.emulated import EmulatedAccount, emulated
from local.rehearsal.leftovers import Leftover, of_the_account
from local.rehearsal.ownership import NotOurs
from local.rehearsal.places import AwsAccount, Place
from local.rehearsal.plan import PLATFORMS, PREFIX, TAG, Plan
from local.rehearsal.play import Rehearsal
from local.rehearsal.programs import Progress
from local.rehearsal.settings import BadSetting, is_on_emulator, plan_of, run_of
from local.smoke.verdicts import Mark
from local.stack.deploy import ROOT
from local.stack.processes import StackError
from local.stack.stack import StopRequested, stopping_on_signals
from local.stack.stack_file import LOCAL
from local.template_file import read_template

USAGE = """\
make rehearsal                     both platforms in the account of your AWS profile, at an address that refuses
make rehearsal ON=emulator         the same steps on this machine, with simulated CXones; costs nothing
make rehearsal DELETE=3fa2         takes away the stacks of a run that was kept, or whose machine died
where the keepers run: KEEPER_IMAGE, VPC_ID, SUBNET_IDS and ASSIGN_PUBLIC_IP, or else samconfig.toml (ENV=default);
KEEPER=0: nowhere, and what needs a keeper is not looked at
a tenant: on v1 CXONE_BASE_URL or CXONE_ORG_ID with CXONE_SECRET_ARN, or with CXONE_CLIENT_ID and CXONE_CLIENT_SECRET;
on Digital-First DFO_ENVIRONMENT, DFO_BRAND_ID and DFO_CHANNEL_ID, or DFO_GATEWAY_URL, DFO_CHAT_URL and
DFO_AUTHORIZE_URL, and CONTACTS=1 where agents may get the visitors' contacts; TENANT=dry: the address that refuses
more: PLATFORMS=v1,dfo, CANARY=Canary10Percent5Minutes (the update shifts so), VISITORS=20 MINUTES=1 (of the load),
RUN=3fa2 (what the stacks' names end on), KEEP=1 (deletes nothing), YES=1 (asks nothing)"""


def main() -> int:
    """0: the deployment works; 1: something does not, or it was stopped; 2: it is not clear what to do."""
    given = dict(os.environ)
    # Last: sam's environment may have a python3.13, and `sam build` needs one that has pip.
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{ROOT / '.venv-sam/bin'}"
    try:
        with ExitStack() as cleanup:
            cleanup.enter_context(stopping_on_signals())
            if "DELETE" in given:
                return _delete(run_of(given, "DELETE", ""))
            return _rehearse(given, cleanup)
    except (BadSetting, NoSuchEnvironment) as error:
        print(f"error: {error}\n\n{USAGE}", file=sys.stderr)
        return 2
    except (NotOurs, StackError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS: {error}", file=sys.stderr)
        return 1
    except StopRequested:
        print(
            "\nStopped: what was begun to be deleted goes on."
            if "DELETE" in given
            else "\nStopped, before anything was made."
        )
        return 1


def _rehearse(given: Mapping[str, str], cleanup: ExitStack) -> int:
    template = read_template()
    run = run_of(given, "RUN", secrets.token_hex(2))
    configured = _configured(given)
    if is_on_emulator(given):
        plan_of(given, configured, template, run)  # bad settings are said before anything is started
        machine = cleanup.enter_context(_on_this_machine())
        place: Place = machine
        plan = plan_of(given, configured, template, run, machine.tenants)
    else:
        plan, place = plan_of(given, configured, template, run), AwsAccount()
    who = _who()
    folder = LOCAL / "rehearsal" / plan.run
    folder.mkdir(parents=True, exist_ok=True)
    rehearsal = Rehearsal(plan, place, folder, lambda platform: look(_environment(plan, platform), Account()))
    print(_introduction(plan, who))
    if not rehearsal.ask_before():
        print("\nNothing was made.")
        return 1
    if not plan.on_emulator:
        _must_be_meant(given)
    return _play(rehearsal, plan)


def _play(rehearsal: Rehearsal, plan: Plan) -> int:
    stopped = False
    try:
        stopped = rehearsal.play()
    finally:
        print(f"\n{_left(rehearsal, plan)}", flush=True)
    print(f"\n{_summary(rehearsal)}")
    verdict, status = verdicts.closing(rehearsal.taken, stopped=stopped)
    print(f"\n{verdict}", flush=True)
    return status


@contextmanager
def _on_this_machine() -> Iterator[EmulatedAccount]:
    with tempfile.TemporaryDirectory(prefix="typing-relay-rehearsal-") as folder, emulated(Path(folder)) as place:
        yield place


def _configured(given: Mapping[str, str]) -> Mapping[str, str]:
    config = Path(given.get("SAMCONFIG") or ROOT / "samconfig.toml")
    return read(config, given.get("ENV") or "default").parameters


def _environment(plan: Plan, platform: str) -> Environment:
    """As `make preflight` looks at one."""
    return Environment("rehearsal", plan.stack(platform), plan.parameters(platform))


def _who() -> Caller:
    """Who deploys. BadSetting where nobody can."""
    who = Account().caller()
    if not isinstance(who, Caller):
        [finding] = caller(who)
        raise BadSetting(f"{finding.text}\n→ {finding.todo}")
    return who


def _introduction(plan: Plan, who: Caller) -> str:
    names = "\n".join(f"  {plan.stack(platform):<38}{_tenant(plan, platform)}" for platform in plan.platforms)
    where = "the AWS emulator on this machine" if plan.on_emulator else f"account {who.account}, {who.region}"
    made = f"Rehearsal {plan.run} makes, changes and deletes in {where}, as {who.arn}:\n\n{names}\n"
    if plan.on_emulator:
        return f"{made}\nIt costs nothing. What the emulator cannot show:\n{_limits()}"
    dollars = sum(price.dollars(plan, prices_of(platform)) for platform in plan.platforms) / len(plan.platforms)
    hour = f"; they are kept, which costs ${price.an_hour(plan):.2f} an hour" if plan.keeps else ""
    return (
        f"{made}\nAt least {price.minutes(plan)} minutes and at most ${dollars:.2f} at list prices, without a NAT "
        f"gateway and CXone's own{hour}.\nNo other stack is touched: name and tag {TAG}={plan.run} must both say so."
    )


def _tenant(plan: Plan, platform: str) -> str:
    tenant = plan.tenants[platform]
    if tenant.refuses:
        return "at an address that refuses: a dry tenant"
    if plan.on_emulator:
        return "at its simulator"
    return f"at {next(value for value in tenant.parameters.values() if value != 'custom')}"


def _limits() -> str:
    return "\n".join(f"  – {what}: {why}" for what, why in verdicts.NOT_ON_EMULATOR.items())


def _must_be_meant(given: Mapping[str, str]) -> None:
    if given.get("YES") == "1":
        return
    if not sys.stdin.isatty():
        raise BadSetting("it makes things that cost money: YES=1 if that is meant")
    if input("\nType yes if that is meant: ").strip() != "yes":
        raise BadSetting("not meant: nothing was made")


def _left(rehearsal: Rehearsal, plan: Plan) -> str:
    if plan.keeps and rehearsal.made:
        names = ", ".join(plan.stack(platform) for platform in rehearsal.made)
        return f"Kept: {names}. To take them away: make rehearsal DELETE={plan.run}"
    found = [left for platform in rehearsal.left for left in rehearsal.left[platform]]
    if not rehearsal.made:
        return "Nothing is left: no stack was begun."
    return "\n".join(["What is left:", *map(_item, [*found, *of_the_account(plan)])])


def _item(left: Leftover) -> str:
    return f"  • {left.what}" + (f"\n      {left.remove}" if left.remove else "")


def _summary(rehearsal: Rehearsal) -> str:
    lines = [f"  {one.mark.value} {one.step.title:<28}{one.seconds:7.1f} s" for one in rehearsal.taken]
    return "\n".join(lines)


def _delete(run: str) -> int:
    """Both platforms' stacks of this run."""
    who = _who()
    print(f"The stacks of rehearsal {run} in account {who.account}, {who.region}:", flush=True)
    place, status = AwsAccount(), 0
    stacks = Stacks(place.aws, run, place.poll_s)
    names = [f"{PREFIX}-{platform}-{run}" for platform in PLATFORMS]
    there = {name: found for name in names if (found := stacks.ours(name))}
    for name in there:  # all of them before one is waited for: whoever stops this stops no deletion
        stacks.begin_deletion(name)
    for name in names:
        found = there.get(name)
        if found is None:
            print(f"  – {name}: there is none")
            continue
        progress = Progress()
        end = stacks.delete(name, progress.show)
        progress.over()
        finding = verdicts.deleted(end, stacks.events(found.id) if end else [])
        print(f"  {finding.mark.value} {name}: {finding.text}" + (f"\n    → {finding.todo}" if finding.todo else ""))
        status = max(status, int(finding.mark is Mark.WRONG))
    return status


if __name__ == "__main__":
    sys.exit(main())
