"""Agents: who has the conversation, who of them types (T16), and the visitor's place in their queue."""

from __future__ import annotations

from typing_relay.platforms.digital_first import frames_in
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.conversation.actions import Tell
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.shared import visitor_events
from typing_relay.platforms.shared.agents_typing import NOBODY, Agent, AgentsTyping
from typing_relay.relay.value import changed


def has_it(turn: Turn, agent: Agent | None) -> None:
    """Who has the conversation. Another one in its place: who typed before does so no longer."""
    if agent is None or agent != turn.agents.told:
        _type(turn, turn.agents.typing.taken_over(agent))
        turn.agents = changed(turn.agents, position_told=None)
    turn.agents = changed(turn.agents, told=agent)


def typed(turn: Turn, what: frames_in.AgentTyping, at: int | None) -> None:
    """One began or stopped; the visitor is told by the event itself. ``at``: of the event."""
    turn.agents = changed(turn.agents, typing=_after(turn, what, at))


def _after(turn: Turn, what: frames_in.AgentTyping, at: int | None) -> AgentsTyping:
    """Without a contact nobody is known to be there who could type."""
    if not what.typing:
        return turn.agents.typing.stopped(what.agent, at, turn.now)
    is_doubtful = turn.thread.ready and turn.contacts.open is None
    life_ms = turn.policy.agent_typing_ms
    return turn.agents.typing.started(what.agent, at, turn.now, life_ms, is_doubtful=is_doubtful)


def wrote(turn: Turn, message: frames_in.ThreadMessage, at: int | None = None) -> None:
    """A message of an agent ends its typing. ``at``: of the event, whose clock is that of others."""
    if message.from_agent:
        _type(turn, turn.agents.typing.stopped(message.agent, at, turn.now))


def typing_runs_out(turn: Turn) -> None:
    """By itself, where nothing has renewed it."""
    if turn.agents.typing:
        _type(turn, turn.agents.typing.expired(turn.now))


def stopped(turn: Turn) -> None:
    """That an agent types was told, and nobody would say that it is over."""
    _type(turn, NOBODY)


def thread_changed(turn: Turn) -> None:
    """Nobody has the new one yet."""
    turn.agents = changed(turn.agents, told=None, position_held=None)


def socket_lost(turn: Turn) -> None:
    """What comes next may not be heard."""
    stopped(turn)
    turn.agents = changed(turn.agents, position_held=None)


def place_known(turn: Turn, position: int | None) -> None:
    """The visitor has been told its place in the queue; None: not in this contact."""
    turn.agents = changed(turn.agents, position_told=position)


def hold_place(turn: Turn, event: frames_in.Event) -> None:
    """Until it is known whose it is."""
    turn.agents = changed(turn.agents, position_held=event)
    tell_held_place(turn)


def tell_held_place(turn: Turn) -> None:
    """Once it is known whose it is."""
    held, contact = turn.agents.position_held, turn.contacts.open
    if not (held and contact):
        return
    turn.agents = changed(turn.agents, position_held=None)
    is_its = "" in (held.contact_id, contact.contact_id) or held.contact_id == contact.contact_id
    if is_its and isinstance(held.what, frames_in.QueuePosition):
        if frame := dfo_events.frame_of(held, turn.agents.typing):
            turn.do(Tell(frame))
        place_known(turn, held.what.position)


def _type(turn: Turn, typing: AgentsTyping) -> None:
    """The visitor is told if other agents type than before."""
    before = turn.agents.typing
    turn.agents = changed(turn.agents, typing=typing)
    if typing.agents != before.agents:
        turn.do(Tell(visitor_events.agent_typing(None, typing.agents)))
