"""One guest who asks a tenant's webchat v1 one question after the other, as the relay would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
import websocket
from typing_relay.platforms.shared.http import session
from typing_relay.platforms.shared.urls import InsecureUrl, web_socket_url
from typing_relay.platforms.webchat.auth import SCOPES, TOKEN_PATH, Credentials
from typing_relay.platforms.webchat.guests import GUESTS_PATH

from local.probing.visitor import CONNECT_S, NoAnswer
from local.probing.webchat_questions import (
    ENDED,
    FIRST_READ,
    GUEST,
    KEPT,
    LEFT,
    NOT_THERE,
    SOCKET,
    STOPPED,
    TOKEN,
    TYPED,
    Said,
)

#: What the guest's creation says of where it comes from.
SOURCE = "typing-relay-probe"


@dataclass(frozen=True, slots=True)
class Organisation:
    """Whom to ask. ``keep_s``: this long it is asked whether typing is still shown; ``patience_s``: what comes on the
    guest's socket within it is its consequence."""

    base_url: str
    credentials: Credentials
    keep_s: float = 60.0
    patience_s: float = 3.0


@dataclass
class WebchatProbe:
    """What was asked, and what was said."""

    organisation: Organisation
    #: Told before each step.
    says: Callable[[str], object]
    said: list[Said] = field(default_factory=list)
    _http: requests.Session = field(default_factory=session)
    _token: str = field(default="", repr=False)
    _step: str = TOKEN
    _since: float = 0.0

    def run(self) -> None:
        """Ask everything. Raises NoAnswer where that has no sense: nobody answers, or nobody may come in."""
        token = self._ask(TOKEN, "POST", TOKEN_PATH, form={"grant_type": "client_credentials", "scope": SCOPES})
        self._token = str(token.body.get("access_token") or "") if isinstance(token.body, Mapping) else ""
        if token.is_not_there:
            return
        if not self._token:
            raise NoAnswer(f"no token: status {token.status}: check the client's id, secret and scopes ({SCOPES})")
        made = self._ask(GUEST, "POST", GUESTS_PATH, {"attributes": {"source": SOURCE}})
        if made.status in NOT_THERE or not isinstance(made.body, Mapping) or not made.body.get("id"):
            return
        typing = f"{GUESTS_PATH}/{quote(str(made.body['id']), safe='')}/typing"
        socket = self._open(made.body.get("webSocketUrl"))
        try:
            self._type(typing)
        finally:
            if socket:
                socket.close()
        if socket:
            time.sleep(self.organisation.patience_s)
            self._ask(LEFT, "POST", typing, {"typing": False})

    def _type(self, path: str) -> None:
        """No agent is left with an indicator, though the probe is stopped."""
        is_refused = False
        try:
            is_refused = self._ask(TYPED, "POST", path, {"typing": True}).status >= 300
            if not is_refused:
                self._watch(path)
        finally:
            if not is_refused:
                self._ask(STOPPED, "POST", path, {"typing": False})
        if not is_refused:
            self._ask(ENDED, "GET", path)

    def _watch(self, path: str) -> None:
        is_shown = self._ask(FIRST_READ, "GET", path).typing
        if is_shown:
            self._begin(KEPT)
        until = time.monotonic() + self.organisation.keep_s
        while is_shown and time.monotonic() < until:
            time.sleep(self.organisation.keep_s / 20)
            is_shown = self._call(KEPT, "GET", path).typing is not False

    # --- the wire

    def _open(self, url: object) -> websocket.WebSocket | None:
        """The guest's socket, which has heard what comes by itself and been pinged; None: it was refused."""
        self._begin(SOCKET)
        try:
            good = web_socket_url(str(url), self.organisation.base_url, ())
            socket = websocket.create_connection(good, CONNECT_S)
        except InsecureUrl:
            self._note(SOCKET, 0, {"refused": "by the relay: it is not wss:// on CXone's hosts"})
            return None
        except websocket.WebSocketBadStatusException as refused:
            self._note(SOCKET, refused.status_code, None)
            return None
        except (OSError, websocket.WebSocketException) as error:
            self._note(SOCKET, 0, {"refused": type(error).__name__})
            return None
        self._note(SOCKET, 101, None)
        socket.ping()
        self._listen(socket)
        return socket

    def _listen(self, socket: websocket.WebSocket) -> None:
        until = time.monotonic() + self.organisation.patience_s
        while (left := until - time.monotonic()) > 0:
            socket.settimeout(left)
            try:
                code, data = socket.recv_data(control_frame=True)
            except (OSError, websocket.WebSocketException):
                return
            if code == websocket.ABNF.OPCODE_PONG:
                self._note(SOCKET, 101, {"pong": True})
            elif code in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
                self._note(SOCKET, 101, _json(data))

    def _ask(self, step: str, method: str, path: str, body: Any = None, form: Mapping[str, str] | None = None) -> Said:
        self._begin(step)
        return self._call(step, method, path, body, form)

    def _call(self, step: str, method: str, path: str, body: Any = None, form: Mapping[str, str] | None = None) -> Said:
        credentials = self.organisation.credentials
        try:
            answer = self._http.request(
                method,
                self.organisation.base_url + path,
                json=body,
                data=form,
                auth=(credentials.client_id, credentials.client_secret) if form else None,
                headers={"Accept": "application/json"} | ({} if form else {"Authorization": f"Bearer {self._token}"}),
                timeout=(CONNECT_S, CONNECT_S),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise NoAnswer(f"nobody answers while {step}: {type(error).__name__}") from None
        challenge = answer.headers.get("WWW-Authenticate", "") + answer.text[:1000]
        return self._note(step, answer.status_code, _json(answer.content), names_scope="scope" in challenge.lower())

    def _begin(self, step: str) -> None:
        self.says(step)
        self._step, self._since = step, time.monotonic()

    def _note(self, step: str, status: int, body: Any, *, names_scope: bool = False) -> Said:
        said = Said(step, round((time.monotonic() - self._since) * 1000), status, body, names_scope)
        self.said.append(said)
        return said


def _json(data: bytes) -> Any:
    """None: nothing, or no JSON."""
    try:
        return json.loads(data)
    except ValueError:
        return None
