"""What the gateway may say: the typed values that its frames become (``parsing.frames``). Pure.

No repr contains what was written or who wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from typing_relay.platforms.shared.agents_typing import SOMEBODY, Agent
from typing_relay.relay.ports import Attachment

CLOSED = "closed"
#: A contact with one of these takes no more typing.
OVER = (CLOSED, "trashed")


class NotAFrame(ValueError):
    """Not a frame that the gateway is known to send. The message names what is missing, and quotes nothing."""


# --- what frames speak of


@dataclass(frozen=True, slots=True)
class Contact:
    """What agents work on (the gateway calls it a case). Either field may be absent: ''."""

    contact_id: str
    status: str = ""

    @property
    def is_open(self) -> bool:
        """Whether an agent can still see it."""
        return self.status not in OVER


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a message offers. ``postback``: what goes back with the text, if anything does."""

    text: str = field(repr=False)
    postback: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """A message of the thread; ``message_id`` is the id that its sender chose. ``at``: epoch ms, if known.

    ``choices``: the answers that it offers, in order; ``answer_by`` (epoch ms): the chat ends without one, if known.
    ``is_part``: there is more of it than this, to be had by ``server_id``, the gateway's own id, or from
    ``stream_url``, where it is still being written; without either nobody can get it.
    """

    message_id: str
    from_agent: bool
    at: int | None
    text: str = field(repr=False)
    author: str | None = field(repr=False)
    frame: dict[str, Any] = field(repr=False, compare=False)
    choices: tuple[Choice, ...] = ()
    answer_by: int | None = None
    author_id: str = field(default="", repr=False)
    is_part: bool = False
    server_id: str = ""
    stream_url: str = field(default="", repr=False)
    #: The visitor has seen it, as far as the gateway knows.
    is_seen: bool = False
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    @property
    def agent(self) -> Agent:
        """Who wrote it, where an agent did."""
        return Agent(self.author_id, self.author)


# --- answers


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a heartbeat."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The connection is authorized (legacy flow)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The request of this id was accepted."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A request was refused; without an id it may be any request that can get this code."""

    code: str
    event_id: str | None


@dataclass(frozen=True, slots=True)
class FrameLost:
    """API Gateway's own error, which names no request: whether a frame that was sent was taken is unknown."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The thread that was looked for, with its newest messages, oldest first; ``is_whole``: these are all of them.

    ``takes_more``: a message may still be sent in it.
    """

    event_id: str
    thread_id: str
    messages: tuple[ThreadMessage, ...]
    is_whole: bool
    contact: Contact | None
    agent: Agent | None
    takes_more: bool = True
    #: For the page before; '': there is none. When the oldest of these messages was created, as the gateway writes it.
    scroll_token: str = field(default="", repr=False)
    oldest_at: str = ""


@dataclass(frozen=True, slots=True)
class MoreMessages:
    """A page of earlier messages, oldest first; the rest as in ``Recovered``."""

    event_id: str
    messages: tuple[ThreadMessage, ...]
    scroll_token: str = field(default="", repr=False)
    oldest_at: str = ""


@dataclass(frozen=True, slots=True)
class NothingThere:
    """The look found no thread: current tenants answer it with a result that has nothing in it, not with an error.

    ``is_empty``: it has nothing else in it either; if not, nobody knows what it means.
    """

    event_id: str
    is_empty: bool = True


@dataclass(frozen=True, slots=True)
class ConsumerToken:
    """The answer that authorizes a customer on a socket, or renews that. ``expires_s``: how long the token is good for;
    ``customer_id``: as the gateway knows the customer; '': as it was named."""

    event_id: str
    token: str = field(repr=False)
    expires_s: int
    customer_id: str = ""


@dataclass(frozen=True, slots=True)
class UrlToken:
    """A bearer token for one path of the chat host, as it was asked for."""

    event_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """Another result of a request. It is not passed on, as it may contain a token."""

    event_id: str
    event_type: str


# --- events


@dataclass(frozen=True, slots=True)
class CaseCreated:
    """A contact has begun."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class CaseStatusChanged:
    """A contact's status changed; its id may be absent. ``at``: when (epoch ms), if known."""

    contact: Contact
    at: int | None = None


@dataclass(frozen=True, slots=True)
class MessageCreated:
    """Somebody, the visitor included, has sent this message. ``contact``: the one it is part of, if that is named."""

    message: ThreadMessage
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class AgentTyping:
    """This agent has started or stopped typing."""

    typing: bool
    agent: Agent = SOMEBODY


@dataclass(frozen=True, slots=True)
class Echo:
    """This visitor's own typing, sent back by the gateway."""


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """The agent who has the contact; None: nobody has it."""

    agent: Agent | None


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The contact's position in the queue for an agent."""

    position: int


@dataclass(frozen=True, slots=True)
class MessageRead:
    """An agent has read this message of the visitor's; None: the frame names none."""

    message_id: str | None


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """This message has been seen; None: the frame names none."""

    message_id: str | None


@dataclass(frozen=True, slots=True)
class ThreadArchived:
    """The thread is over."""


@dataclass(frozen=True, slots=True)
class EventInS3:
    """An event of this kind that is too large for a frame and must be fetched. The URL may contain a signature."""

    kind: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that the relay does not interpret; ``why``, if its kind is known: what is wrong with it."""

    event_type: str
    why: str = ""


What = (
    CaseCreated
    | CaseStatusChanged
    | MessageCreated
    | AgentTyping
    | Echo
    | AgentChanged
    | QueuePosition
    | MessageRead
    | MessageSeen
    | ThreadArchived
    | EventInS3
    | Unknown
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something has happened in this thread, to this contact ('': the frame names none).

    ``frame`` is the frame, unchanged. ``at``: when, by the gateway's clock (epoch ms), if it says.
    """

    thread_id: str
    what: What
    frame: dict[str, Any] = field(repr=False, compare=False)
    contact_id: str = ""
    at: int | None = field(default=None, compare=False)


Frame = (
    Pong
    | Authorized
    | Answer
    | Failure
    | FrameLost
    | Recovered
    | MoreMessages
    | NothingThere
    | ConsumerToken
    | UrlToken
    | Result
    | Event
)
