"""The gateway over HTTP: channel, availability, access tokens, and what is too large for a frame."""

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Set
from typing import Any

from aiohttp import web

from local.dfo_simulator import frames_out
from local.dfo_simulator.desk import File, new_id
from local.dfo_simulator.faults import Fault
from local.dfo_simulator.frames_in import Violation
from local.dfo_simulator.settings import Settings
from local.dfo_simulator.simulator import SIMULATOR, Identity, Simulator
from local.simulating.clock import now_ms
from local.simulating.connections import reset_connection

MB = 1024 * 1024
#: A file of 40 MB in base64, and what is around it.
LARGEST_BODY = 60 * MB
#: NICE's web client uploads from pages of any site.
_FOR_ALL_PAGES = {"Access-Control-Allow-Origin": "*"}
#: By which a browser is known again, where cookies are secured.
COOKIE = "dfo_identity"
#: Between two pieces of a message that is being written.
PIECE_S = 0.02

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Take = Callable[[Simulator, web.Request, bytes], web.Response]


class Refusal(Exception):
    """The call is not accepted: an HTTP status, a code, a sentence, and perhaps a Retry-After."""

    def __init__(self, status: int, code: str, message: str, retry_after: str | None = None):
        super().__init__(message)
        self.status, self.code, self._retry_after = status, code, retry_after

    def response(self) -> web.Response:
        """The answer's JSON."""
        # Both shapes that clients read: the authorize host's, and the other hosts'.
        body = {"errorCode": self.code, "error": {"errorCode": self.code, "errorMessage": str(self)}}
        headers = {} if self._retry_after is None else {"Retry-After": self._retry_after}
        return web.json_response(body, status=self.status, headers=headers)


def routes() -> list[web.RouteDef]:
    """The routes of the chat and authorize hosts."""
    channel = "/chat/1.0/brand/{brand}/channel/{channel}"
    return [
        web.get(channel, _handler("channel", _channel)),
        web.get(f"{channel}/availability", _handler("availability", _availability)),
        web.get("/chat/1.0/brand/{brand}/messages/{message}", _handler("message", _message)),
        web.post(f"{channel}/attachment", _handler("attachment", _upload)),
        web.options(f"{channel}/attachment", _may_upload),
        web.get("/files/{file}", _file),
        web.get("/s3/{object}", _handler("s3_object", _s3_object)),
        web.get("/streams/{message}", _stream),
        web.post("/oauth/token", _handler("authorize", _authorize)),
        web.options("/oauth/token", _may_authorize),
    ]


async def misfortune(request: web.Request, fault: Fault) -> None:
    """Apply a fault before the call is accepted. Raises Refusal when the call is not accepted."""
    if fault.do in ("slow", "hang"):
        await asyncio.sleep(fault.seconds)
    if fault.do == "reset":
        reset_connection(request.transport)
    elif fault.do == "hang" and request.transport is not None:
        request.transport.close()
    if fault.do in ("reset", "hang"):
        raise Refusal(503, "gone", "Nobody will read this.")  # the connection is closed
    if fault.do == "refuse":
        raise Refusal(fault.status, fault.code or "refused", "The call is refused.", fault.retry_after)


def check_query(simulator: Simulator, request: web.Request, keys: Set[str]) -> None:
    """Check that the query has exactly these keys, and names this brand and channel. Raises Refusal."""
    query = request.query
    if query.keys() != keys or len(query) != len(keys) or not all(query.values()):
        wrong = " ".join(sorted((query.keys() ^ keys) or {key for key in keys if not query[key]}))
        _note_violation(simulator, request, Violation("wrong_query", f"{request.path}: {wrong[:200]}"))
        raise Refusal(400, "bad_request", "The query is not as expected.")
    if not simulator.is_channel(query["brandId"], query["channelId"]):
        raise Refusal(403, "unknown_channel", "There is no such brand or channel.")


