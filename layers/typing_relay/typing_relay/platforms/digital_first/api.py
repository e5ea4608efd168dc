"""The Digital-First gateway's HTTP API: access tokens, the channel's settings, whether it is online.

It is the protocol of NICE's browser client, so there is no client secret. No outcome contains a sign-in code, a token
or a query.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import requests
from urllib3.exceptions import HTTPError

from typing_relay.platforms.digital_first import urls
from typing_relay.platforms.digital_first.codes import ADDRESS_REFUSED, loggable
from typing_relay.platforms.digital_first.files import FileRules, file_rules
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.digital_first.streamed import Deltas, Stream
from typing_relay.platforms.digital_first.urls import Client, Hosts
from typing_relay.platforms.shared.http import KeptConnectionClosed
from typing_relay.platforms.shared.urls import InsecureUrl
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.retry import retry_after_ms

CONNECT_TIMEOUT_S = 3.0
#: The web SDK allows 30 s, but here a waiting call occupies a thread of the keeper.
READ_TIMEOUT_S = 10.0
#: How long the channel's settings are taken to be as they were, as NICE's apps do; and how long an error is.
CHANNEL_MS, CHANNEL_NOT_KNOWN_MS = 60_000, 4_000
#: Settings of a channel, with the value by which each demands something.
COOKIES, THIRD_PARTY = "isSecuredCookieEnabled=true", "isAuthorizationEnabled=true"
NO_THIRD_PARTY, NOT_SECURED = "isAuthorizationEnabled=false", "securedSessions=false"
#: When what does not expire does: in the year 2100.
NEVER_MS = 4_102_444_800_000
#: A frame holds 128 KB. An event, or the rest of a message, that is fetched may be larger, up to this.
LARGEST_EVENT_BYTES = 1_048_576
#: A message that is still being written is read for this long.
STREAM_TIMEOUT_S = 20.0
#: It ends this long before it is no more waited for, so that what came is in time.
STREAM_SPARE_MS = 1_000
#: Read in chunks of this size.
CHUNK_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Access:
    """A token that opens a socket until ``expires_at`` (epoch ms), and the visitor as CXone knows them. '': none is
    needed, as the session is not secured."""

    token: str = field(repr=False)
    expires_at: int
    visitor: Visitor
    #: Where a third party has signed the visitor in: its token, which messages carry, what gets the next one ('':
    #: nothing), and when the first of both tokens ends (epoch ms).
    third_party_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    good_until: int = 0


@dataclass(frozen=True, slots=True)
class Streamed:
    """What was written of a message while it was read; ``is_whole``: all of it."""

    text: str = field(repr=False)
    is_whole: bool


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """The settings of a channel that the relay needs. ``authorization``: visitors sign in with a third party.

    ``secured_sessions``: a socket is opened with an access token; else the customer is authorized on it (legacy).
    ``secured_cookies``: only the visitor's own browser can get a token.
    """

    livechat: bool
    authorization: bool
    secured_sessions: bool = True
    secured_cookies: bool = False
    #: None: they are not known.
    files: FileRules | None = None
    #: Visitors may have a transcript sent to them.
    transcripts: bool = False
    #: Its pages show a form for messages while it is offline; None: it does not say.
    offline_form: bool | None = None

    def not_supported(self) -> str:
        """The name of the setting, with its value, with which no visitor is signed in here; '' if there is none."""
        return self.demands_sign_in if not self.secured_sessions else ""

    @property
    def demands_sign_in(self) -> str:
        """The name of the setting, with its value, by which a visitor's page has to sign them in; '' if there is none.

        In this order, as NICE's Android client has it.
        """
        if self.secured_cookies:
            return COOKIES
        return THIRD_PARTY if self.authorization else ""


class DfoApi:
    """The HTTP calls for one channel of one tenant."""

    def __init__(
        self, http: requests.Session, hosts: Hosts, channel: Channel, client: Client, clock: Callable[[], int]
    ) -> None:
        self._http, self._hosts, self._channel = http, hosts, channel
        self._client, self._clock = client, clock
        self._asking = threading.Lock()
        self._asked_at = 0
        self._channel_is: ChannelSettings | Outcome | None = None

    def authorize(self, visitor: Visitor, grant: Mapping[str, str] | None = None) -> Access | Outcome:
        """A new access token: for an anonymous visitor, or by a third party's grant: a code, which works once, or a
        refresh token.

        Where the channel's sessions are not secured there is none: the visitor is authorized on the socket.
        """
        settings = self._channel_is  # whoever lets a visitor in has asked for it
        if isinstance(settings, ChannelSettings) and not settings.secured_sessions:
            return Access("", NEVER_MS, visitor)
        body: dict[str, Any] = {"customerIdentity": {"idOnExternalPlatform": visitor.customer_id}}
        if grant is not None:
            body = {"thirdParty": dict(grant)}
        query = {
            "brandId": str(self._channel.brand_id),
            "channelId": self._channel.channel_id,
            "visitorId": visitor.visitor_id,
        }
        began = self._clock()
        url = f"{self._hosts.authorize}/oauth/token"
        answer = self._call("POST", url, "access", query, body, is_repeatable=grant is None)
        if not isinstance(answer, Outcome):
            return _access(answer, visitor, began)
        is_grants_fault = grant is not None and answer.kind is Kind.DENIED and not answer.of_address
        return replace(answer, kind=Kind.FAILED, by_visitor=True) if is_grants_fault else answer

    def channel(self) -> ChannelSettings | Outcome:
        """The channel's settings, asked for at most once a minute, whoever wants to know: on any thread.

        Where they cannot be had they are as they were; if they are not known yet, every five seconds why not.
        """
        with self._asking:
            known, age = self._channel_is, self._clock() - self._asked_at
            keep_ms = CHANNEL_MS if isinstance(known, ChannelSettings) else CHANNEL_NOT_KNOWN_MS
            if known is None or not 0 <= age < keep_ms:
                answer = self._ask_for_channel()
                if isinstance(answer, ChannelSettings) or not isinstance(known, ChannelSettings):
                    self._channel_is = known = answer
                self._asked_at = self._clock()
            return known

    def _ask_for_channel(self) -> ChannelSettings | Outcome:
        answer = self._call("GET", self._channel_url, "channel", {"locale": "en_US"})
        if isinstance(answer, Outcome):
            return answer
        livechat, authorization = answer.get("isLiveChat"), answer.get("isAuthorizationEnabled", False)
        if not isinstance(livechat, bool) or not isinstance(authorization, bool):
            return Outcome(Kind.FAILED, reason="channel: the answer has no boolean `isLiveChat`")
        settings = answer.get("settings")
        features = settings.get("features") if isinstance(settings, dict) else None
        is_secured = not isinstance(features, dict) or features.get("securedSessions") is not False
        has_cookies = answer.get("isSecuredCookieEnabled") is True
        transcripts = isinstance(settings, dict) and settings.get("liveChatAllowTranscript") is True
        form = settings.get("liveChatShowOfflineForm") if isinstance(settings, dict) else None
        return ChannelSettings(
            livechat,
            authorization,
            is_secured,
            has_cookies,
            file_rules(settings),
            transcripts,
            form if isinstance(form, bool) else None,
        )

    def is_online(self) -> bool | Outcome:
        """Whether agents take conversations on this channel now."""
        answer = self._call("GET", f"{self._channel_url}/availability", "availability")
        if isinstance(answer, Outcome):
            return answer
        status = answer.get("status")
        if status not in ("online", "offline"):
            return Outcome(Kind.FAILED, reason="availability: the answer is neither online nor offline")
        return bool(status == "online")

    def socket_url(self, visitor: Visitor, access: Access) -> str:
        """The URL of the visitor's socket. Its query contains the token."""
        return urls.socket_url(self._hosts, self._channel, self._client, visitor, access.token)

    @property
    def upload_url(self) -> str:
        """Where a visitor's own browser uploads a file."""
        return f"{self._channel_url}/attachment"

    def event(self, url: str) -> str | Outcome:
        """The text of an event too large for a frame, from its URL; bounded in size and time."""
        try:
            known = urls.event_url(url, self._hosts.chat)
        except InsecureUrl as insecure:
            return Outcome(Kind.DENIED, reason=str(insecure))
        return self._text("event", known, {})

    def message(self, path: str, token: str) -> str | Outcome:
        """The whole of a message (JSON) from its path on the chat host, by a token for that; bounded as an event is."""
        headers = {**self._headers(), "Authorization": f"Bearer {token}"}
        return self._text("message", f"{self._hosts.chat}{path}", headers)

    def streamed(self, stream: Stream) -> Streamed | Outcome:
        """What is written of a message, until it ends, or its time or room does: then as much as had come."""
        deltas, began, size = Deltas(), time.monotonic(), 0
        within_s = min(STREAM_TIMEOUT_S, (stream.until - STREAM_SPARE_MS - self._clock()) / 1000)
        if within_s <= 0:
            return Outcome(Kind.LOST, reason="streamed message: its turn to be read came too late")
        try:
            known = urls.event_url(stream.url, self._hosts.chat)
            with self._get(known, {"Accept": "text/event-stream"}, within_s) as answer:
                if answer.status_code != 200:
                    return Outcome(Kind.FAILED, reason=f"streamed message: status {answer.status_code}")
                while not deltas.is_over and time.monotonic() - began < within_s:
                    chunk = answer.raw.read1(CHUNK_BYTES, decode_content=True)
                    size += len(chunk)
                    if not chunk or size > LARGEST_EVENT_BYTES:
                        break
                    deltas.feed(chunk)
        except InsecureUrl as insecure:
            return Outcome(Kind.DENIED, reason=str(insecure))
        except (requests.RequestException, HTTPError, OSError) as lost:
            if not deltas.text:
                return Outcome(Kind.LOST, reason=f"streamed message: {type(lost).__name__}")
        return Streamed(deltas.text, deltas.is_whole)

    def _text(self, what: str, url: str, headers: dict[str, str]) -> str | Outcome:
        try:
            with self._get(url, headers, READ_TIMEOUT_S) as answer:
                body = answer.raw.read(LARGEST_EVENT_BYTES + 1, decode_content=True)
        except (requests.RequestException, HTTPError) as lost:
            return Outcome(Kind.LOST, reason=f"{what}: {type(lost).__name__}")
        if answer.status_code != 200 or len(body) > LARGEST_EVENT_BYTES:
            return Outcome(Kind.FAILED, reason=f"{what}: status {answer.status_code}, {len(body)} bytes")
        return str(body.decode(errors="replace"))

    def _get(self, url: str, headers: dict[str, str], read_s: float) -> requests.Response:
        timeout = (CONNECT_TIMEOUT_S, read_s)
        return self._http.get(url, headers=headers, timeout=timeout, allow_redirects=False, stream=True)

    @property
    def _channel_url(self) -> str:
        channel = quote(self._channel.channel_id, safe="")
        return f"{self._hosts.chat}/chat/1.0/brand/{self._channel.brand_id}/channel/{channel}"

    def _call(
        self,
        method: str,
        url: str,
        what: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        *,
        is_repeatable: bool = True,
    ) -> dict[str, Any] | Outcome:
        """The answer's JSON object. Sent once more, at once, if the kept connection turns out to be closed; not what is
        good once, as CXone may have taken it before it closed the connection."""
        try:
            try:
                answer = self._send(method, url, query, body)
            except KeptConnectionClosed:
                if not is_repeatable:
                    raise
                answer = self._send(method, url, query, body)
        except requests.ConnectTimeout:
            return Outcome(Kind.FAILED, reason=f"{what}: no connection in time")
        except requests.RequestException as lost:
            return Outcome(Kind.LOST, reason=f"{what}: {type(lost).__name__}")
        said = _json_object(answer)
        if 200 <= answer.status_code < 300:
            return said
        return self._refused(answer, said, what)

    def _send(self, method: str, url: str, query: dict[str, str] | None, body: Any) -> requests.Response:
        timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        return self._http.request(
            method, url, params=query, json=body, headers=self._headers(), timeout=timeout, allow_redirects=False
        )

    def _headers(self) -> dict[str, str]:
        return {
            "Accept": "application/json",
            "X-Trace-ID": str(uuid4()),
            "x-sdk-platform": "web",
            "x-sdk-version": self._client.sdk_version,
        }

    def _refused(self, answer: requests.Response, said: dict[str, Any], what: str) -> Outcome:
        status, retry_after = answer.status_code, answer.headers.get("Retry-After")
        if status == 429 or (status == 503 and retry_after):
            return Outcome(Kind.THROTTLED, retry_after_ms(retry_after, self._clock()), f"{what}: status {status}")
        if not 400 <= status < 500:
            return Outcome(Kind.FAILED, reason=f"{what}: status {status}")
        code = _error_code(said)
        if code == ADDRESS_REFUSED:
            reason = f"{what}: CXone refuses the relay's address ({ADDRESS_REFUSED})"
        elif status == 404:
            reason = f"{what}: CXone knows no such channel (404): check DfoBrandId and DfoChannelId"
        else:
            reason = f"{what}: {code} ({status})"
        return Outcome(Kind.DENIED, reason=reason, of_address=code == ADDRESS_REFUSED)


