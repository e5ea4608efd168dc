"""The operator's HTTP interface under /_control: read events, act as the agent, switch faults, break things."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from local.dfo_simulator import frames_out
from local.dfo_simulator.conversation import cut_if_long, message_events
from local.dfo_simulator.desk import Agent, Message, Thread, new_id
from local.dfo_simulator.faults import parse_faults
from local.dfo_simulator.frames_out import Frame
from local.dfo_simulator.simulator import SIMULATOR, AuthorizationCode, Simulator, Socket
from local.dfo_simulator.sockets import GOING_AWAY
from local.simulating.clock import now_ms
from local.simulating.controls import bad_request, events_route, json_body, not_found
from local.simulating.settings import SettingError

SOMEBODY = Agent("Avery", "Quinn", "avery")


def routes() -> list[web.RouteDef]:
    """The controls' routes."""
    return [
        events_route(lambda request: request.app[SIMULATOR].events),
        web.get("/_control/threads", _threads),
        web.get("/_control/offline-messages", _offline_messages),
        web.get("/_control/visitors", _visitors),
        web.get("/_control/violations", _violations),
        web.get("/_control/frames", _frames),
        web.get("/_control/settings", _settings),
        web.put("/_control/settings", _set_settings),
        web.get("/_control/faults", _faults),
        web.put("/_control/faults", _set_faults),
        web.post("/_control/agent/assign", _assign),
        web.post("/_control/agent/typing", _agent_typing),
        web.post("/_control/agent/message", _agent_message),
        web.post("/_control/agent/read", _agent_read),
        web.post("/_control/agent/queue-position", _queue_position),
        web.post("/_control/agent/close-contact", _close_contact),
        web.post("/_control/agent/reopen-contact", _reopen_contact),
        web.post("/_control/agent/end-thread", _end_thread),
        web.post("/_control/push", _push),
        web.post("/_control/authorization-codes", _add_code),
        web.post("/_control/revoke-tokens", _revoke_tokens),
        web.post("/_control/drop-sockets", _drop_sockets),
        web.post("/_control/reset", _reset),
    ]


async def close_all_sockets(simulator: Simulator) -> None:
    """Close every open socket; reset those that are silent."""
    await _drop(_sockets(simulator, None), "close", GOING_AWAY)
    await _drop(_sockets(simulator, None), "reset", GOING_AWAY)


# Reading


async def _threads(request: web.Request) -> web.Response:
    return web.json_response([thread.as_json() for thread in request.app[SIMULATOR].desk.threads.values()])


async def _offline_messages(request: web.Request) -> web.Response:
    return web.json_response(request.app[SIMULATOR].offline_messages)


async def _visitors(request: web.Request) -> web.Response:
    return web.json_response(
        [
            {
                "visitor_id": visitor.visitor_id,
                "customer_id": visitor.customer_id,
                "sockets": len(visitor.sockets),
                "opened": visitor.opened,
                "heartbeats": visitor.heartbeats,
            }
            for visitor in request.app[SIMULATOR].visitors.values()
        ]
    )


async def _violations(request: web.Request) -> web.Response:
    return web.json_response(list(request.app[SIMULATOR].violations))


async def _frames(request: web.Request) -> web.Response:
    return web.json_response(list(request.app[SIMULATOR].frames))


async def _settings(request: web.Request) -> web.Response:
    return web.json_response(asdict(request.app[SIMULATOR].settings))


async def _set_settings(request: web.Request) -> web.Response:
    """With a visitor in the query, only this visitor meets them."""
    simulator, visitor_id = request.app[SIMULATOR], request.query.get("visitor")
    changes = await json_body(request)
    try:
        changed = simulator.settings.changed(changes)
    except SettingError as error:
        raise bad_request(str(error)) from None
    if visitor_id is None:
        simulator.settings = changed
    else:
        simulator.settings_of_visitors[visitor_id] = changes
    simulator.note("control", what="settings", changes=changes, visitor_id=visitor_id)
    return web.json_response(asdict(changed))


async def _faults(request: web.Request) -> web.Response:
    return web.json_response(request.app[SIMULATOR].faults.as_json())