def _handler(kind: str, take: Take) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        simulator = request.app[SIMULATOR]
        body = await request.read()
        visitor_id = request.query.get("visitorId") or _owner(simulator, request)
        fault = simulator.pick_fault(kind, visitor_id=visitor_id)
        try:
            if fault and fault.do != "lost_answer":
                await misfortune(request, fault)
            response = take(simulator, request, body)
            code = None
        except Refusal as refusal:
            response, code = refusal.response(), refusal.code
        if kind == "authorize":
            response.headers.update(_for_the_page(request))
        lost = fault is not None and fault.do in ("reset", "hang", "lost_answer")
        status = None if lost else response.status
        simulator.note(kind, visitor_id=visitor_id, status=status, code=code, fault=fault and fault.do)
        if fault and fault.do == "lost_answer":
            reset_connection(request.transport)
        return response

    return handle


def _channel(simulator: Simulator, request: web.Request, _: bytes) -> web.Response:
    _check_channel(simulator, request)
    settings = simulator.settings
    return web.json_response(
        {
            "channelId": request.match_info["channel"],
            "isLiveChat": settings.livechat,
            "isAuthorizationEnabled": settings.third_party,
            "isSecuredCookieEnabled": settings.secured_cookies,
            "settings": {
                "fileRestrictions": _file_rules(settings),
                "liveChatAllowTranscript": settings.transcripts,
                "liveChatShowOfflineForm": settings.offline_form,
                "hasMultipleThreadsPerEndUser": not settings.livechat,
                "features": {
                    "isRecoverLivechatDoesNotFailEnabled": settings.no_thread != "error",
                    "securedSessions": settings.secured_sessions,
                },
            },
            "translations": {},
        }
    )


def _availability(simulator: Simulator, request: web.Request, _: bytes) -> web.Response:
    _check_channel(simulator, request)
    return web.json_response({"status": simulator.settings.availability})


def _check_channel(simulator: Simulator, request: web.Request) -> None:
    if not simulator.settings.supports(request.headers.get("x-sdk-version", "")):
        raise Refusal(400, frames_out.SDK_VERSION_NOT_SUPPORTED, "This version is not supported any more.")
    _check_channel_exists(simulator, request)


def _check_channel_exists(simulator: Simulator, request: web.Request) -> None:
    match = request.match_info
    if not simulator.is_channel(match["brand"], match["channel"]):
        raise Refusal(404, "not_found", "There is no such brand or channel.")


def _message(simulator: Simulator, request: web.Request, _: bytes) -> web.Response:
    kind, _sep, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or simulator.message_tokens.owner(token, now_ms()) != request.path:
        raise Refusal(401, "invalid_token", "The token is not for this message, or no longer good.")
    found = simulator.message_of(request.match_info["message"])
    if found is None:
        raise Refusal(404, "not_found", "There is no such message.")
    return web.json_response(frames_out.message_with_all(*found))


def _owner(simulator: Simulator, request: web.Request) -> str | None:
    """Whose the message is that a call is about."""
    found = simulator.message_of(request.match_info.get("message", ""))
    return found[0].visitor_id if found else None


