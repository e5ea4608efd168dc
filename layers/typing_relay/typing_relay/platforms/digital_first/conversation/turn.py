"""One step of a conversation: the parts as they change, and what is to be done."""

from __future__ import annotations

from typing_relay.platforms.digital_first.conversation.actions import Action
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.conversation.state import Conversation, Doing, Stage
from typing_relay.relay.value import changed


class Turn:
    """Everybody reads each part; it is written by the file of its name alone."""

    def __init__(self, conversation: Conversation, now: int, policy: ConversationPolicy) -> None:
        self.now, self.policy, self._before = now, policy, conversation
        #: In order.
        self.actions: list[Action] = []
        self.channel, self.livechat, self.seed = conversation.channel, conversation.livechat, conversation.seed
        self.socket = conversation.socket
        self.access = conversation.access
        self.thread = conversation.thread
        self.contacts = conversation.contacts
        self.agents = conversation.agents
        self.shown = conversation.shown
        self.outgoing = conversation.outgoing
        self.incoming = conversation.incoming
        self.seen = conversation.seen
        self.history = conversation.history
        self.ending = conversation.ending
        self.transcript = conversation.transcript
        self.catch_up = conversation.catch_up

    def do(self, action: Action) -> None:
        """After what is to be done already."""
        self.actions.append(action)

    def conversation(self) -> Conversation:
        """As it stands."""
        return changed(
            self._before,
            socket=self.socket,
            access=self.access,
            thread=self.thread,
            contacts=self.contacts,
            agents=self.agents,
            shown=self.shown,
            outgoing=self.outgoing,
            incoming=self.incoming,
            seen=self.seen,
            history=self.history,
            ending=self.ending,
            transcript=self.transcript,
            catch_up=self.catch_up,
        )


def stage_of(parts: Turn | Conversation) -> Stage:
    """Where the conversation stands."""
    if parts.socket.doing is not Doing.OPEN:
        return Stage.STOPPED if parts.socket.doing is Doing.STOPPED else Stage.CLOSED
    if parts.access.registering:
        return Stage.AUTHORIZING
    if not parts.thread.ready:
        return Stage.LOOKING
    return Stage.IN_CONTACT if parts.contacts.open else Stage.READY
