"""Messages to the visitor: told in order, once each is whole. What a frame left out is fetched."""

from __future__ import annotations

from dataclasses import replace

from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.conversation import socket
from typing_relay.platforms.digital_first.conversation.actions import FetchMessage, FetchStream, Report, Tell
from typing_relay.platforms.digital_first.conversation.happenings import RestFetched
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.conversation.state import Conversation, Untold
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.digital_first.frames_in import NotAFrame, ThreadMessage
from typing_relay.platforms.digital_first.parsing.messages import whole
from typing_relay.platforms.digital_first.streamed import Stream
from typing_relay.relay.value import changed

#: This many ids of messages are remembered, so that none is told twice.
_REMEMBERED = 256


def known(turn: Turn, message: ThreadMessage) -> None:
    """The visitor knows of it from now on."""
    told = (*turn.incoming.told, message.message_id)[-_REMEMBERED:]
    turn.incoming = changed(turn.incoming, told=told, newest_at=max(turn.incoming.newest_at, message.at or 0))


def say(turn: Turn, message: ThreadMessage, event: frames_in.Event | None) -> None:
    """In order: behind those that are not whole yet. ``event``: what told of it; None: a look."""
    waiting = turn.incoming.untold
    if not waiting and not message.is_part:
        turn.do(Tell(dfo_events.said(event, message)))
        return
    turn.incoming = changed(turn.incoming, untold=(*waiting, Untold(message, event, turn.now + turn.policy.rest_ms)))
    if len(waiting) >= turn.policy.most_untold:
        _say_first(turn)


def read_on(turn: Turn) -> None:
    """Tell what is whole, or has waited long enough; ask for the rest of the first that is not."""
    while turn.incoming.untold:
        first = turn.incoming.untold[0]
        is_given_up = turn.now >= first.until or first.fetches >= turn.policy.most_fetches
        if first.message.is_part and first.message.stream_url == first.message.server_id == "":
            is_given_up = True
        if first.message.is_part and not is_given_up:
            break
        _say_first(turn)
    if turn.incoming.untold:
        _ask_for_rest(turn, turn.incoming.untold[0])


def _say_first(turn: Turn) -> None:
    first, *others = turn.incoming.untold
    if first.message.is_part:
        turn.do(Report("message_not_whole"))
    turn.incoming = changed(turn.incoming, untold=tuple(others))
    turn.do(Tell(dfo_events.said(first.event, first.message)))


def _ask_for_rest(turn: Turn, first: Untold) -> None:
    if first.asked and turn.now >= first.asked.until:
        no_rest(turn, "unanswered")
    elif first.asked or first.fetch or turn.now < first.retry_at:
        pass
    elif first.message.stream_url:
        turn.do(FetchStream(_fetch_begins(turn, first), Stream(first.message.stream_url, first.until)))
    elif turn.thread.ready and socket.may_send(turn):
        request = frames_out.generate_authorization_token(turn.thread.thread_id, _path(turn, first))
        _first_is(turn, replace(first, asked=socket.ask(turn, request)))


def _path(turn: Turn, first: Untold) -> str:
    return frames_out.message_path(turn.channel.brand_id, first.message.server_id)


def _fetch_begins(turn: Turn, first: Untold) -> str:
    name = f"{turn.seed}:{turn.incoming.fetches}"
    turn.incoming = changed(turn.incoming, fetches=turn.incoming.fetches + 1)
    _first_is(turn, replace(first, asked=None, fetch=name))
    return name


def is_about_rest(turn: Turn, event_id: str | None) -> bool:
    """A token for the first is on its way with this id."""
    first = turn.incoming.untold[0] if turn.incoming.untold else None
    return first is not None and first.asked is not None and first.asked.event_id == event_id


def fetch_rest(turn: Turn, token: str) -> None:
    """The token for it has come."""
    first = turn.incoming.untold[0]
    turn.do(FetchMessage(_fetch_begins(turn, first), _path(turn, first), token))


def rest_fetched(turn: Turn, fetched: RestFetched) -> None:
    """What comes too late was told without it."""
    first = turn.incoming.untold[0] if turn.incoming.untold else None
    if first is None or first.fetch != fetched.name:
        return
    if first.message.stream_url:
        is_said = fetched.is_whole or fetched.text != ""
        message = replace(first.message, text=fetched.text, is_part=not fetched.is_whole)
        tries = turn.policy.most_fetches if is_said else first.fetches  # what has come does not come again
        _first_is(turn, replace(first, message=message if is_said else first.message, fetches=tries))
        if not is_said:
            no_rest(turn, "nothing was written")
        return
    try:
        _first_is(turn, replace(first, message=whole(first.message, fetched.text)))
    except NotAFrame as bad:
        no_rest(turn, str(bad))


def rest_not_fetched(turn: Turn, name: str) -> None:
    """What was asked for under this name."""
    if turn.incoming.untold and turn.incoming.untold[0].fetch == name:
        no_rest(turn, "not fetched")


def frame_lost(turn: Turn) -> None:
    """It may have been the token."""
    if turn.incoming.untold and turn.incoming.untold[0].asked:
        no_rest(turn, "the gateway lost a frame")


def no_rest(turn: Turn, why: str) -> None:
    """It is asked for again, a few times."""
    first = turn.incoming.untold[0]
    turn.do(Report("rest_not_fetched", why))
    retry_at = turn.now + turn.policy.retry_ms * 2**first.fetches
    _first_is(turn, replace(first, asked=None, fetch="", fetches=first.fetches + 1, retry_at=retry_at))


def socket_lost(turn: Turn) -> None:
    """Tokens are asked for anew on the next one."""
    turn.incoming = changed(turn.incoming, untold=tuple(replace(one, asked=None) for one in turn.incoming.untold))


def rest_is_due(conversation: Conversation, policy: ConversationPolicy) -> list[int]:
    """When something is to be done about the first that is not whole."""
    if not conversation.incoming.untold:
        return []
    first = conversation.incoming.untold[0]
    if first.asked:
        return [first.until, first.asked.until]
    if first.fetch or not (first.message.stream_url or conversation.thread.ready):
        return [first.until]
    may_ask_at = 0 if first.message.stream_url else policy.frames.free_at(conversation.socket.frames_until)
    return [min(first.until, max(first.retry_at, may_ask_at))]


def _first_is(turn: Turn, first: Untold) -> None:
    turn.incoming = changed(turn.incoming, untold=(first, *turn.incoming.untold[1:]))
