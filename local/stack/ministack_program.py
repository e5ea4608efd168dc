"""`python -m local.stack.ministack_program`: MiniStack, and what the local stack needs in addition.

- It notes each invocation of a function that fails. On AWS, Lambda writes such a failure to the function's log and
  counts it. MiniStack writes it to no log when the function was called by a frame of a WebSocket. Here each is a line
  of JSON in the file that FAILURES_LOG names.
- It keeps what each invocation logged, in the file that FUNCTIONS_LOG names: on AWS it is in the function's log group;
  MiniStack writes nothing there of a function that was called by a frame.
- It notes which calls the template's roles were granted, and which they were refused: in the file that PERMISSIONS_LOG
  names.
- It passes on the subprotocol that the `$connect` integration chose, as API Gateway does. Without it a browser that
  offered subprotocols ends the connection.
- `/live` is the visitors' API, so that its address is the same each time if the port is: an API's id is not.
- It refuses what pages of other sites send. MiniStack checks no signature and allows every origin: a page could create
  a function that runs as the user. A page may open a WebSocket to an API, where the product's own door asks for a
  visitor token and judges the origin, as on AWS; to anything else only a page of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import ministack.app as emulator
from ministack.core import iam_evaluator
from ministack.core.lambda_runtime import Worker
from ministack.services import apigateway

from local.stack.callers import comes_from_a_page, is_own_host, is_own_origin
from local.stack.failures import Failure, note
from local.stack.permissions import Call, Noted

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_SOCKETS = "/_aws/execute-api/"
#: The visitors' API: the one that is named as the stack.
_VISITORS, _VISITORS_API = "/live", "typing-relay"
_enforce, _evaluate = iam_evaluator.enforce, iam_evaluator.evaluate
_invoke = Worker.invoke
_invoke_route = apigateway._invoke_ws_lambda
_app = emulator.app
#: The subprotocol that was chosen for the handshake of this task.
_chosen: ContextVar[str | None] = ContextVar("chosen", default=None)
#: What policies were asked in the check of this task.
_asked: ContextVar[list[iam_evaluator.EvalContext]] = ContextVar("asked")


def _invoke_and_note(worker: Any, *arguments: Any, **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = _invoke(worker, *arguments, **more)
    if result.get("log"):
        with Path(os.environ["FUNCTIONS_LOG"]).open("a") as log:
            log.write(result["log"].rstrip() + "\n")
    if result.get("status") == "error":
        error = str(result.get("error") or "no error was named")
        note(Path(os.environ["FAILURES_LOG"]), Failure.now(worker.func_name, error, result.get("trace", "")))
    return result


def _evaluate_and_remember(context: iam_evaluator.EvalContext, *policies: Any) -> iam_evaluator.EvalResult:
    _asked.set([*_asked.get(), context])
    return _evaluate(context, *policies)


def _enforcing_for(calls: Noted) -> Callable[..., Any]:
    def enforce(*arguments: Any, **more: Any) -> Any:
        _asked.set([])
        refusal = _enforce(*arguments, **more)
        for asked in _asked.get()[:1]:  # what follows is about the resource's own policy
            if asked.principal_type == "AssumedRole":
                calls.note(Call.of(asked.principal_arn, asked.action, asked.resource_arn, granted=refusal is None))
        return refusal

    return enforce


async def _invoke_route_and_remember(*arguments: Any, **more: Any) -> dict[str, Any] | None:
    answer: dict[str, Any] | None = await _invoke_route(*arguments, **more)
    headers = {name.lower(): value for name, value in ((answer or {}).get("headers") or {}).items()}
    _chosen.set(headers.get("sec-websocket-protocol"))
    return answer


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    """The emulator's ASGI application, behind the check of who calls."""
    if scope["type"] == "lifespan":
        await _app(scope, receive, send)
    elif not _may_call(scope):
        await _refuse(scope, send)
    elif scope["type"] == "websocket":
        await _app(_by_api_id(scope), receive, _naming_the_chosen(send))
    else:
        await _app(scope, receive, send)


def _may_call(scope: Message) -> bool:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if not is_own_host(headers.get("host")):
        return False
    if scope["type"] == "websocket":
        return scope["path"] == _VISITORS or scope["path"].startswith(_SOCKETS) or is_own_origin(headers.get("origin"))
    return not comes_from_a_page(headers)


def _by_api_id(scope: Message) -> Message:
    if scope["path"] != _VISITORS:
        return scope
    api_id = next((key[-1] for key, api in apigateway._apis._data.items() if api["name"] == _VISITORS_API), "")
    path = f"{_SOCKETS}{api_id}{_VISITORS}"
    return {**scope, "path": path, "raw_path": path.encode()}


async def _refuse(scope: Message, send: Send) -> None:
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": f"{kind}.body", "body": b"This call came from a page of another site."})


def _naming_the_chosen(send: Send) -> Send:
    async def send_on(message: Message) -> None:
        if message["type"] == "websocket.accept" and (chosen := _chosen.get()):
            message = {**message, "subprotocol": chosen}
        await send(message)

    return send_on


if __name__ == "__main__":
    Worker.invoke = _invoke_and_note
    iam_evaluator.evaluate = _evaluate_and_remember
    iam_evaluator.enforce = _enforcing_for(Noted(Path(os.environ["PERMISSIONS_LOG"])))
    apigateway._invoke_ws_lambda = _invoke_route_and_remember
    emulator.app = app
    emulator.main()
