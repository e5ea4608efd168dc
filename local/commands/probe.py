"""`make probe`: which interface does a tenant speak, and what does it answer, where nobody outside NICE knows it?

As one visitor of it. Prints a table with the evidence, and writes a file without names, texts or ids, which can be sent
to this project.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_relay.platforms.digital_first.identity import BadChannel, channel
from typing_relay.platforms.digital_first.urls import Client, Hosts, UnknownEnvironment, custom_hosts, hosts
from typing_relay.platforms.shared.urls import InsecureUrl, base_url
from typing_relay.platforms.webchat.auth import Credentials

from local.cxone_simulator.credentials import client_credentials
from local.dfo_simulator.client import gateway_of
from local.probing import webchat_questions
from local.probing.questions import UNKNOWN, Answer, answers
from local.probing.scrub import scrubbed
from local.probing.visitor import NoAnswer, Probe, Tenant
from local.probing.webchat import Organisation, WebchatProbe
from local.stack.processes import StackError
from local.stack.stack_file import running

USAGE = """\
make probe                                                          this machine's running stack
make probe DFO_ENVIRONMENT=NA1 DFO_BRAND_ID=1386 DFO_CHANNEL_ID=…   a tenant of NICE's: Digital-First
make probe CXONE_ORG_ID=acme CXONE_CLIENT_ID=…                      a tenant of NICE's: webchat v1, if it has that
With an administrator's brand number and channel id it is Digital-First. In the place of DFO_ENVIRONMENT:
DFO_GATEWAY_URL, DFO_CHAT_URL, DFO_AUTHORIZE_URL. Take a channel that leads to a test queue. Also: CONTACTS=1 (the
visitor writes a message, so that agents get a contact, and ends it; on this machine always), AGENT=90 (within that
time, in s, an agent, whom you play, takes the contact, types, pauses, types, writes), FILE=probe.json.
Webchat v1: CXONE_CLIENT_SECRET in the environment; CXONE_BASE_URL in the place of CXONE_ORG_ID; KEEP=60 (this long,
in s, it is looked whether typing is still shown)"""
#: What a tenant without webchat v1 most likely has.
NOT_WEBCHAT = """\
This tenant does not speak webchat v1 here. Very likely it is Digital-First: ask your administrator for the brand number
and a channel id, and run make probe DFO_ENVIRONMENT=… DFO_BRAND_ID=… DFO_CHANNEL_ID=…; see docs/digital-first.md."""
WEBCHAT = "This tenant speaks webchat v1 (CxonePlatform v1)."
DIGITAL_FIRST = "This tenant speaks Digital-First (CxonePlatform dfo)."
NOT_DIGITAL_FIRST = """\
Whether this tenant speaks Digital-First is not known: brand, channel or environment may be wrong. Without a brand
number and a channel id it may have webchat v1: make probe CXONE_ORG_ID=…; see docs/webchat.md."""
#: Of a tenant's contact; on this machine nobody else sees it.
PATIENCE_S, LOCAL_PATIENCE_S = 3.0, 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command is to do."""

    tenant: Tenant | Organisation
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
    if isinstance(asked.tenant, Organisation):
        return _ask_webchat(asked.tenant, asked.file)
    probe = Probe(asked.tenant, _says)
    code = _run(probe.run)
    if not probe.heard:
        print(NOT_DIGITAL_FIRST if not probe.channel else DIGITAL_FIRST)
        return code
    found = answers(probe.channel, probe.thread_id, probe.heard)
    _write(asked.file, found, report(probe, found))
    print(DIGITAL_FIRST)
    return code


def _ask_webchat(organisation: Organisation, file: Path) -> int:
    probe = WebchatProbe(organisation, _says)
    code = _run(probe.run)
    if not probe.said:
        return code
    found = webchat_questions.answers(probe.said)
    _write(file, found, webchat_report(probe, found))
    speaks = webchat_questions.speaks_webchat(probe.said)
    if speaks is not None:
        print(WEBCHAT if speaks else NOT_WEBCHAT)
    return code


def _run(ask: Callable[[], None]) -> int:
    try:
        ask()
    except NoAnswer as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    return 0


def _write(file: Path, found: Sequence[Answer], report: Mapping[str, Any]) -> None:
    print(table(found))
    file.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{file} has the answers and the shape of all that was heard, without names, texts and ids.")


