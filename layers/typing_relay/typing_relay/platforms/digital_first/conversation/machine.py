"""A conversation begins, and goes on by what happens."""

from __future__ import annotations

from typing_relay.platforms.digital_first.conversation import (
    access,
    agents,
    catch_up,
    contacts,
    ending,
    happenings,
    hearing,
    history,
    incoming,
    outgoing,
    seen,
    shown,
    socket_life,
    transcript,
)
from typing_relay.platforms.digital_first.conversation.actions import Action
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.conversation.state import (
    Access,
    Conversation,
    Doing,
    Incoming,
    Shown,
    Thread,
)
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.platforms.digital_first.identity import Channel, Visitor

Step = tuple[Conversation, tuple[Action, ...]]


def begin(
    channel: Channel,
    visitor: Visitor,
    thread_id: str,
    *,
    livechat: bool,
    seed: str,
    newest_at: int = 0,
    told: tuple[str, ...] = (),
    in_flight_until: int = 0,
    tells_anew: bool = False,
) -> Conversation:
    """A conversation without a socket.

    ``thread_id``: a uuid, new for a new session, else the record's. ``seed``: random, never used before.
    ``newest_at``, ``told``: of the conversation as the keeper before left it, as far as they are known; they keep
    old messages from being told again. ``in_flight_until``: until then what a keeper before sent may still be taken.
    ``tells_anew``: a keeper before has told the visitor something of contact and agent.
    """
    return Conversation(
        channel,
        livechat,
        seed,
        access=Access(visitor),
        thread=Thread(thread_id, tells_anew=tells_anew),
        incoming=Incoming(told_before=newest_at, told=told, newest_at=newest_at),
        shown=Shown(in_flight_until=in_flight_until),
    )


def step(conversation: Conversation, happening: happenings.Happening, now: int, policy: ConversationPolicy) -> Step:
    """What ``happening`` changes and asks for."""
    turn = Turn(conversation, now, policy)
    _take(turn, happening)
    _go_on(turn)
    return turn.conversation(), tuple(turn.actions)


def _take(turn: Turn, happening: happenings.Happening) -> None:  # noqa: C901  # a table
    """What has happened."""
    match happening:
        case happenings.Admitted():
            access.admitted(turn, happening)
        case happenings.ProfileKnown(profile):
            access.profile_known(turn, profile)
        case happenings.FilesKnown(files):
            catch_up.files_known(turn, files)
        case happenings.Opened(register_as):
            socket_life.opened(turn, register_as)
        case happenings.Heard(text):
            hearing.heard(turn, text)
        case happenings.Fetched(text):
            hearing.fetched(turn, text)
        case happenings.NotFetched():
            hearing.not_fetched(turn)
        case happenings.RestFetched():
            incoming.rest_fetched(turn, happening)
        case happenings.RestNotFetched(name):
            incoming.rest_not_fetched(turn, name)
        case happenings.Lost():
            socket_life.lost(turn)
        case happenings.TypingWanted(typing, ticket):
            shown.wanted(turn, typing, ticket)
        case happenings.MessageWanted():
            outgoing.wanted(turn, happening)
        case happenings.MessageSettled(message_id):
            outgoing.settled(turn, message_id)
        case happenings.SeenWanted():
            seen.wanted(turn)
        case happenings.Greeted():
            catch_up.greeted(turn)
        case happenings.EndWanted():
            ending.wanted(turn)
        case happenings.HistoryWanted(before):
            history.wanted(turn, before)
        case happenings.TranscriptWanted(email):
            transcript.wanted(turn, email)
        case happenings.Woke():
            pass  # _go_on looks at the time


def _go_on(turn: Turn) -> None:
    """What is due now, whatever has happened."""
    outgoing.expire(turn)
    access.ask_for_sign_in(turn)
    agents.typing_runs_out(turn)
    incoming.read_on(turn)
    if turn.socket.doing is Doing.OPEN:
        socket_life.look_after(turn)
    if turn.socket.doing is Doing.OPEN:
        contacts.say_fields(turn)
        outgoing.send_next(turn)
        ending.say(turn)
        history.ask_next(turn)
        seen.say(turn)
        catch_up.tell(turn)
