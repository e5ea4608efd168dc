"""CXone webchat v1: guests and their typing, over HTTP. Nothing else knows the URLs of guests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from math import inf
from typing import Any
from urllib.parse import quote

import requests

from typing_relay.platforms.shared.http import KeptConnectionClosed, NotSent, written_within
from typing_relay.platforms.shared.urls import InsecureUrl, web_socket_url
from typing_relay.platforms.webchat.auth import AuthFailed, Tokens
from typing_relay.relay.outcomes import Guest, Kind, Outcome
from typing_relay.relay.retry import retry_after_ms

GUESTS_PATH = "/api/v1/webchat/guests"
CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 3.0
#: One call, its token and its one retry included, begins no request later than this after its start; a typing POST
#: must have ended before its lock does (T6).
LATEST_START_MS = 1_900
#: And a call for typing is written no later than this after its start, whatever connecting took, or not at all (T6).
LATEST_WRITE_MS = LATEST_START_MS + int(CONNECT_TIMEOUT_S * 1000)

ACCEPTED = Outcome(Kind.ACCEPTED)


class GuestsV1:
    """Creates guests, and tells and asks CXone whether they are typing."""

    def __init__(
        self,
        http: requests.Session,
        base_url: str,
        tokens: Tokens,
        clock: Callable[[], int],
        socket_suffixes: Collection[str] = (),
    ) -> None:
        """``socket_suffixes``: domains other than CXone's own whose hosts may serve a guest's socket."""
        self._http, self._base_url, self._tokens, self._clock = http, base_url, tokens, clock
        self._socket_suffixes = socket_suffixes

    def create_guest(self, attributes: Mapping[str, str]) -> Guest | Outcome:
        """A new guest session. ``attributes`` tell CXone where the guest comes from, and who it is."""
        answer = self._call("POST", "", {"attributes": dict(attributes)})
        if isinstance(answer, Outcome):
            return answer
        body = _json_object(answer)
        guest_id, url = body.get("id"), body.get("webSocketUrl")
        if not guest_id or not isinstance(url, str):
            return Outcome(Kind.FAILED, reason="guest creation: the answer has no id or no webSocketUrl")
        try:
            return Guest(str(guest_id), web_socket_url(url, self._base_url, self._socket_suffixes))
        except InsecureUrl as insecure:
            return Outcome(Kind.DENIED, reason=str(insecure))

    def set_typing(self, guest_id: str, typing: bool) -> Outcome:
        """Tell CXone whether the guest is typing."""
        answer = self._call("POST", _typing_path(guest_id), {"typing": typing})
        return answer if isinstance(answer, Outcome) else ACCEPTED

    def get_typing(self, guest_id: str) -> bool | Outcome:
        """Whether CXone shows the guest as typing."""
        answer = self._call("GET", _typing_path(guest_id))
        if isinstance(answer, Outcome):
            return answer
        typing = _json_object(answer).get("typing")
        if not isinstance(typing, bool):
            return Outcome(Kind.FAILED, reason="typing read: the answer has no boolean `typing`")
        return typing

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response | Outcome:
        """One request. On 401 the token is renewed and the request repeated, once (CXone fact).

        A token from another process does not count as renewed: it may have been revoked together with ours.
        """
        began = self._clock()
        for tries in (1, 2, 3):
            try:
                token = self._tokens.get()
            except AuthFailed as failed:
                return failed.outcome
            if self._clock() - began > LATEST_START_MS:
                return Outcome(Kind.THROTTLED, reason="getting a token took too long for this call")
            answer = self._request(method, path, body, token, began)
            if isinstance(answer, Outcome) or answer.status_code != 401:
                break
            self._tokens.refused(token)
            was_renewed = self._tokens.requested_at >= began
            if tries == 3 or (tries == 2 and was_renewed):
                return Outcome(Kind.DENIED, reason="CXone refused a fresh token (401): check the client and its scopes")
        return answer if isinstance(answer, Outcome) else self._judge(answer, path)

    def _request(self, method: str, path: str, body: Any, token: str, began: int) -> requests.Response | Outcome:
        """Send it; once more, at once, if the kept connection turns out to be closed."""
        try:
            try:
                return self._send(method, path, body, token, began)
            except KeptConnectionClosed:
                if self._clock() - began > LATEST_START_MS:
                    raise
                with suppress(NotSent):  # but the first may have arrived
                    return self._send(method, path, body, token, began)
                raise
        except NotSent:
            return Outcome(Kind.THROTTLED, reason="no connection in time: nothing was sent")
        except requests.ConnectTimeout:
            return Outcome(Kind.FAILED, reason="no connection in time")
        except requests.RequestException as lost:
            return Outcome(Kind.LOST, reason=type(lost).__name__)

    def _send(self, method: str, path: str, body: Any, token: str, began: int) -> requests.Response:
        latest_ms = LATEST_WRITE_MS - (self._clock() - began) if path.endswith("/typing") else inf
        with written_within(latest_ms / 1000):
            return self._http.request(
                method,
                self._base_url + GUESTS_PATH + path,
                json=body,
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
            )

    def _judge(self, answer: requests.Response, path: str) -> requests.Response | Outcome:
        status = answer.status_code
        if 200 <= status < 300:
            return answer
        if status == 429:
            delay = retry_after_ms(answer.headers.get("Retry-After"), self._clock())
            return Outcome(Kind.THROTTLED, delay, "429")
        if status == 403:
            return _judge_forbidden(answer)
        if status == 404 and path.endswith("/typing"):
            return Outcome(Kind.UNAVAILABLE, reason="Typing endpoint not available for this guest session.")
        return Outcome(Kind.FAILED, reason=f"status {status}")


def _typing_path(guest_id: str) -> str:
    return f"/{quote(guest_id, safe='')}/typing"


def _json_object(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _judge_forbidden(answer: requests.Response) -> Outcome:
    """403 means a missing scope or a guest session that is over (CXone fact); only the former mentions a scope."""
    said = answer.headers.get("WWW-Authenticate", "") + answer.text[:1000]
    if "scope" in said.lower():
        reason = "CXone says that a scope is missing (403): give the client webchat.guest and webchat.message"
        return Outcome(Kind.DENIED, reason=reason)
    return Outcome(Kind.GUEST_OVER, reason="the guest session is over (403)")