def asked_of(environment: Mapping[str, str]) -> Asked:
    """From DFO_… or CXONE_…, CONTACTS, AGENT, KEEP and FILE; without the first two the running stack.

    Raises what `main` catches.
    """
    file = Path(environment.get("FILE") or "probe.json")
    agent_s, keep_s = (_seconds(environment, name, usual) for name, usual in (("AGENT", "0"), ("KEEP", "60")))
    is_dfo = any(environment.get(name) for name in ("DFO_ENVIRONMENT", "DFO_GATEWAY_URL", "DFO_BRAND_ID"))
    if not is_dfo and (environment.get("CXONE_ORG_ID") or environment.get("CXONE_BASE_URL")):
        return Asked(Organisation(_base_url(environment), _credentials(environment), keep_s), file)
    if not is_dfo:
        info = running()
        if info.get("platform") == "v1":
            here_v1 = Credentials(*client_credentials())
            return Asked(Organisation(info["cxone_control_url"], here_v1, keep_s, LOCAL_PATIENCE_S), file)
        gateway = gateway_of(_digital_first(info))
        where = custom_hosts(gateway.gateway_url, gateway.chat_url, gateway.authorize_url)
        here = channel(str(gateway.brand_id), gateway.channel_id)
        return Asked(Tenant(where, here, opens_contact=True, agent_s=agent_s, patience_s=LOCAL_PATIENCE_S), file)
    place = channel(environment.get("DFO_BRAND_ID", ""), environment.get("DFO_CHANNEL_ID", ""))
    client = Client(environment.get("DFO_SDK_VERSION") or Client().sdk_version)
    opens_contact = environment.get("CONTACTS") == "1"
    if agent_s and not opens_contact:
        raise UsageError("AGENT needs CONTACTS=1: without a contact there is nobody to type to.")
    return Asked(Tenant(_hosts(environment), place, client, opens_contact, agent_s, PATIENCE_S), file)


def _digital_first(info: Mapping[str, Any]) -> Mapping[str, Any]:
    if info.get("platform") != "dfo":
        raise UsageError(f"The running stack's platform, {info.get('platform')}, cannot be probed.")
    return info


def _base_url(environment: Mapping[str, str]) -> str:
    if environment.get("CXONE_BASE_URL"):
        return base_url(environment["CXONE_BASE_URL"], "CXONE_BASE_URL")
    org_id = environment["CXONE_ORG_ID"]
    if not re.fullmatch(r"[A-Za-z0-9-]{1,63}", org_id):
        raise UsageError("CXONE_ORG_ID must be letters, digits and hyphens.")
    return f"https://{org_id}.api.nicecxone.com"


def _credentials(environment: Mapping[str, str]) -> Credentials:
    client_id, secret = environment.get("CXONE_CLIENT_ID", ""), environment.get("CXONE_CLIENT_SECRET", "")
    if not client_id or not secret:
        raise UsageError("webchat v1 needs CXONE_CLIENT_ID and, in the environment, CXONE_CLIENT_SECRET.")
    return Credentials(client_id, secret)


def _hosts(environment: Mapping[str, str]) -> Hosts:
    if environment.get("DFO_ENVIRONMENT"):
        return hosts(environment["DFO_ENVIRONMENT"])
    urls = [environment.get(name, "") for name in ("DFO_GATEWAY_URL", "DFO_CHAT_URL", "DFO_AUTHORIZE_URL")]
    if not all(urls):
        raise UsageError("Set DFO_ENVIRONMENT, or DFO_GATEWAY_URL, DFO_CHAT_URL and DFO_AUTHORIZE_URL.")
    return custom_hosts(*urls)


def _seconds(environment: Mapping[str, str], name: str, usual: str) -> float:
    text = environment.get(name) or usual
    if not text.isdecimal() or int(text) > 600:
        raise UsageError(f"{name} must be a number of seconds up to 600, not {text!r}.")
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


def webchat_report(probe: WebchatProbe, found: Sequence[Answer]) -> dict[str, Any]:
    """What may be sent to this project. ``settings``: as the simulator of v1 has them."""
    return {
        "interface": "webchat v1",
        "settings": {one.setting: one.value for one in found if one.value != UNKNOWN},
        "answers": [{"question": one.question, "value": one.value, "evidence": one.evidence} for one in found],
        "said": [
            {"step": one.step, "ms": one.ms, "status": one.status, "body": scrubbed(one.body)} for one in probe.said
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
