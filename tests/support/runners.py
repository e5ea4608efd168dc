"""Runners in tests: of a store in memory, or a function's with something of it replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from typing_relay.relay.effects import Flow
from typing_relay.relay.runner import Handler, Runner


def with_handlers(runner: Runner, *handlers: Handler, **fields: Any) -> Runner:
    """``runner`` with these handlers in place of its own, and these fields."""
    return replace(runner, handlers={**runner.handlers, **dict(handlers)}, **fields)


def killed_after(runner: Runner, flow: Flow[Any], effects: int) -> bool:
    """Run ``flow`` until its process is killed, after this many effects. Returns whether it had not ended by then."""
    try:
        due = runner.advance(flow)
        for _ in range(effects):
            due = runner.advance(flow, runner.carry_out(due))
    except StopIteration:
        return False
    return True
