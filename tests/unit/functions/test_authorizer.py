"""The authorizer function (T13): events in, policies out, reasons in the log, tokens nowhere."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typing_relay.door.derived_keys import DerivedKeys

from tests.support.invocation import Invocation
from tests.support.load_function import load_function
from tests.support.moto_aws import send_to_moto
from tests.support.token_samples import SECRET, signed

EVENTS = Path(__file__).parents[3] / "events"


def _event_of(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def _event_with(token: str) -> dict[str, Any]:
    event = copy.deepcopy(_event_of("authorizer"))
    event["multiValueQueryStringParameters"] = {"token": [token]}
    return event


def _effect_of(policy: dict[str, Any]) -> str:
    return str(policy["policyDocument"]["Statement"][0]["Effect"])


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What the template gives the function."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "TypingRelay")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "authorizer")
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://shop.example, https://www.shop.example")
    monkeypatch.setenv("VISITOR_SECRET_ARN", "visitors")
    with mock_aws():
        send_to_moto(monkeypatch)
        boto3.client("secretsmanager").create_secret(Name="visitors", SecretString=SECRET.decode())
        yield monkeypatch


@pytest.fixture
def authorizer(environment: pytest.MonkeyPatch) -> ModuleType:
    """The function, cold."""
    return load_function("authorizer")


@pytest.mark.parametrize("name", ["authorizer", "authorizer_subprotocol"])
def test_a_good_handshake_is_allowed_on_connect_alone(authorizer: ModuleType, name: str) -> None:
    """T13: the policy names the one route that was asked for."""
    event = _event_of(name)
    statement = authorizer.handler(event, Invocation())["policyDocument"]["Statement"]
    assert statement == [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}]


def test_the_context_tells_the_other_functions_whose_session_it_is(authorizer: ModuleType) -> None:
    """T13: they know the visitor by this and by nothing else."""
    context = authorizer.handler(_event_of("authorizer"), Invocation())["context"]
    event = _event_of("authorizer")["requestContext"]
    keys, now = DerivedKeys(SECRET.decode), event["requestTimeEpoch"] / 1000
    assert context == {
        "session": "alice",
        "signals": "on",
        "expires_at": 4102444810,
        "message_key": keys.of_messages("alice", now),
        "address": keys.name_of(event["identity"]["sourceIp"], now),
    }


def test_a_visitor_who_opted_out_comes_in_without_signals(authorizer: ModuleType) -> None:
    """T13: the opt-out travels in the context."""
    policy = authorizer.handler(_event_with(signed(signals="off", exp=1_800_003_600)), Invocation())
    assert policy["context"]["signals"] == "off"


def test_who_the_visitor_is_travels_in_the_context(environment: pytest.MonkeyPatch) -> None:
    """As the token of the team's own server says."""
    environment.setenv("CUSTOM_FIELDS", "order_id,plan")
    token = signed(given_name="Ada", fields={"plan": "gold"}, exp=1_800_003_600)
    policy = load_function("authorizer").handler(_event_with(token), Invocation())
    assert json.loads(policy["context"]["profile"]) == {"given_name": "Ada", "fields": {"plan": "gold"}}


@pytest.mark.parametrize("setting", [None, "off", "on"])
def test_what_a_browser_says_of_itself_travels_where_the_deployment_passes_it_on(
    capsys: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch, setting: str | None
) -> None:
    """T13: off by default, and never logged."""
    environment.setenv("POWERTOOLS_SERVICE_NAME", f"device-authorizer-{setting}")
    environment.setenv("LOG_LEVEL", "DEBUG")
    if setting:
        environment.setenv("VISITOR_DETAILS", setting)
    event = _event_with(signed(given_name="Ada", exp=1_800_003_600))
    said = {"User-Agent": ["Mozilla/5.0"], "accept-language": ["de-DE,de;q=0.9"], "CloudFront-Viewer-Country": ["DE"]}
    event["multiValueHeaders"] |= said
    context = load_function("authorizer").handler(event, Invocation())["context"]
    device = {"device": ["Mozilla/5.0", "de-DE", "DE"]} if setting == "on" else {}
    assert json.loads(context["profile"]) == {"given_name": "Ada", **device}
    assert "Mozilla" not in capsys.readouterr().out


def test_a_custom_field_that_the_deployment_does_not_know_is_named_in_the_log_without_its_value(
    capsys: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch
) -> None:
    """T13."""
    environment.setenv("POWERTOOLS_SERVICE_NAME", "naming-authorizer")  # a logger keeps its first output stream
    token = signed(fields={"plan": "personal"}, exp=1_800_003_600)
    policy = load_function("authorizer").handler(_event_with(token), Invocation())
    log = capsys.readouterr().out
    assert _effect_of(policy) == "Deny"
    assert '"reason":"field_unknown"' in log
    assert '"about":"plan"' in log
    assert "personal" not in log


