"""`make smoke`: what it is to look at, what is said when that is not clear, and a connection that ends meanwhile."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
import websocket

from local.commands import deployed, smoke
from local.playing import calls
from local.smoke import checks
from local.smoke.verdicts import Mark, Places
from local.stack.processes import StackError

TOKEN = jwt.encode({"sub": "somebody"}, "a secret of more than 32 bytes, for HS256", algorithm="HS256")
URL = "wss://abc.execute-api.eu-central-1.amazonaws.com/live"
SETTINGS = ("URL", "TOKEN", "STACK", "VISITOR_SECRET_ARN", "ORIGIN", "GUEST_SECONDS", "CONTACTS", "PORT")


def nothing_runs(_: str | None) -> dict[str, Any]:
    raise StackError("no stack is running. Start one: make run")


class Account:
    """An account with one stack of these parameters, and its visitor secret."""

    def __init__(self, **parameters: str) -> None:
        self.parameters = parameters

    def client(self, _: str) -> Any:
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 AWS's name
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        outputs = {"WebSocketUrl": URL, "VisitorSecretArn": f"arn of {StackName}"}
        as_listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        return {"Stacks": [{"Parameters": parameters, "Outputs": as_listed}]}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, logGroupName: str, startTime: int) -> list[dict[str, Any]]:  # noqa: N803 AWS's names
        line = {"message": "cxone typing", "session": "me", "began": 1, "ms": 1, "typing": True, "outcome": "accepted"}
        return [{"events": [{"message": json.dumps(line | {"outcome": logGroupName})}]}]

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 AWS's name
        return {"SecretString": f"a secret of more than 32 bytes: {SecretId}"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "no stack is running. Start one: make run; or name a deployment"),
        ({"URL": "https://shop.example", "TOKEN": TOKEN}, "URL must be wss://"),
        ({"URL": "ws://shop.example", "TOKEN": TOKEN}, "URL must be wss://"),
        ({"URL": "ws://localhost.shop.example", "TOKEN": TOKEN}, "URL must be wss://"),
        ({"URL": "wss:///live", "TOKEN": TOKEN}, "URL must be wss://"),
        ({"URL": f"{URL}?token={TOKEN}"}, "the token goes into TOKEN="),
        ({"URL": URL}, "give STACK=, VISITOR_SECRET_ARN= or TOKEN="),
        ({"URL": URL, "TOKEN": "no token"}, "TOKEN is no JWT"),
        ({"URL": URL, "TOKEN": TOKEN, "GUEST_SECONDS": "0"}, "GUEST_SECONDS must be"),
        ({"URL": URL, "TOKEN": TOKEN, "GUEST_SECONDS": "soon"}, "GUEST_SECONDS must be"),
    ],
)
def test_what_cannot_be_looked_at_is_bad_usage(
    given: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(deployed, "running", nothing_runs)
    assert smoke.main() == 2
    printed = capsys.readouterr().err
    assert told in printed
    assert TOKEN not in printed


def test_a_stack_says_where_it_is_and_whom_it_lets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its URL, its first origin, and a token with the issuer and audience that it asks for."""
    asked_for = {"VisitorIssuer": "us", "VisitorAudience": "relay"}
    account = Account(AllowedOrigins="https://a.example,https://b.example", VisitorJwksUrl="", **asked_for)
    monkeypatch.setattr(deployed, "OwnAccount", lambda: account)
    target = smoke.target_of({"STACK": "shop"})
    claims = jwt.decode(target.token, options={"verify_signature": False})
    assert (target.url, target.origin, target.places) == (URL, "https://a.example", Places("shop"))
    assert (claims["sub"], claims["iss"], claims["aud"]) == (target.session, "us", "relay")
    assert target.typing_calls is not None


@pytest.mark.parametrize(("platform", "group"), [("v1", "/aws/lambda/shop-sender"), ("dfo", "/ecs/shop-guest-keeper")])
def test_what_cxone_was_told_is_read_where_the_platform_says_it(
    platform: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = jwt.encode({"sub": "me"}, "a secret of more than 32 bytes, for HS256", algorithm="HS256")
    monkeypatch.setattr(deployed, "OwnAccount", lambda: Account(CxonePlatform=platform))
    target = smoke.target_of({"STACK": "shop", "URL": URL, "TOKEN": token})
    assert target.typing_calls is not None
    assert target.typing_calls(0) == [calls.TypingCall(1, 2, True, group)]
    assert target.places == Places("shop", platform)


@pytest.mark.parametrize(("contacts", "opens"), [("", False), ("0", False), ("1", True)])
def test_in_an_account_a_contact_is_opened_only_when_asked_for(
    contacts: str, opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent gets it."""
    monkeypatch.setattr(deployed, "OwnAccount", lambda: Account(CxonePlatform="dfo"))
    assert smoke.target_of({"STACK": "shop", "CONTACTS": contacts}).opens_contact is opens


def test_on_v1_there_is_no_contact_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployed, "OwnAccount", lambda: Account(CxonePlatform="v1"))
    assert not smoke.target_of({"STACK": "shop", "CONTACTS": "1"}).opens_contact


def test_a_digital_first_stack_of_this_machine_is_read_from_its_keepers_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"message": "cxone typing", "session": "somebody", "ms": 1, "typing": True, "outcome": "accepted"}
    lines = [json.dumps(line | {"began": began}) for began in (99, 100)]
    (tmp_path / "keeper.log").write_text("\n".join(lines))
    info = {"aws_endpoint_url": "http://127.0.0.1:1", "websocket_url": "ws://127.0.0.1:1/live", "stack_name": "shop"}
    info |= {"platform": "dfo", "visitor_secret_arn": "arn", "logs": str(tmp_path)}
    monkeypatch.setattr(deployed, "running", lambda _: info)
    target = smoke.target_of({"TOKEN": TOKEN})
    assert target.typing_calls is not None
    assert [call.began for call in target.typing_calls(100)] == [100]
    assert target.opens_contact


def test_a_stack_with_keys_of_its_own_wants_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployed, "OwnAccount", lambda: Account(VisitorJwksUrl="https://keys.example"))
    with pytest.raises(deployed.UsageError, match="VisitorJwksUrl"):
        smoke.target_of({"STACK": "shop"})


def test_with_a_token_alone_what_cxone_was_told_stays_unknown() -> None:
    target = smoke.target_of({"URL": URL, "TOKEN": TOKEN})
    assert (target.session, target.typing_calls) == ("somebody", None)
    assert "give STACK=name" in target.unseen_because


class ClosedAtOnce:
    """A front end whose connection ends right after the handshake."""

    def __init__(self, *_: object) -> None:
        self.frames: list[dict[str, Any]] = []

    def __enter__(self) -> "ClosedAtOnce":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def forget(self, _: str) -> None:
        pass

    def wait_for(self, *_: object, **__: object) -> dict[str, Any]:
        raise TimeoutError

    def send(self, _: dict[str, Any]) -> int:
        raise websocket.WebSocketConnectionClosedException

    type = send


def test_a_connection_that_ends_is_a_finding_of_each_step_that_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "Visitor", ClosedAtOnce)
    taken = {check.name: check.finding for check in checks.checks(smoke.target_of({"URL": URL, "TOKEN": TOKEN}))}
    for step in ("welcome", "ping", "burst", "bad frame", "stop"):
        assert "closed" in taken[step].text
        assert taken[step].mark is Mark.WRONG
