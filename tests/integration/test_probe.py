"""`make probe` against the simulated gateway: each of its settings is found, and what is written is nobody's.

The command is ``local.commands.probe``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_relay.platforms.digital_first.identity import channel
from typing_relay.platforms.digital_first.urls import custom_hosts

from local.commands import probe as command
from local.dfo_simulator.client import DfoControl, running_gateway
from local.dfo_simulator.faults import Fault
from local.probing.questions import UNKNOWN, Answer, answers
from local.probing.visitor import MESSAGE, NoAnswer, Probe, Tenant

AGENTS_WORD = "s3cret words of an agent"


@pytest.fixture(scope="module")
def simulator() -> Iterator[DfoControl]:
    with running_gateway() as control:
        yield control


@pytest.fixture
def gateway(simulator: DfoControl) -> Iterator[DfoControl]:
    """As it is after its start."""
    yield simulator
    simulator._call("POST", "reset")


def tenant(control: DfoControl, **how: Any) -> Tenant:
    where = control.gateway
    hosts = custom_hosts(where.gateway_url, where.chat_url, where.authorize_url)
    how = {"opens_contact": True, "patience_s": 0.4} | how
    return Tenant(hosts, channel(str(where.brand_id), where.channel_id), **how)


def probed(control: DfoControl, **how: Any) -> Probe:
    found = Probe(tenant(control, **how), lambda step: None)
    found.run()
    return found


def settings_in(probe: Probe) -> dict[str, Any]:
    found: list[Answer] = answers(probe.channel, probe.thread_id, probe.heard)
    return {answer.setting: answer.value for answer in found}


@pytest.mark.parametrize(
    "settings",
    [
        *({"no_thread": shape} for shape in ("null", "absent", "nulls", "empty", "plain", "error")),
        {"livechat": False, "no_thread": "error"},
        {"secured_sessions": False},
        {"newest_instead": True},
        {"contact_name": "consumerContact"},
        {"recovered_in_s3": True},
        {"case_created_events": False},
        {"message_sent_events": False},
        {"queue_position_first": True, "queue_position_names": "contact"},
        {"queue_position_first": True, "queue_position_names": "thread"},
        {"acknowledge_typing": True},
        {"echo_typing": True},
    ],
    ids=str,
)
def test_each_setting_is_found(gateway: DfoControl, settings: dict[str, Any]) -> None:
    """And no rule is broken that NICE's own clients keep."""
    gateway.set_settings(**settings)
    found = settings_in(probed(gateway))
    asked_for = {name: value for name, value in gateway.settings().items() if name in found}
    seen = {name: value for name, value in found.items() if name and value != UNKNOWN}
    assert seen.items() <= asked_for.items()
    assert settings.items() <= seen.items()
    assert gateway.violations() == []


@pytest.mark.parametrize("fields", [["direction"], ["user"], ["direction", "user"]], ids=str)
def test_what_distinguishes_an_agents_typing_is_found_where_an_agent_types(
    gateway: DfoControl, fields: list[str]
) -> None:
    gateway.set_settings(agent_typing_fields=fields)
    probe = Probe(tenant(gateway, agent_s=2.0), lambda step: step == "agent" and start())

    def work() -> None:
        gateway_of_its_own = DfoControl(gateway.gateway)
        gateway_of_its_own.assign(probe.thread_id)
        gateway_of_its_own.agent_types(probe.thread_id, True)
        gateway_of_its_own.agent_says(probe.thread_id, AGENTS_WORD)
        gateway_of_its_own.close()

    agent = threading.Thread(target=work)
    start = agent.start
    probe.run()
    agent.join()
    assert settings_in(probe)["agent_typing_fields"] == fields


def test_without_leave_to_open_a_contact_no_agent_gets_one(gateway: DfoControl) -> None:
    probe = probed(gateway, opens_contact=False)
    assert (gateway.threads(), settings_in(probe)["no_thread"]) == ([], "null")
    assert settings_in(probe)["acknowledge_typing"] == UNKNOWN


def test_the_contact_that_was_opened_is_ended(gateway: DfoControl) -> None:
    """A test queue is left as it was."""
    probed(gateway)
    assert [thread["contact"]["status"] for thread in gateway.threads()] == ["closed"]


def test_a_contact_is_ended_though_the_probe_is_stopped(gateway: DfoControl) -> None:
    """By Ctrl-C, while an agent is waited for: nobody is to find it in the queue."""

    def stop_at_agent(step: str) -> None:
        if step == "agent":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Probe(tenant(gateway, agent_s=1.0), stop_at_agent).run()
    assert [thread["contact"]["status"] for thread in gateway.threads()] == ["closed"]


def test_what_is_written_has_no_text_name_or_id_in_it(gateway: DfoControl) -> None:
    """It can be sent to whoever wants to see it."""
    probe = Probe(tenant(gateway, agent_s=1.0), lambda step: step == "agent" and work())

    def work() -> None:
        gateway.assign(probe.thread_id, "Ada", "Lovelace", "ada")
        gateway.agent_says(probe.thread_id, AGENTS_WORD)

    probe.run()
    written = json.dumps(command.report(probe, answers(probe.channel, probe.thread_id, probe.heard)))
    ids = [probe.thread_id, probe.visitor.visitor_id, probe.visitor.customer_id, gateway.gateway.channel_id]
    for word in (AGENTS_WORD, MESSAGE, "Ada", "Lovelace", *ids, str(gateway.gateway.brand_id), "http"):
        assert word not in written
    assert '"MessageCreated"' in written


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (Fault("channel", "refuse", status=404), "404"),
        (Fault("authorize", "refuse", status=403, code="ip_blocked"), "ip_blocked"),
        (Fault("handshake", "refuse", status=401), "refuses the socket"),
        (Fault("frame", "reset"), "was lost"),
    ],
    ids=["channel", "token", "socket", "frame"],
)
def test_a_tenant_that_cannot_be_asked_is_said_to_be_so(gateway: DfoControl, fault: Fault, named: str) -> None:
    gateway.set_faults(fault)
    with pytest.raises(NoAnswer, match=named):
        probed(gateway)


def test_a_setting_that_the_relay_lacks_is_named(gateway: DfoControl) -> None:
    gateway.set_settings(third_party=True)
    with pytest.raises(NoAnswer, match="isAuthorizationEnabled=true"):
        probed(gateway)


def test_the_command_prints_a_table_and_writes_the_file(
    gateway: DfoControl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = gateway.gateway
    given = {
        "DFO_GATEWAY_URL": where.gateway_url,
        "DFO_CHAT_URL": where.chat_url,
        "DFO_AUTHORIZE_URL": where.authorize_url,
        "DFO_BRAND_ID": str(where.brand_id),
        "DFO_CHANNEL_ID": where.channel_id,
        "FILE": str(tmp_path / "probe.json"),
    }
    monkeypatch.setattr(command, "PATIENCE_S", 0.2)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert command.main() == 0
    assert "What answers a look for a thread that is not there?  null" in capsys.readouterr().out
    assert json.loads((tmp_path / "probe.json").read_text())["settings"]["no_thread"] == "null"
