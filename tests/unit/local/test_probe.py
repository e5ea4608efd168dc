"""`make probe`: what it is asked by, and what of a frame may leave a tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from typing_relay.platforms.webchat.auth import TOKEN_PATH, Credentials
from typing_relay.platforms.webchat.guests import GUESTS_PATH

from local.commands import probe
from local.commands.probe import UsageError, asked_of
from local.probing.scrub import scrubbed
from local.probing.webchat import Organisation, WebchatProbe
from local.probing.webchat_questions import KEPT

GIVEN = {"DFO_ENVIRONMENT": "NA1", "DFO_BRAND_ID": "1386", "DFO_CHANNEL_ID": "chat_1"}
SECRET = "s3cret words"


def test_a_tenant_is_named_by_its_environment() -> None:
    tenant = asked_of(GIVEN).tenant
    assert (tenant.hosts.chat, tenant.channel.channel_id) == ("https://channels-de-na1.niceincontact.com", "chat_1")
    assert (tenant.opens_contact, tenant.agent_s) == (False, 0.0)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"DFO_BRAND_ID": "1386", "DFO_CHANNEL_ID": "chat_1"}, "Set DFO_ENVIRONMENT"),
        ({**GIVEN, "AGENT": "30"}, "AGENT needs CONTACTS=1"),
        ({**GIVEN, "AGENT": "soon", "CONTACTS": "1"}, "AGENT must be a number"),
        ({**GIVEN, "AGENT": "601", "CONTACTS": "1"}, "AGENT must be a number"),
    ],
)
def test_what_is_missing_or_wrong_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        asked_of(given)


@pytest.mark.parametrize("wrong", [{"DFO_BRAND_ID": "acme"}, {"DFO_ENVIRONMENT": "XX9"}])
def test_wrong_usage_ends_with_how_it_is_used(
    wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (GIVEN | wrong).items():
        monkeypatch.setenv(name, value)
    assert probe.main() == 2
    assert "make probe DFO_ENVIRONMENT=NA1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"eventType": "CaseCreated"}, {"eventType": "CaseCreated"}),
        ({"eventType": SECRET}, {"eventType": "<text>"}),
        ({"text": "CaseCreated"}, {"text": "<text>"}),
        ({"id": 1386, "open": True, "closed": None}, {"id": "<number>", "open": True, "closed": None}),
        ({"createdAt": "2026-11-25T10:00:00+00:00"}, {"createdAt": "<time>"}),
        ({SECRET: 1}, {"<key>": "<number>"}),
        ({"translations": {"Hello": "Hallo"}}, {}),
        ([1, 2, 3, 4], ["<number>"] * 3),
        ("pong", "<text>"),
        ("", ""),
    ],
)
def test_of_a_value_its_shape_is_kept(value: Any, kept: Any) -> None:
    assert scrubbed(value) == kept


VALUES = st.recursive(
    st.just(SECRET) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["eventType", "text", SECRET, "status"]), inner),
)


@given(VALUES)
def test_no_text_survives_wherever_it_stands(value: Any) -> None:
    assert SECRET not in json.dumps(scrubbed(value))


# --- webchat v1

CXONE = "https://cxone.example"


@pytest.fixture
def cxone() -> Iterator[responses.RequestsMock]:
    """It lets a guest in, whose socket may not be opened, and shows its typing."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as answering:
        answering.post(CXONE + TOKEN_PATH, json={"access_token": "t0ken"})
        answering.post(CXONE + GUESTS_PATH, status=201, json={"id": "g1", "webSocketUrl": "ws://elsewhere.example"})
        answering.post(f"{CXONE}{GUESTS_PATH}/g1/typing", status=204)
        answering.get(f"{CXONE}{GUESTS_PATH}/g1/typing", json={"typing": True})
        yield answering


def test_typing_is_taken_back_though_the_probe_is_stopped(cxone: responses.RequestsMock) -> None:
    """By Ctrl-C, while it is watched for how long it is kept: no agent is left with an indicator."""

    def stop(step: str) -> None:
        if step == KEPT:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WebchatProbe(Organisation(CXONE, Credentials("id", "secret")), stop).run()
    last = cxone.calls[-1].request
    assert (last.method, json.loads(last.body or "")) == ("POST", {"typing": False})


def test_a_netrc_does_not_replace_the_token(
    cxone: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine cxone.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    WebchatProbe(
        Organisation(CXONE, Credentials("id", "secret"), keep_s=0.01, patience_s=0.01), lambda step: None
    ).run()
    assert {call.request.headers["Authorization"] for call in list(cxone.calls)[1:]} == {"Bearer t0ken"}