async def _set_faults(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    try:
        faults = parse_faults(body.get("faults"))
    except SettingError as error:
        raise bad_request(str(error)) from None
    visitor = body.get("visitor")
    if visitor is not None and not isinstance(visitor, str):
        raise bad_request("visitor: expected a string")
    simulator.faults.replace(faults, visitor)
    simulator.note("control", what="faults", faults=[f"{fault.on} {fault.do}" for fault in faults])
    return web.json_response(simulator.faults.as_json())


# The agent


async def _assign(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread = _thread_with_contact(simulator, body)
    before, thread.agent = thread.agent, _agent(body.get("agent"))
    now = now_ms()
    events = [frames_out.assignee_changed(simulator.place_of(thread), thread, before, now)]
    if thread.agent and thread.contact and thread.contact.status == "new":
        thread.contact.status = "open"
        events.append(frames_out.contact_status(simulator.place_of(thread), thread, thread.contact, now, with_id=True))
    return await _tell(simulator, thread, "assign", *events)


async def _agent_typing(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread = _thread_with_contact(simulator, body)
    event_type = "SenderTypingStarted" if _flag(body, "typing") else "SenderTypingEnded"
    fields = simulator.settings_of(thread.visitor_id).agent_typing_fields
    event = frames_out.typing(
        simulator.place_of(thread),
        thread,
        event_type,
        now_ms(),
        direction="outbound" if "direction" in fields else None,
        user=(thread.agent or SOMEBODY) if "user" in fields else None,
    )
    return await _tell(simulator, thread, "typing", event, value=body["typing"])


async def _agent_message(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread, now = _thread_with_contact(simulator, body), now_ms()
    author = thread.agent or SOMEBODY
    content = _content(body)
    more = _flag(body, "more_content", False)
    message = Message(new_id(), new_id(), "outbound", content, now, author, more_content=more)
    message.attachments += _attachments(body.get("attachments", []))
    settings = simulator.settings_of(thread.visitor_id)
    if settings.streamed_messages:
        message.stream = content["text"]
        message.content = {"type": "STREAMED", "payload": simulator.stream_of(message.message_id), "text": ""}
    cut_if_long(message, settings.longest_text)
    simulator.desk.add_message(thread, message)
    events = message_events(simulator, thread, message, now)
    if (expires_in := body.get("expires_in")) is not None:
        _close_unless_answered(simulator, thread, expires_in)
    if _flag(body, "in_s3", False):
        events = [simulator.put_in_s3(events[-1], events[-1]["eventType"], now)]
    return await _tell(simulator, thread, "message", *events, message_id=message.id_on_external_platform)


def _close_unless_answered(simulator: Simulator, thread: Thread, seconds: Any) -> None:
    """As the inactivity popup does it."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 600:
        raise bad_request("expires_in: expected a number of seconds up to 600")
    so_far = len(thread.messages)

    async def close() -> None:
        await asyncio.sleep(seconds)
        is_answered = any(message.direction == "inbound" for message in thread.messages[so_far:])
        contact = None if is_answered else thread.close_contact(now_ms())
        if contact:
            place = simulator.place_of(thread)
            event = frames_out.contact_status(place, thread, contact, now_ms(), with_id=True)
            await simulator.push(thread.customer_id, event)

    simulator.later.add(task := asyncio.create_task(close()))
    task.add_done_callback(simulator.later.discard)


async def _agent_read(request: web.Request) -> web.Response:
    """The visitor's newest message was read, or seen, by the agent."""
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread, now = _thread_with_contact(simulator, body), now_ms()
    what = body.get("what", "read")
    inbound = [message for message in thread.messages if message.direction == "inbound"]
    if what not in ("read", "seen") or not inbound:
        raise bad_request("what: expected read or seen, of a thread in which the visitor has written")
    if what == "read":
        inbound[-1].read_at = now
    else:
        inbound[-1].seen_at = now
    event_type = "MessageReadChanged" if what == "read" else "MessageSeenChanged"
    event = frames_out.message_changed(simulator.place_of(thread), thread, inbound[-1], event_type, now)
    return await _tell(simulator, thread, what, event)


async def _queue_position(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread, position = _thread_with_contact(simulator, body), body.get("position")
    if not isinstance(position, int) or position < 0:
        raise bad_request("position: expected a whole number from 0 up")
    agent_online = _flag(body, "agent_online", True)
    names_thread = simulator.settings_of(thread.visitor_id).queue_position_names == "thread"
    event = frames_out.position_in_queue(thread, position, agent_online, now_ms(), names_thread=names_thread)
    return await _tell(simulator, thread, "queue-position", event)


async def _close_contact(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread, now = _thread_with_contact(simulator, body), now_ms()
    contact = thread.close_contact(now)
    if contact is None:
        raise bad_request("thread_id: its contact is closed already")
    with_id = _flag(body, "with_id", True)
    event = frames_out.contact_status(simulator.place_of(thread), thread, contact, now, with_id=with_id)
    return await _tell(simulator, thread, "close-contact", event)


async def _reopen_contact(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread = _thread_with_contact(simulator, body)
    if thread.contact is None or thread.contact.open:
        raise bad_request("thread_id: its contact is not closed")
    thread.contact.reopen("open")
    event = frames_out.contact_status(simulator.place_of(thread), thread, thread.contact, now_ms(), with_id=True)
    return await _tell(simulator, thread, "reopen-contact", event)


async def _end_thread(request: web.Request) -> web.Response:
    """It takes no more messages from now on; nobody is told before the next look."""
    simulator, body = request.app[SIMULATOR], await json_body(request)
    thread = _thread_with_contact(simulator, body)
    thread.takes_more = False
    return await _tell(simulator, thread, "end-thread")


async def _tell(simulator: Simulator, thread: Thread, what: str, *events: Frame, **fields: Any) -> web.Response:
    """Record what the agent did, and send its events on the customer's sockets."""
    simulator.note("agent", what=what, thread_id=thread.thread_id, visitor_id=thread.visitor_id, **fields)
    sockets = await simulator.push(thread.customer_id, *events)
    return web.json_response({"sockets": sockets} | fields)


def _attachments(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not all(
        isinstance(file, dict) and {"url", "friendlyName"} <= file.keys() <= {"url", "friendlyName", "mimeType"}
        for file in value
    ):
        raise bad_request("attachments: expected a list of objects with url, friendlyName and perhaps mimeType")
    return value


def _content(body: dict[str, Any]) -> dict[str, Any]:
    """An agent's `messageContent`: text, or another type with a payload and a fallback text."""
    kind, text, payload = body.get("type", "TEXT"), body.get("text"), body.get("payload")
    if not isinstance(text, str) or not isinstance(kind, str):
        raise bad_request("text, type: expected strings")
    if kind == "TEXT":
        return {"type": kind, "payload": {"text": text}, "text": text}
    if not isinstance(payload, dict):
        raise bad_request(f"payload: expected an object for {kind}")
    return {"type": kind, "payload": payload, "text": text, "fallbackText": text}


# Breaking things


async def _push(request: web.Request) -> web.Response:
    """Send an arbitrary text frame on a visitor's sockets."""
    simulator, body = request.app[SIMULATOR], await json_body(request)
    if not isinstance(body.get("text"), str):
        raise bad_request("text: expected a string")
    sockets = _sockets(simulator, _visitor_id(simulator, body))
    sent = [await socket.send(body["text"]) for socket in sockets]
    return web.json_response({"sockets": sum(sent)})


async def _add_code(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    code, customer_id = body.get("code"), body.get("customer_id")
    if not isinstance(code, str) or not isinstance(customer_id, str):
        raise bad_request("code, customer_id: expected strings")
    verifier = body.get("verifier", "")
    if not isinstance(verifier, str):
        raise bad_request("verifier: expected a string")
    simulator.codes[code] = AuthorizationCode(customer_id, _flag(body, "single_use", False), verifier)
    return web.json_response({})


async def _revoke_tokens(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    visitor_id = _visitor_id(simulator, body) if "visitor_id" in body else None
    if visitor_id is None:
        simulator.tokens.revoke_all()
    else:
        simulator.tokens.revoke_of(lambda owner: owner.visitor_id == visitor_id)
    simulator.note("control", what="revoke-tokens", visitor_id=visitor_id)
    return web.json_response({})


async def _drop_sockets(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await json_body(request)
    how, code = body.get("how"), body.get("code", GOING_AWAY)
    if how not in ("close", "reset", "silent"):
        raise bad_request("how: expected close, reset or silent")
    if not isinstance(code, int) or not 1000 <= code <= 4999:
        raise bad_request("code: expected a close code")
    visitor_id = _visitor_id(simulator, body) if "visitor_id" in body else None
    sockets = _sockets(simulator, visitor_id)
    simulator.note("control", what="drop-sockets", how=how, visitor_id=visitor_id)
    await _drop(sockets, how, code)
    return web.json_response({"sockets": len(sockets)})


async def _reset(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    await close_all_sockets(simulator)
    simulator.forget_everything()
    simulator.note("control", what="reset")
    return web.json_response({"next": simulator.events.last})


async def _drop(sockets: Iterable[Socket], how: str, code: int) -> None:
    if how == "close":
        await asyncio.gather(*(socket.close(code) for socket in sockets))
    for socket in sockets:
        if how == "reset":
            socket.reset()
        elif how == "silent":
            socket.go_silent()


def _sockets(simulator: Simulator, visitor_id: str | None) -> list[Socket]:
    """The open sockets of a visitor; for None everybody's."""
    visitors = simulator.visitors.values() if visitor_id is None else [simulator.visitors[visitor_id]]
    return [socket for visitor in visitors for socket in visitor.sockets]


def _visitor_id(simulator: Simulator, body: dict[str, Any]) -> str:
    visitor_id = body.get("visitor_id")
    if visitor_id not in simulator.visitors:
        raise not_found("visitor_id: no such visitor; GET /_control/visitors lists them")
    return str(visitor_id)


def _thread_with_contact(simulator: Simulator, body: dict[str, Any]) -> Thread:
    thread = simulator.desk.threads.get(str(body.get("thread_id")))
    if thread is None or thread.contact is None:
        raise not_found("thread_id: no such thread; GET /_control/threads lists them")
    return thread


def _agent(value: Any) -> Agent | None:
    if value is None:
        return None
    names = ("first_name", "surname", "nickname")
    if not isinstance(value, dict) or value.keys() != set(names):
        raise bad_request(f"agent: expected null or an object with {', '.join(names)}")
    return Agent(*(str(value[name]) for name in names))


def _flag(body: dict[str, Any], name: str, default: bool | None = None) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise bad_request(f"{name}: expected true or false")
    return value