async def _stream(request: web.Request) -> web.StreamResponse:
    """What is said in a message, piece by piece, as server-sent events."""
    simulator = request.app[SIMULATOR]
    visitor_id = _owner(simulator, request)
    fault = simulator.pick_fault("stream", visitor_id=visitor_id)
    found = simulator.message_of(request.match_info["message"])
    try:
        if fault and fault.do != "cut":
            await misfortune(request, fault)
        if found is None or not found[1].stream:
            raise Refusal(404, "not_found", "There is no such stream.")
    except Refusal as refusal:
        simulator.note(
            "stream", visitor_id=visitor_id, status=refusal.status, code=refusal.code, fault=fault and fault.do
        )
        return refusal.response()
    simulator.note("stream", visitor_id=visitor_id, status=200, code=None, fault=fault and fault.do)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    pieces = re.findall(r"\S+\s*", found[1].stream)
    if fault:
        pieces = pieces[: len(pieces) // 2]
    for piece in pieces:
        await response.write(_said(piece, None))
        await asyncio.sleep(PIECE_S)
    if not fault:
        await response.write(_said("", "stop"))
    return response


def _said(piece: str, reason: str | None) -> bytes:
    """One event of a stream."""
    delta = {"delta": {"content": piece, "finish_reason": reason}}
    return f"event: delta\ndata: {json.dumps(delta)}\n\n".encode()


def _file_rules(settings: Settings) -> dict[str, Any]:
    """The size is a text, in MB."""
    types = [{"mimeType": kind, "description": kind} for kind in settings.file_types]
    return {
        "allowedFileSize": str(settings.largest_file),
        "allowedFileTypes": types,
        "isAttachmentsEnabled": settings.attachments,
    }


async def _may_upload(request: web.Request) -> web.Response:
    """The browser's question before it uploads from a page of another origin."""
    allowed = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type, x-sdk-platform"}
    return web.Response(headers=allowed | _FOR_ALL_PAGES)


async def _may_authorize(request: web.Request) -> web.Response:
    """The browser's question before it signs a visitor in from a page of another origin."""
    headers = "authorization, content-type, x-sdk-platform"
    allowed = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": headers}
    return web.Response(headers=allowed | _for_the_page(request))


def _for_the_page(request: web.Request) -> dict[str, str]:
    """NICE's web client asks for tokens with cookies, which a browser allows for a named origin alone."""
    origin = request.headers.get("Origin")
    allowed = {"Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, **allowed} if origin else {}


def _upload(simulator: Simulator, request: web.Request, body: bytes) -> web.Response:
    """A file that breaks the channel's rules is answered with them; that is no error."""
    _check_channel_exists(simulator, request)
    try:
        said = json.loads(body)
        kinds = {"content": str, "fileName": str, "mimeType": str}
        if said.keys() != kinds.keys() or not all(isinstance(said[key], kind) for key, kind in kinds.items()):
            raise ValueError
        content = base64.b64decode(said["content"], validate=True)
    except (ValueError, AttributeError):
        _note_violation(simulator, request, Violation("wrong_body", "attachment: not a content, fileName and mimeType"))
        raise Refusal(400, "bad_request", "The body is not as expected.") from None
    settings = simulator.settings
    fits = len(content) <= settings.largest_file * MB and _is_allowed(said["mimeType"], settings.file_types)
    if not (settings.attachments and fits):
        return web.json_response(_file_rules(settings), headers=_FOR_ALL_PAGES)
    url = simulator.put_file(File(said["fileName"], said["mimeType"], content))
    return web.json_response({"fileUrl": url}, headers=_FOR_ALL_PAGES)


def _is_allowed(kind: str, types: tuple[str, ...]) -> bool:
    return any(kind == known or (known.endswith("/*") and kind.startswith(known[:-1])) for known in types)


async def _file(request: web.Request) -> web.Response:
    """To be saved, not shown: whatever is in it."""
    file = request.app[SIMULATOR].files.get(request.match_info["file"])
    if file is None:
        raise web.HTTPNotFound
    as_it_is = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=file.content, content_type=file.mime_type, headers=as_it_is)


def _s3_object(simulator: Simulator, request: web.Request, _: bytes) -> web.Response:
    event = simulator.s3_objects.get(request.match_info["object"])
    if event is None:
        raise Refusal(404, "NoSuchKey", "There is no such object.")
    return web.json_response(event)


def _authorize(simulator: Simulator, request: web.Request, body: bytes) -> web.Response:
    fallback = {"storageFallback"} & request.query.keys() if simulator.settings.secured_cookies else set()
    check_query(simulator, request, {"brandId", "channelId", "visitorId"} | fallback)
    asked = _asked(simulator, request, body)
    if not simulator.settings.secured_sessions:
        _note_violation(simulator, request, Violation("not_secured", "a token where sessions are not secured"))
        raise Refusal(404, "not_found", "This channel's sessions are not secured.")
    if simulator.settings.secured_cookies:
        return _access_by_cookie(simulator, request, asked)
    third_party = asked.get("thirdParty")
    if simulator.settings.third_party != (third_party is not None):
        raise Refusal(401, "unauthorized", "This channel wants customers to come in the other way.")
    if third_party is None:
        customer_id = asked.get("customerIdentity", {}).get("idOnExternalPlatform") or new_id()
    else:
        customer_id = _customer(simulator, third_party)
    identity = Identity(request.query["visitorId"], customer_id, request.query["channelId"])
    is_refresh = third_party is not None and third_party["grant_type"] == "refresh_token"
    return web.json_response(_access(simulator, identity, is_refresh=is_refresh))


def _access_by_cookie(simulator: Simulator, request: web.Request, asked: Mapping[str, Any]) -> web.Response:
    """Only the browser that has the cookie, or what it was given in its place, is this customer. Raises Refusal."""
    if asked:
        raise Refusal(401, "unauthorized", "Where cookies are secured the gateway names the customer.")
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    cookie = request.cookies.get(COOKIE) or bearer
    customer_id = (simulator.cookies.owner(cookie, now_ms()) if cookie else None) or new_id()
    identity = Identity(request.query["visitorId"], customer_id, request.query["channelId"])
    token = simulator.cookies.issue(customer_id, now_ms(), 86_400)
    is_blocked = "storageFallback" in request.query
    access = _access(simulator, identity) | ({"identityToken": token} if is_blocked else {})
    response = web.json_response(access)
    if not is_blocked:
        response.set_cookie(COOKIE, token, httponly=True)
    return response


def _access(simulator: Simulator, identity: Identity, *, is_refresh: bool = False) -> dict[str, Any]:
    now, expires_in = now_ms(), simulator.settings.token_expires_in
    access: dict[str, Any] = {
        "accessToken": simulator.tokens.issue(identity, now, expires_in),
        "expiresIn": expires_in,
        "customerIdentity": {"idOnExternalPlatform": identity.customer_id},
    }
    if simulator.settings.third_party and not simulator.settings.secured_cookies:
        lives = simulator.settings.third_party_expires_in
        access["thirdParty"] = {
            "access_token": simulator.third_party_tokens.issue(identity, now, lives),
            "expires_in": lives,
        }
        kept = simulator.settings.refresh_tokens
        if kept != "none" and not (kept == "same" and is_refresh):
            access["thirdParty"]["refresh_token"] = simulator.refresh_tokens.issue(identity, now, 86_400)
    return access


def _customer(simulator: Simulator, third_party: Mapping[str, str]) -> str:
    """The customer of an authorization code, or of a refresh token obtained with one. Raises Refusal."""
    if third_party["grant_type"] == "authorization_code":
        customer_id = simulator.customer_of_code(
            third_party["authorization_code"], third_party.get("code_verifier", "")
        )
    else:
        identity = simulator.refresh_tokens.owner(third_party["refresh_token"], now_ms())
        customer_id = identity and identity.customer_id
        if simulator.settings.refresh_tokens == "once":
            simulator.refresh_tokens.revoke(third_party["refresh_token"])
    if customer_id is None:
        raise Refusal(401, "invalid_grant", "The authorization code or refresh token is not known.")
    return customer_id


_GRANTS = {
    "authorization_code": {"authorization_code", "grant_type"},
    "refresh_token": {"refresh_token", "grant_type"},
}


def _asked(simulator: Simulator, request: web.Request, body: bytes) -> dict[str, Any]:
    """The body of a token request: either only a customer or only a grant. Raises Refusal."""
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if request.content_type == "application/json" and isinstance(asked, dict):
        if asked.keys() <= {"customerIdentity"} and _is_customer(asked.get("customerIdentity")):
            return asked
        if asked.keys() <= {"customerIdentity", "thirdParty"} and _is_grant(asked.get("thirdParty")):
            return asked
    _note_violation(simulator, request, Violation("wrong_body", f"{request.path}: not a customer, not a grant"))
    raise Refusal(400, "bad_request", "The body is not as expected.")


def _is_customer(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict)
        and value.keys() == {"idOnExternalPlatform"}
        and isinstance(value["idOnExternalPlatform"], str)
    )


def _is_grant(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(item, str) for item in value.values())
        and value.keys() - {"code_verifier"} == _GRANTS.get(value.get("grant_type", ""))
        and not ("code_verifier" in value and "refresh_token" in value)
    )


def _note_violation(simulator: Simulator, request: web.Request, violation: Violation) -> None:
    simulator.note_violation(violation, visitor_id=request.query.get("visitorId"), event_type=None)
