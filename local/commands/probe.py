"""`make probe`: what does a Digital-First tenant answer, where nobody outside NICE knows it? As one visitor of it.

Prints a table with the evidence, and writes a file without names, texts or ids, which can be sent to this project.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_relay.platforms.digital_first.identity import BadChannel, channel
from typing_relay.platforms.digital_first.urls import Client, Hosts, UnknownEnvironment, custom_hosts, hosts
from typing_relay.platforms.shared.urls import InsecureUrl

from local.dfo_simulator.client import gateway_of
from local.probing.questions import UNKNOWN, Answer, answers
from local.probing.scrub import scrubbed
from local.probing.visitor import NoAnswer, Probe, Tenant
from local.stack.processes import StackError
from local.stack.stack_file import running

USAGE = """\
make probe                                                          this machine's running stack (Digital-First)
make probe DFO_ENVIRONMENT=NA1 DFO_BRAND_ID=1386 DFO_CHANNEL_ID=…   a tenant of NICE's
in the place of DFO_ENVIRONMENT: DFO_GATEWAY_URL, DFO_CHAT_URL, DFO_AUTHORIZE_URL. Take a channel that leads to a test
queue. Also: CONTACTS=1 (the visitor writes a message, so that agents get a contact, and ends it; on this machine
always), AGENT=90 (within that time, in s, an agent, whom you play, takes the contact, types, pauses, types, writes),
FILE=probe.json"""
#: Of a tenant's contact; on this machine nobody else sees it.
PATIENCE_S, LOCAL_PATIENCE_S = 3.0, 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command is to do."""

    tenant: Tenant
    file: Path


class UsageError(Exception):
    """A setting is missing or wrong; the message says which."""


def main() -> int:
    """0: asked; 1: the tenant cannot be asked, or not to the end; 2: wrong usage. What was heard is written."""
    try:
        asked = asked_of(os.environ)
    except (UsageError, StackError, BadChannel, UnknownEnvironment, InsecureUrl) as error:
        print(f"error: {error}\n\n{USAGE}", file=sys.stderr)
        return 2
    probe, code = Probe(asked.tenant, _says), 0
    try:
        probe.run()
    except NoAnswer as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print("\nStopped.")
        code = 130
    if not probe.heard:
        return code
    found = answers(probe.channel, probe.thread_id, probe.heard)
    print(table(found))
    asked.file.write_text(json.dumps(report(probe, found), indent=1) + "\n")
    print(f"\n{asked.file} has the answers and the shape of each frame, without names, texts and ids.")
    return code


def asked_of(environment: Mapping[str, str]) -> Asked:
    """From DFO_…, CONTACTS, AGENT and FILE; without DFO_… the running stack. Raises what `main` catches."""
    file = Path(environment.get("FILE") or "probe.json")
    agent_s = _seconds(environment.get("AGENT") or "0")
    given = {name: environment.get(name, "") for name in ("DFO_ENVIRONMENT", "DFO_GATEWAY_URL", "DFO_BRAND_ID")}
    if not any(given.values()):
        gateway = gateway_of(_running_stack())
        where = custom_hosts(gateway.gateway_url, gateway.chat_url, gateway.authorize_url)
        here = channel(str(gateway.brand_id), gateway.channel_id)
        return Asked(Tenant(where, here, opens_contact=True, agent_s=agent_s, patience_s=LOCAL_PATIENCE_S), file)
    place = channel(environment.get("DFO_BRAND_ID", ""), environment.get("DFO_CHANNEL_ID", ""))
    client = Client(environment.get("DFO_SDK_VERSION") or Client().sdk_version)
    opens_contact = environment.get("CONTACTS") == "1"
    if agent_s and not opens_contact:
        raise UsageError("AGENT needs CONTACTS=1: without a contact there is nobody to type to.")
    return Asked(Tenant(_hosts(environment), place, client, opens_contact, agent_s, PATIENCE_S), file)


def _running_stack() -> Mapping[str, Any]:
    info: Mapping[str, Any] = running()
    if info.get("platform") != "dfo":
        raise UsageError("The running stack is not Digital-First: CXONE_PLATFORM=dfo make run")
    return info


def _hosts(environment: Mapping[str, str]) -> Hosts:
    if environment.get("DFO_ENVIRONMENT"):
        return hosts(environment["DFO_ENVIRONMENT"])
    urls = [environment.get(name, "") for name in ("DFO_GATEWAY_URL", "DFO_CHAT_URL", "DFO_AUTHORIZE_URL")]
    if not all(urls):
        raise UsageError("Set DFO_ENVIRONMENT, or DFO_GATEWAY_URL, DFO_CHAT_URL and DFO_AUTHORIZE_URL.")
    return custom_hosts(*urls)


def _seconds(text: str) -> float:
    if not text.isdecimal() or int(text) > 600:
        raise UsageError(f"AGENT must be a number of seconds up to 600, not {text!r}.")
    return float(text)


def _says(step: str) -> None:
    told = "agent: now take the contact, type, pause for ten seconds, type again, and write a message"
    print(f"… {told if step == 'agent' else step}", flush=True)


def table(found: Sequence[Answer]) -> str:
    """A line for each question."""
    lines = [(answer.question, _shown(answer.value), answer.evidence) for answer in found]
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    return "\n".join(f"{q:{widths[0]}}  {value:{widths[1]}}  {evidence}" for q, value, evidence in lines)


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def report(probe: Probe, found: Sequence[Answer]) -> dict[str, Any]:
    """What may be sent to this project. ``settings``: as the simulator has them, to play this tenant."""
    return {
        "sdk_version": probe.tenant.client.sdk_version,
        "settings": {one.setting: one.value for one in found if one.setting and one.value != UNKNOWN},
        "answers": [{"question": one.question, "value": one.value, "evidence": one.evidence} for one in found],
        "channel": scrubbed(probe.channel),
        "frames": [
            {
                "step": one.step,
                "ms": one.ms,
                "asked": one.asked,
                "was_fetched": one.was_fetched,
                "frame": scrubbed(one.frame),
            }
            for one in probe.heard
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
