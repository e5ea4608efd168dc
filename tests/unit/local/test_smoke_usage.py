"""`make smoke`: what it is to look at, what is said when that is not clear, and a connection that ends meanwhile."""

from typing import Any

import jwt
import pytest
import websocket

from local.commands import deployed, smoke
from local.smoke import checks
from local.smoke.verdicts import Mark, Places
from local.stack.processes import StackError

TOKEN = jwt.encode({"sub": "somebody"}, "a secret of more than 32 bytes, for HS256", algorithm="HS256")
URL = "wss://abc.execute-api.eu-central-1.amazonaws.com/live"
SETTINGS = ("URL", "TOKEN", "STACK", "VISITOR_SECRET_ARN", "ORIGIN", "GUEST_SECONDS", "PORT")


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