def test_a_channel_that_the_deployment_does_not_have_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CHANNELS", "chat_a,chat_b")
    authorizer = load_function("authorizer")
    effects = [
        _effect_of(authorizer.handler(_event_with(signed(channel=name, exp=1_800_003_600)), Invocation()))
        for name in ("chat_b", "chat_c")
    ]
    assert effects == ["Allow", "Deny"]


def test_a_deployment_without_signals_switches_them_off_for_all(environment: pytest.MonkeyPatch) -> None:
    """T13: TYPING_SIGNALS=off beats what the token says."""
    environment.setenv("TYPING_SIGNALS", "off")
    policy = load_function("authorizer").handler(_event_with(signed(signals="on")), Invocation())
    assert policy["context"]["signals"] == "off"


@pytest.mark.parametrize("name", ["authorizer_without_token", "authorizer_foreign_origin"])
def test_any_other_handshake_is_denied_without_context(authorizer: ModuleType, name: str) -> None:
    """T13: 403, and no detail that could come out."""
    policy = authorizer.handler(_event_of(name), Invocation())
    assert (_effect_of(policy), policy["context"]) == ("Deny", {})


def test_a_token_is_judged_by_the_time_of_the_request(authorizer: ModuleType) -> None:
    """T13: API Gateway's clock, not this function's."""
    event = _event_with(signed(exp=1_800_000_300))
    assert _effect_of(authorizer.handler(event, Invocation())) == "Allow"
    event["requestContext"]["requestTimeEpoch"] = 1_800_000_310_000
    assert _effect_of(authorizer.handler(event, Invocation())) == "Deny"


def test_the_log_tells_why_and_holds_no_part_of_the_token(
    capsys: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch
) -> None:
    """T13: a reason for the operator; nothing with which a reader of logs could come in."""
    environment.setenv("POWERTOOLS_SERVICE_NAME", "logging-authorizer")  # a logger keeps its first output stream
    token = signed(b"a secret that is not the one known here")
    load_function("authorizer").handler(_event_with(token), Invocation())
    output = capsys.readouterr()
    log = output.out + output.err
    assert '"reason":"signature_wrong"' in log
    assert re.search(r'"address":"[0-9a-f]{12}"', log)
    assert "203.0.113.7" not in log
    assert not [part for part in token.split(".") if part in log]


def test_a_refusal_is_counted(authorizer: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """An alarm can tell an attack or a broken issuer from a quiet day."""
    authorizer.handler(_event_of("authorizer_without_token"), Invocation())
    assert '"HandshakesRefused":[1.0]' in capsys.readouterr().out


def _effects_of(authorizer: ModuleType, *handshakes: tuple[str, int]) -> list[str]:
    """Of good handshakes, each from an address and this many ms later than the sample's."""
    effects = []
    for address, ms in handshakes:
        event = _event_of("authorizer")
        event["requestContext"]["identity"]["sourceIp"] = address
        event["requestContext"]["requestTimeEpoch"] += ms
        effects.append(_effect_of(authorizer.handler(event, Invocation())))
    return effects


def test_an_address_beyond_its_handshakes_a_minute_is_refused_and_no_other(environment: pytest.MonkeyPatch) -> None:
    """T18: before its token is looked at; a good one is refused, too."""
    environment.setenv("HANDSHAKES_PER_ADDRESS", "2")
    authorizer = load_function("authorizer")
    busy, other = "192.0.2.1", "192.0.2.2"
    effects = _effects_of(authorizer, (busy, 0), (busy, 1), (busy, 2), (other, 3), (busy, 30_002))
    assert effects == ["Allow", "Allow", "Deny", "Allow", "Allow"]


def test_the_log_says_that_an_address_was_too_busy_and_not_which(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("POWERTOOLS_SERVICE_NAME", "counting-authorizer")  # a logger keeps its first output stream
    environment.setenv("HANDSHAKES_PER_ADDRESS", "1")
    _effects_of(load_function("authorizer"), ("192.0.2.1", 0), ("192.0.2.1", 1))
    output = capsys.readouterr()
    log = output.out + output.err
    assert "address_too_busy" in log
    assert "192.0.2.1" not in log


def test_without_a_bound_an_address_makes_any_number_of_handshakes(authorizer: ModuleType) -> None:
    """The default: an office is one address."""
    assert set(_effects_of(authorizer, *(("192.0.2.1", ms) for ms in range(100)))) == {"Allow"}


def test_a_secret_out_of_reach_fails_the_invocation(environment: pytest.MonkeyPatch) -> None:
    """T13: nobody comes in, and the alarm on failures rings."""
    environment.setenv("VISITOR_SECRET_ARN", "not-there")
    with pytest.raises(Exception, match="ResourceNotFound"):
        load_function("authorizer").handler(_event_of("authorizer"), Invocation())


def test_with_a_key_set_configured_a_token_of_the_secret_is_refused(environment: pytest.MonkeyPatch) -> None:
    """T13: one kind of key per deployment; no algorithm confusion."""
    environment.setenv("VISITOR_JWKS_URL", "https://issuer.example/jwks")
    assert _effect_of(load_function("authorizer").handler(_event_of("authorizer"), Invocation())) == "Deny"
