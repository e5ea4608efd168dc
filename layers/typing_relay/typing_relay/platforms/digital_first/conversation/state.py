"""What a conversation remembers from one happening to the next. Times are epoch ms."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first.conversation.policy import Policy
from typing_relay.platforms.digital_first.files import Files
from typing_relay.platforms.digital_first.frames_in import Contact, Message
from typing_relay.platforms.digital_first.identity import Channel, Visitor
from typing_relay.platforms.shared.agents_typing import NOBODY, Agent, AgentsTyping
from typing_relay.relay.ports import Attachment
from typing_relay.relay.profile import NOTHING_SAID, Profile


class Doing(Enum):
    """What there is between the relay and the gateway."""

    CLOSED = auto()
    OPEN = auto()
    #: The gateway will have none of it until an operator changes something.
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way: its id, when it left, and until when an answer is waited for. Without an id: to be asked
    then."""

    event_id: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Unproven:
    """Typing that was sent; ``pongs`` more prove that it arrived. ``ticket`` None: sent on nobody's behalf."""

    ticket: str | None
    typing: bool
    event_id: str
    until: int
    pongs: int
    #: A message that was sent after it has ended it.
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that waits. ``in_doubt``: it was sent at ``sent_at``, and nobody knows whether it was taken."""

    message_id: str
    text: str = field(repr=False)
    asked_at: int
    postback: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)
    sent_at: int = 0
    in_doubt: bool = False
    sends: int = 0
    refusals: int = 0
    #: So many threads were begun for it.
    threads: int = 0
    behind_ms: int = 0

    def ends_at(self, policy: Policy) -> int:
        """Until when it is delivered, by the clock of the rules."""
        return self.asked_at + self.behind_ms + policy.message_lifetime_ms


@dataclass(frozen=True, slots=True)
class Page:
    """Messages that were shown, the oldest of which is ``before``, and what gets those before them: the gateway's own
    words, or ``left``, which came with them and did not fit (oldest first). ``contact_id``: on live chat."""

    before: str
    thread_id: str
    contact_id: str
    scroll_token: str = field(repr=False)
    oldest_at: str
    left: tuple[Message, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Untold:
    """A message that the visitor is to be told, once it is whole, or at ``until``; of those that wait only the first is
    asked for. ``event``: what told of it; None: a look.

    ``asked``: for a token, on this socket. ``fetch`` names what is being fetched, ``fetches`` how often it was tried.
    """

    message: Message
    event: frames_in.Event | None = field(repr=False)
    until: int
    asked: Asked | None = None
    fetch: str = ""
    fetches: int = 0
    retry_at: int = 0


@dataclass(frozen=True)
class Conversation:
    """The state; made by ``begin``."""

    channel: Channel
    visitor: Visitor
    thread_id: str
    livechat: bool
    #: Ids of requests are made of this.
    seed: str
    #: What the gateway created before is known to the visitor (epoch ms, by the gateway's clock).
    told_before: int = 0
    #: The messages that the visitor knows of, by id.
    told: tuple[str, ...] = ()
    #: When the newest of them was created; with the last of ``told`` what a next keeper needs to know.
    newest_at: int = 0
    requests: int = 0
    fetches: int = 0
    doing: Doing = Doing.CLOSED
    #: The customer is being authorized on this socket: before anything else is sent. Then the consumer's token, when it
    #: is renewed, and the request for it.
    registering: Asked | None = None
    consumer_token: str = field(default="", repr=False)
    refresh_at: int | None = None
    refreshing: Asked | None = None
    #: The thread has been looked for on this socket.
    ready: bool = False
    looking: Asked | None = None
    #: So often in a row the gateway could not look.
    looks_failed: int = 0
    heard_at: int = 0
    heartbeat_at: int = 0
    #: Heartbeats on this socket whose answers have not come.
    pongs_due: int = 0
    #: The contact known to be open on this socket; None: there is none.
    contact: Contact | None = None
    closed_contact: str = ""
    #: When that was closed, by the gateway's clock; 0: not known.
    closed_at: int = 0
    #: The newest queue position, of a contact that is not known yet.
    queue_position: frames_in.Event | None = field(default=None, repr=False)
    #: What the visitor was last told of the contact, and of the agent.
    contact_told: bool = False
    agents_typing: AgentsTyping = NOBODY
    agent_told: Agent | None = None
    #: And of the place in the queue for an agent, of this contact and on this socket.
    position_told: int | None = None
    #: A front end has connected that was told nothing of these; and none is told all of it again before.
    catch_up_due: bool = False
    catch_up_at: int = 0
    #: What a keeper before has told of these is not known: it is told anew, whatever the first look finds.
    tells_anew: bool = False
    #: Events about messages that came before the thread was looked for: what was missed before them is told first.
    held: tuple[frames_in.Event, ...] = field(default=(), repr=False)
    #: Messages that wait to be told until the first of them is whole.
    untold: tuple[Untold, ...] = field(default=(), repr=False)
    #: The next message begins a new thread.
    thread_over: bool = False
    #: The agent may be shown typing: it was sent by us, or by a keeper before.
    may_show: bool = True
    #: Until then what was sent on a socket before may come to be shown, whatever is sent on this one.
    ghosts_until: int = 0
    unproven: tuple[Unproven, ...] = ()
    queue: tuple[Queued, ...] = ()
    #: The first of the queue is on its way.
    sending: Asked | None = None
    #: None is sent before.
    retry_at: int = 0
    #: What was spent of ``Policy.frames`` (epoch ms).
    frames_until: int = 0
    #: The newest message of which it was said on this socket that it was seen, and whether it is to be said again.
    seen_said: str | None = None
    seen_due: bool = False
    #: The newest message when that was last said, on any socket; and how many of agents' since have not been seen.
    seen_to: str = ""
    unread: int = 0
    taken: tuple[str, ...] = ()
    token_until: int = 0
    #: A third party has signed the visitor in: messages carry its token. When another sign-in is due; None: it is not
    #: asked for before the token ends. The token is a page's, which may not have another one.
    third_party_token: str = field(default="", repr=False)
    sign_in_at: int | None = None
    by_page: bool = False
    #: Who the visitor is, for agents; and which custom fields were said on this socket, of this contact.
    profile: Profile = NOTHING_SAID
    fields_said: frames_out.Fields = field(default=(), repr=False)
    #: Which files the visitor may send; None: not known.
    files: Files | None = None
    #: The contact that the visitor ends ('': whichever is found open); None: none. It is on its way to be ended.
    end_of: str | None = None
    ending: Asked | None = None
    #: A transcript that was asked for; and what was spent of ``Policy.transcripts`` (epoch ms).
    transcript: Asked | None = None
    transcripts_until: int = 0
    #: Until then a message that was taken while there was no contact may open one.
    opening_until: int = 0
    #: Before which messages front ends want to see others, oldest first; the first of these is on its way.
    history_due: tuple[str, ...] = ()
    history: Asked | None = None
    pages: tuple[Page, ...] = field(default=(), repr=False)
