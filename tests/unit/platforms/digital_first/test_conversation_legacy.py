"""A session that is not secured: the customer is authorized on each socket, before anything else, and renewed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from typing_relay.platforms.digital_first.conversation import happenings
from typing_relay.platforms.digital_first.conversation.actions import Reopen
from typing_relay.platforms.digital_first.conversation.waking import wake_at

from tests.support import dfo_gateway as gateway
from tests.unit.platforms.digital_first.test_conversation import POLICY, SECRET, THREAD, Life

VERSION = "3.3.0"


def authorized(event_id: str, kind: str = "ConsumerAuthorized", **data: Any) -> str:
    said = {
        "status": "success",
        "consumerIdentity": {"idOnExternalPlatform": "c"},
        "accessToken": {"token": SECRET, "expiresIn": 600, "isExpired": False},
    }
    return json.dumps({"eventId": event_id, "postback": {"eventType": kind, "data": said | data}})


def registers() -> tuple[Life, str]:
    """The socket opens; returns the id of the first request."""
    life = Life()
    life.happens(happenings.Opened(VERSION))
    return life, str(life.requests()[0]["eventId"])


def in_contact() -> Life:
    """Authorized, and contact 42 is found open."""
    life, event_id = registers()
    life.hears(authorized(event_id))
    life.hears(gateway.recovered(life.requests()[0]["eventId"], THREAD, contact="42"))
    return life


def reasons(life: Life) -> list[str]:
    return [action.reason for action in life.actions if isinstance(action, Reopen)]


def test_the_first_request_registers_as_nices_client_does() -> None:
    life, _ = registers()
    frame = life.requests()[0]
    assert (frame["action"], frame["payload"]["eventType"], frame["payload"]["data"]) == (
        "register",
        "AuthorizeCustomer",
        {
            "authorization": {"authorizationCode": None},
            "disableChannelInfo": True,
            "sdkVersion": VERSION,
            "sdkPlatform": "web",
        },
    )


def test_nothing_else_is_sent_before_the_customer_is_authorized() -> None:
    life, event_id = registers()
    sent = life.kinds()
    life.wants("m1")
    for happening in (
        happenings.EndWanted(),
        happenings.HistoryWanted(),
        happenings.Heard('{"authorizationStatus": "authorized"}'),
    ):
        sent += life.kinds()
        life.happens(happening)
    assert sent + life.kinds() == ["AuthorizeCustomer"]
    at = wake_at(life.state, POLICY)
    assert at is not None
    assert at > life.now
    life.hears(authorized(event_id))
    assert life.kinds() == ["RecoverThread"]


def test_every_socket_is_authorized_by_itself() -> None:
    life = in_contact()
    life.happens(happenings.Lost())
    life.happens(happenings.Opened(VERSION))
    assert life.kinds() == ["AuthorizeCustomer"]


def test_the_customer_is_who_the_gateway_says() -> None:
    life, event_id = registers()
    life.hears(authorized(event_id, consumerIdentity={"idOnExternalPlatform": "known"}))
    assert life.requests()[0]["payload"]["consumerIdentity"]["idOnExternalPlatform"] == "known"


@pytest.mark.parametrize(
    "answer", ["plain", "no success", "no token", "no lifetime", "an endless one", "refused", "without an id"]
)
def test_what_does_not_authorize_costs_the_socket_and_no_more(answer: str) -> None:
    """No answer leads to a loop on the socket: the next one waits for the keeper's back-off."""
    life, event_id = registers()
    answers = {
        "plain": gateway.answer(event_id),
        "no success": authorized(event_id, status="failed"),
        "no token": authorized(event_id, accessToken=None),
        "no lifetime": authorized(event_id, accessToken={"token": SECRET, "expiresIn": "soon"}),
        "an endless one": authorized(event_id, accessToken={"token": SECRET, "expiresIn": 100_000_000}),
        "refused": gateway.failure("ConsumerAuthorizationFailed", event_id),
        "without an id": gateway.failure("ConsumerAuthorizationFailed"),
    }
    life.hears(answers[answer])
    assert (reasons(life), life.kinds()) == (["not_authorized"], [])


def test_an_authorization_without_an_answer_costs_the_socket() -> None:
    life, _ = registers()
    life.happens(happenings.Woke(), POLICY.answer_ms)
    assert reasons(life) == ["authorization_overdue"]


def test_the_token_is_renewed_after_nine_tenths_of_its_life() -> None:
    life = in_contact()
    began = life.now
    found: list[Any] = []
    while not found and life.now < began + 700_000:
        at = wake_at(life.state, POLICY)
        assert at is not None
        life.happens(happenings.Woke(), at - life.now)
        found = [frame for frame in life.requests() if frame["payload"]["eventType"] == "RefreshToken"]
        life.hears('"pong"')
    assert life.now - began == 540_000
    assert found[0]["payload"]["data"] == {"accessToken": {"token": SECRET}}
    life.hears(authorized(found[0]["eventId"], "TokenRefreshed"))
    assert (life.state.thread.ready, life.state.contacts.open is not None) == (True, True)


def test_a_token_that_is_not_renewed_costs_the_socket() -> None:
    life = in_contact()
    life.happens(happenings.Woke(), 1)
    access, socket = replace(life.state.access, refresh_at=life.now), replace(life.state.socket, heard_at=life.now)
    life.state = replace(life.state, access=access, socket=socket)
    life.happens(happenings.Woke())
    [frame] = life.requests()
    life.hears(gateway.failure("TokenRefreshingFailed", frame["eventId"]))
    assert reasons(life) == ["not_authorized"]


def test_the_consumers_token_is_in_no_repr() -> None:
    """T13."""
    life = in_contact()
    assert life.state.access.consumer_token == SECRET
    assert SECRET not in repr(life.state)