def _access(answer: dict[str, Any], visitor: Visitor, began: int) -> Access | Outcome:
    """The token's lifetime counts from ``began``, when it was requested (epoch ms)."""
    token, lifetime_s = answer.get("accessToken"), answer.get("expiresIn")
    if isinstance(lifetime_s, bool) or not isinstance(lifetime_s, int | float) or not 0 < lifetime_s < 1e9:
        return Outcome(Kind.FAILED, reason="access: the answer has no expiresIn in seconds")
    if not isinstance(token, str) or not token:
        return Outcome(Kind.FAILED, reason="access: the answer has no accessToken")
    ends, third_party = began + int(lifetime_s * 1000), answer.get("thirdParty")
    access = Access(token, ends, _as_known(visitor, answer.get("customerIdentity")))
    return _with_third_party(access, third_party, began) if isinstance(third_party, dict) else access


def _with_third_party(access: Access, answer: dict[str, Any], began: int) -> Access:
    life_s = answer.get("expires_in")
    is_known = isinstance(life_s, int | float) and not isinstance(life_s, bool) and 0 < life_s < 1e9
    good_until = min(access.expires_at, began + int(life_s * 1000)) if is_known else access.expires_at  # type: ignore[operator]
    tokens = _text(answer, "access_token"), _text(answer, "refresh_token")
    return replace(access, third_party_token=tokens[0], refresh_token=tokens[1], good_until=good_until)


def _as_known(visitor: Visitor, identity: Any) -> Visitor:
    """The visitor with the id and names from CXone's answer: a third party's customer has others than the relay's."""
    if not isinstance(identity, dict):
        return visitor
    return replace(
        visitor,
        customer_id=_text(identity, "idOnExternalPlatform") or visitor.customer_id,
        first_name=_text(identity, "firstName") or visitor.first_name,
        last_name=_text(identity, "lastName") or visitor.last_name,
    )


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _error_code(said: dict[str, Any]) -> str:
    error = said.get("error")
    return loggable(said.get("errorCode") or (error.get("errorCode") if isinstance(error, dict) else error))


def _json_object(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
