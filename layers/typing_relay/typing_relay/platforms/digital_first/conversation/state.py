"""What a conversation remembers from one happening to the next, in parts. Times are epoch ms.

Each part is written by the file of its name alone; whoever wants it changed tells that file what has happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first.conversation.policy import ConversationPolicy
from typing_relay.platforms.digital_first.files import Files
from typing_relay.platforms.digital_first.frames_in import Contact, ThreadMessage
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


class Stage(Enum):
    """Where a conversation stands. The table in ``conversation/__init__.py`` says what leads from one to another."""

    CLOSED = "closed"
    #: The customer is being authorized on the socket.
    AUTHORIZING = "authorizing"
    #: The thread is being looked for.
    LOOKING = "looking"
    #: Messages are sent. There is no contact.
    READY = "ready"
    #: So is typing.
    IN_CONTACT = "in contact"
    STOPPED = "stopped"


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
    #: How many threads were begun for it.
    threads: int = 0
    behind_ms: int = 0

    def ends_at(self, policy: ConversationPolicy) -> int:
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
    left: tuple[ThreadMessage, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Untold:
    """A message that the visitor is to be told, once it is whole, or at ``until``; of those that wait only the first is
    asked for. ``event``: what told of it; None: a look.

    ``asked``: for a token, on this socket. ``fetch`` names what is being fetched, ``fetches`` how often it was tried.
    """

    message: ThreadMessage
    event: frames_in.Event | None = field(repr=False)
    until: int
    asked: Asked | None = None
    fetch: str = ""
    fetches: int = 0
    retry_at: int = 0


# --- the parts


@dataclass(frozen=True)
class Socket:
    """The socket to the gateway, and what is sent on it."""

    doing: Doing = Doing.CLOSED
    heard_at: int = 0
    heartbeat_at: int = 0
    #: Heartbeats on this socket whose answers have not come.
    pongs_due: int = 0
    #: What was spent of ``ConversationPolicy.frames`` (epoch ms).
    frames_until: int = 0
    #: Requests so far, on all sockets: their ids are made of it.
    requests: int = 0


@dataclass(frozen=True)
class Access:
    """Who the visitor is, and by which tokens."""

    visitor: Visitor
    #: For agents.
    profile: Profile = NOTHING_SAID
    token_until: int = 0
    #: A third party has signed the visitor in: messages carry its token. When another sign-in is due; None: it is not
    #: asked for before the token ends. The token is a page's, which may not have another one.
    third_party_token: str = field(default="", repr=False)
    sign_in_at: int | None = None
    by_page: bool = False
    #: The customer is being authorized on this socket: before anything else is sent. Then the consumer's token, when it
    #: is renewed, and the request for it.
    registering: Asked | None = None
    consumer_token: str = field(default="", repr=False)
    refresh_at: int | None = None
    refreshing: Asked | None = None


@dataclass(frozen=True)
class Thread:
    """The thread, and the look for it."""

    thread_id: str
    #: The next message begins a new one.
    is_over: bool = False
    #: It has been looked for on this socket.
    ready: bool = False
    looking: Asked | None = None
    #: How many times in a row the gateway could not look.
    looks_failed: int = 0
    #: Events about messages that came before it was looked for: what was missed before them is told first.
    held: tuple[frames_in.Event, ...] = field(default=(), repr=False)
    #: What a keeper before has told of contact and agent is not known: it is told anew, whatever the first look finds.
    tells_anew: bool = False


@dataclass(frozen=True)
class Contacts:
    """The contact that is open, and the one before."""

    #: Known to be open on this socket; None: there is none.
    open: Contact | None = None
    #: Which custom fields were said of it on this socket.
    fields_said: frames_out.Fields = field(default=(), repr=False)
    closed_id: str = ""
    #: When that was closed, by the gateway's clock; 0: not known.
    closed_at: int = 0
    #: The visitor was last told that one is open.
    told: bool = False
    #: Until then a message that was taken while there was none may open one.
    opening_until: int = 0


@dataclass(frozen=True)
class Agents:
    """Who has the conversation, who of the agents types, and the visitor's place in their queue."""

    typing: AgentsTyping = NOBODY
    #: Who, as the visitor was last told.
    told: Agent | None = None
    #: The place, as the visitor was told it of this contact and on this socket.
    position_told: int | None = None
    #: The newest place, in a contact that is not known yet.
    position_held: frames_in.Event | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Shown:
    """Typing that was sent, and what the agent perhaps sees."""

    #: The agent perhaps sees typing: it was sent by us, or by a keeper before.
    perhaps_shown: bool = True
    #: Until then what was sent on a socket before may come to be shown, whatever is sent on this one.
    in_flight_until: int = 0
    unproven: tuple[Unproven, ...] = ()


