"""`make probe` against the simulated webchat v1: each of its settings is found, and what is written is nobody's.

The command is ``local.commands.probe``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_relay.platforms.webchat.auth import Credentials

from local.commands import probe as command
from local.cxone_simulator.client import SimulatorControl, running_simulator
from local.cxone_simulator.credentials import client_credentials
from local.probing.questions import UNKNOWN
from local.probing.visitor import NoAnswer
from local.probing.webchat import Organisation, WebchatProbe
from local.probing.webchat_questions import answers, speaks_webchat


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorControl]:
    with running_simulator() as control:
        yield control


@pytest.fixture
def cxone(simulator: SimulatorControl) -> Iterator[SimulatorControl]:
    """As it is after its start."""
    yield simulator
    simulator._call("POST", "reset")


def organisation(cxone: SimulatorControl, secret: str = "") -> Organisation:
    client_id, its_secret = client_credentials()
    return Organisation(cxone.base_url, Credentials(client_id, secret or its_secret), keep_s=2.0, patience_s=0.4)


def probed(cxone: SimulatorControl) -> WebchatProbe:
    probe = WebchatProbe(organisation(cxone), lambda step: None)
    probe.run()
    return probe


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"missing": True},
        {"scope_missing": True},
        {"typing_unavailable": True},
        {"read_missing": True},
        {"forget_rate": 1.0},
        {"silent_sockets": True},
        {"refuse_handshake": 403},
        {"token_expires_in": 90},
        {"guest_ends_with_socket": True},
    ],
    ids=str,
)
def test_each_setting_is_found(cxone: SimulatorControl, settings: dict[str, Any]) -> None:
    """And nothing is found that is not so."""
    cxone.set_faults(**settings)
    found = {answer.setting: answer.value for answer in answers(probed(cxone).said)}
    is_so = {name: value for name, value in cxone.faults().items() if name in found}
    seen = {name: value for name, value in found.items() if value != UNKNOWN}
    assert seen.items() <= is_so.items()
    assert settings.items() <= seen.items()


def test_how_long_typing_is_kept_is_found(cxone: SimulatorControl) -> None:
    cxone.set_faults(typing_lasts_s=1)
    found = {answer.setting: answer.value for answer in answers(probed(cxone).said)}
    assert 0.9 <= found["typing_lasts_s"] <= 1.8


def test_typing_is_taken_back_whatever_is_found(cxone: SimulatorControl) -> None:
    """No agent is left with an indicator."""
    probed(cxone)
    assert [guest["typing"] for guest in cxone.guests()] == [False]


@pytest.mark.parametrize(("missing", "speaks"), [(True, False), (False, True)])
def test_whether_the_tenant_speaks_it_is_said(cxone: SimulatorControl, missing: bool, speaks: bool) -> None:
    cxone.set_faults(missing=missing)
    assert speaks_webchat(probed(cxone).said) is speaks


def test_credentials_that_are_refused_are_said_to_be_so(cxone: SimulatorControl) -> None:
    """Whether the interface is there they do not tell."""
    probe = WebchatProbe(organisation(cxone, secret="s3cret-and-wrong"), lambda step: None)
    with pytest.raises(NoAnswer, match="status 401") as refused:
        probe.run()
    assert speaks_webchat(probe.said) is None
    assert "s3cret" not in str(refused.value)


def test_where_nobody_answers_that_is_said() -> None:
    nobody = Organisation("http://127.0.0.1:9", Credentials("id", "secret"))
    with pytest.raises(NoAnswer, match="nobody answers"):
        WebchatProbe(nobody, lambda step: None).run()


@pytest.mark.parametrize(("missing", "said"), [(False, command.WEBCHAT), (True, command.NOT_WEBCHAT)])
def test_the_command_prints_a_table_which_interface_it_is_and_writes_the_file(
    cxone: SimulatorControl,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: bool,
    said: str,
) -> None:
    """No token, id, URL or secret is in it."""
    client_id, secret = client_credentials()
    given = {"CXONE_BASE_URL": cxone.base_url, "CXONE_CLIENT_ID": client_id, "CXONE_CLIENT_SECRET": secret}
    for name, value in {**given, "KEEP": "1", "FILE": str(tmp_path / "probe.json")}.items():
        monkeypatch.setenv(name, value)
    cxone.set_faults(missing=missing)
    assert command.main() == 0
    out, written = capsys.readouterr().out, (tmp_path / "probe.json").read_text()
    assert said in out
    assert json.loads(written)["settings"]["missing"] is missing
    guests = [guest["guest_id"] for guest in cxone.guests()]
    for word in (client_id, secret, "http", "ws://", *guests):
        assert word not in written
