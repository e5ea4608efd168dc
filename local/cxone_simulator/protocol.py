"""What CXone answers to a webchat v1 call. No network: a call comes in as a value, an answer goes out as one."""

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from local.cxone_simulator.faults import Faults
from local.cxone_simulator.guests import Guest
from local.cxone_simulator.simulator import Simulator

SCOPES = ("webchat.guest", "webchat.message")


@dataclass(frozen=True)
class Call:
    """One request at `now` (epoch ms). `kind` is one of faults.CALLS."""

    kind: str
    now: float
    headers: Mapping[str, str]
    content_type: str
    body: bytes
    guest_id: str | None = None


@dataclass(frozen=True)
class Answer:
    """A response; `body` None sends an empty one. `noted` is what the event log keeps of the call."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    noted: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):
    """The call is not accepted: a status, a short error code and a sentence, as in CXone's JSON errors."""

    def __init__(self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        body = {"error": error, "message": message}
        self.answer = Answer(status, body, headers or {})


def take_token(simulator: Simulator, call: Call) -> Answer:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""
    _check_there(simulator)
    _check_client(simulator, call)
    _check_content_type(call, "application/x-www-form-urlencoded")
    form = parse_qs(call.body.decode("utf-8", "replace"))
    if form.get("grant_type") != ["client_credentials"]:
        raise Refusal(400, "unsupported_grant_type", "grant_type must be client_credentials.")
    scopes = set(" ".join(form.get("scope", [])).split())
    if scopes != set(SCOPES):
        raise Refusal(400, "invalid_scope", f"scope must be {' '.join(SCOPES)}.")
    expires_in = simulator.faults.common.token_expires_in
    token = simulator.tokens.issue(simulator.client_id, call.now, expires_in)
    body = {"access_token": token, "token_type": "Bearer", "expires_in": expires_in, "scope": " ".join(SCOPES)}
    return Answer(200, body, {"Cache-Control": "no-store"}, {"expires_in": expires_in})


def take_guest(simulator: Simulator, call: Call) -> Answer:
    """A new guest session."""
    _check_there(simulator)
    _check_bearer(simulator, call)
    _check_scope(simulator.faults.common, "webchat.guest")
    attributes = _json_object(call).get("attributes")
    source = attributes.get("source") if isinstance(attributes, dict) else None
    if not isinstance(source, str) or not source:
        raise Refusal(400, "bad_request", 'The body must be {"attributes":{"source":"…"}}.')
    guest = simulator.guests.create(source)
    url = f"ws://127.0.0.1:{simulator.port}/webchat/v1/guests/{guest.guest_id}/socket?secret={guest.secret}"
    body = {"id": guest.guest_id, "webSocketUrl": url}
    return Answer(201, body, noted={"guest_id": guest.guest_id, "source": source})


def take_typing(simulator: Simulator, call: Call) -> Answer:
    """The guest has started or stopped typing. Every second answer has an empty body: clients must tolerate both."""
    guest = _guest_of(simulator, call)
    body = _json_object(call)
    typing = body.get("typing")
    if not isinstance(typing, bool) or len(body) != 1:
        raise Refusal(400, "bad_request", 'The body must be {"typing":true} or {"typing":false}.')
    guest.set_typing(typing, call.now)
    guest.posts += 1
    return Answer(200, {"typing": typing} if guest.posts % 2 else None)


def forget_typing(simulator: Simulator, call: Call) -> Answer:
    """Answered as if accepted, but the agent's view does not change: CXone's answer does not promise that."""
    guest = simulator.guests.get(call.guest_id or "")
    before = guest and (guest.typing, guest.typing_at)
    answer = take_typing(simulator, call)
    if guest and before:
        guest.typing, guest.typing_at = before
    return answer


def read_typing(simulator: Simulator, call: Call) -> Answer:
    """What the agent is shown of the guest."""
    guest = _guest_of(simulator, call)
    faults = simulator.faults.for_guest(call.guest_id)
    if faults.read_missing:
        raise Refusal(405, "method_not_allowed", "Typing can be told here, and not asked for.", {"Allow": "POST"})
    ends_at = (guest.typing_at or 0) + 1000 * (faults.typing_lasts_s or 0)
    typing = guest.typing and (faults.typing_lasts_s is None or call.now < ends_at)
    return Answer(200, {"typing": typing}, noted={"value": typing})


TAKE: Mapping[str, Callable[[Simulator, Call], Answer]] = {
    "token": take_token,
    "guest": take_guest,
    "typing": take_typing,
    "typing_read": read_typing,
}


def check_handshake(simulator: Simulator, guest_id: str, secret: str) -> Guest:
    """The guest whose socket is being opened. Raises Refusal."""
    status = simulator.faults.for_guest(guest_id).refuse_handshake
    if status is not None:
        raise Refusal(status, "refused", "The handshake is refused.")
    guest = _living_guest(simulator, guest_id)
    if secret != guest.secret:
        raise Refusal(401, "unauthorized", "The secret in the URL is not this guest's.")
    return guest


def throttled(retry_after: str | None) -> Refusal:
    """429, with this Retry-After header or none."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Refusal(429, "too_many_requests", "Rate limit exceeded.", headers)


def _guest_of(simulator: Simulator, call: Call) -> Guest:
    """The guest of a typing call. Raises Refusal."""
    faults = simulator.faults.for_guest(call.guest_id)
    _check_bearer(simulator, call)
    _check_scope(faults, "webchat.message")
    guest = _living_guest(simulator, call.guest_id)
    if faults.typing_unavailable:
        raise Refusal(404, "not_found", "Typing endpoint not available for this guest session.")
    seconds = guest.allowance.take(faults.rate_limit, call.now)
    if seconds:
        raise throttled(str(math.ceil(seconds)))
    return guest


def _check_there(simulator: Simulator) -> None:
    if simulator.faults.common.missing:
        raise Refusal(404, "not_found", "There is nothing here.")


def _living_guest(simulator: Simulator, guest_id: str | None) -> Guest:
    guest = simulator.guests.get(guest_id or "")
    if guest is None or guest.over:
        raise Refusal(403, "guest_session_over", "The guest session is over.")
    return guest


def _check_client(simulator: Simulator, call: Call) -> None:
    kind, _, encoded = call.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        given = ""
    if kind.lower() != "basic" or given != f"{simulator.client_id}:{simulator.client_secret}":
        headers = {"WWW-Authenticate": 'Basic realm="cxone"'}
        raise Refusal(401, "invalid_client", "Client id or secret is missing or wrong.", headers)


def _check_bearer(simulator: Simulator, call: Call) -> None:
    kind, _, token = call.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or simulator.tokens.owner(token, call.now) is None:
        headers = {"WWW-Authenticate": 'Bearer realm="cxone", error="invalid_token"'}
        raise Refusal(401, "invalid_token", "The access token is missing, expired or revoked.", headers)


def _check_scope(faults: Faults, scope: str) -> None:
    if faults.scope_missing:
        headers = {"WWW-Authenticate": f'Bearer realm="cxone", error="insufficient_scope", scope="{scope}"'}
        raise Refusal(403, "insufficient_scope", f"The access token lacks the scope {scope}.", headers)


def _check_content_type(call: Call, expected: str) -> None:
    if call.content_type != expected:
        raise Refusal(415, "unsupported_media_type", f"Content-Type must be {expected}.")


def _json_object(call: Call) -> dict[str, Any]:
    _check_content_type(call, "application/json")
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "bad_request", "The body must be a JSON object.")
    return body