@dataclass(frozen=True)
class Outgoing:
    """The visitor's messages."""

    queue: tuple[Queued, ...] = ()
    #: The first of the queue is on its way.
    sending: Asked | None = None
    #: None is sent before.
    retry_at: int = 0
    #: The newest that the gateway took, by id.
    taken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Incoming:
    """Messages to the visitor."""

    #: What the gateway created before is known to the visitor (by the gateway's clock).
    told_before: int = 0
    #: The messages that the visitor knows of, by id.
    told: tuple[str, ...] = ()
    #: When the newest of them was created; with the last of ``told`` what a next keeper needs to know.
    newest_at: int = 0
    #: Those that wait to be told until the first of them is whole.
    untold: tuple[Untold, ...] = field(default=(), repr=False)
    #: How many were fetched so far: what is fetched is named after it.
    fetches: int = 0

    @property
    def newest(self) -> str:
        """The id; '': there is none."""
        return self.told[-1] if self.told else ""


@dataclass(frozen=True)
class Seen:
    """Which messages the visitor has seen."""

    #: The newest message of which it was said on this socket that it was seen, and whether it is to be said again.
    said: str | None = None
    due: bool = False
    #: The newest message when that was last said, on any socket; and how many of agents' since have not been seen.
    to: str = ""
    unread: int = 0


@dataclass(frozen=True)
class History:
    """Earlier messages that front ends ask for."""

    #: Before which messages they want to see others, oldest wish first; the first of these is on its way.
    due: tuple[str, ...] = ()
    asked: Asked | None = None
    pages: tuple[Page, ...] = field(default=(), repr=False)

    @property
    def on_its_way(self) -> Asked | None:
        """One that is not asked for by a look, which has a time limit of its own."""
        return self.asked if self.due and self.due[0] else None


@dataclass(frozen=True)
class Ending:
    """The visitor ends the contact."""

    #: Which ('': whichever is found open); None: none.
    of: str | None = None
    #: It is on its way to be ended.
    asked: Asked | None = None


@dataclass(frozen=True)
class Transcript:
    """A transcript that was asked for."""

    asked: Asked | None = None
    #: What was spent of ``ConversationPolicy.transcripts`` (epoch ms).
    spent_until: int = 0


@dataclass(frozen=True)
class CatchUp:
    """What a front end is told when it connects."""

    #: One has connected and been told nothing yet.
    due: bool = False
    #: Nothing is told again before then.
    at: int = 0
    #: Which files the visitor may send; None: not known.
    files: Files | None = None


@dataclass(frozen=True)
class Conversation:
    """The state; made by ``machine.begin``."""

    channel: Channel
    livechat: bool
    #: Ids of requests are made of this.
    seed: str
    access: Access
    thread: Thread
    incoming: Incoming
    shown: Shown
    socket: Socket = Socket()
    contacts: Contacts = Contacts()
    agents: Agents = Agents()
    outgoing: Outgoing = Outgoing()
    seen: Seen = Seen()
    history: History = History()
    ending: Ending = Ending()
    transcript: Transcript = Transcript()
    catch_up: CatchUp = CatchUp()
