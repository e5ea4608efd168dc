"""What agents see: customers' threads, their contacts and messages, and who is shown typing. Pure, no network."""

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["inbound", "outbound"]  # from the visitor, from the agent


@dataclass
class Agent:
    """Who works on a contact."""

    first_name: str
    surname: str
    nickname: str


@dataclass
class Contact:
    """What agents work on: it begins with a message and is closed by an agent or the visitor."""

    contact_id: str
    created_at: float  # epoch ms, like all times here
    status: str = "new"
    closed_at: float | None = None
    #: Custom fields by ident. A contact that was closed has none any more.
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it is not closed yet."""
        return self.closed_at is None

    def close(self, now: float) -> None:
        """Mark it as closed."""
        self.status, self.closed_at = "closed", now
        self.fields.clear()

    def reopen(self, status: str) -> None:
        """Mark it as open, with this status."""
        self.status, self.closed_at = status, None


@dataclass
class Message:
    """One message of a thread. `content` is its `messageContent`, as in frames."""

    message_id: str
    id_on_external_platform: str
    direction: Direction
    content: dict[str, Any]
    created_at: float
    author: Agent | None = None
    more_content: bool = False  # `messageContent` holds a part only, the rest is to be fetched
    cut_after: int | None = None  # characters of that part's text
    stream: str = ""  # what is said is to be read elsewhere, piece by piece
    read_at: float | None = None
    seen_at: float | None = None
    attachments: list[dict[str, str]] = field(default_factory=list)  # url, friendlyName, perhaps mimeType


@dataclass(frozen=True)
class File:
    """What somebody has uploaded."""

    name: str
    mime_type: str
    content: bytes


@dataclass
class Thread:
    """A conversation, its id chosen by the client."""

    thread_id: str
    customer_id: str
    visitor_id: str
    contact: Contact | None = None
    agent: Agent | None = None
    archived: bool = False
    takes_more: bool = True  # messages
    channel_id: str = ""
    customer_names: tuple[str, str] = ("", "")  # first and last
    messages: list[Message] = field(default_factory=list)  # oldest first
    transcripts: list[str] = field(default_factory=list)  # e-mail addresses that they were sent to
    typing_changes: list[tuple[float, bool]] = field(default_factory=list)  # as shown to the agent: when, what

    @property
    def open_contact(self) -> Contact | None:
        """The contact, if there is one and it is open."""
        return self.contact if self.contact and self.contact.open else None

    @property
    def typing(self) -> bool:
        """Whether the agent is shown that the visitor types."""
        return bool(self.typing_changes) and self.typing_changes[-1][1]

    def show_typing(self, typing: bool, now: float) -> None:
        """Show the agent this from now on."""
        if typing != self.typing:
            self.typing_changes.append((now, typing))

    def close_contact(self, now: float) -> Contact | None:
        """Close the contact and end the typing. Returns the contact; None when none was open."""
        contact = self.open_contact
        if contact:
            contact.close(now)
            self.show_typing(False, now)
        return contact

    def as_json(self) -> dict[str, Any]:
        """The agent's view, as the controls show it."""
        return {
            "thread_id": self.thread_id,
            "customer_id": self.customer_id,
            "customer_name": " ".join(filter(None, self.customer_names)),
            "visitor_id": self.visitor_id,
            "archived": self.archived,
            "channel_id": self.channel_id,
            "contact": self.contact
            and {"id": self.contact.contact_id, "status": self.contact.status, "fields": self.contact.fields},
            "agent": self.agent and self.agent.__dict__,
            "typing": self.typing,
            "transcripts": self.transcripts,
            "typing_changes": self.typing_changes,
            "messages": [
                {
                    "id": message.message_id,
                    "id_on_external_platform": message.id_on_external_platform,
                    "direction": message.direction,
                    "content": message.content,
                    "created_at": message.created_at,
                    "read_at": message.read_at,
                    "seen_at": message.seen_at,
                    "attachments": message.attachments,
                }
                for message in self.messages
            ],
        }


class Desk:
    """All threads since the start or the last reset, oldest first."""

    def __init__(self) -> None:
        self.threads: dict[str, Thread] = {}
        self._of_customer: dict[str, list[Thread]] = {}
        self._message_ids: set[str] = set()

    def thread_of(self, customer_id: str, thread_id: str) -> Thread | None:
        """The customer's thread of this id; None when it does not exist or is another customer's."""
        thread = self.threads.get(thread_id)
        return thread if thread and thread.customer_id == customer_id else None

    def is_anothers(self, thread_id: str | None, customer_id: str) -> bool:
        """Whether this is the thread of another customer."""
        return thread_id in self.threads and self.threads[thread_id].customer_id != customer_id

    def newest_of(self, customer_id: str) -> Thread | None:
        """The customer's newest thread that is not archived."""
        own = self._of_customer.get(customer_id, [])
        return next((thread for thread in reversed(own) if not thread.archived), None)

    def open_thread(self, thread_id: str, customer_id: str, visitor_id: str) -> Thread:
        """The thread of this id, created if necessary. The caller has checked that it is no other customer's."""
        if thread_id not in self.threads:
            thread = self.threads[thread_id] = Thread(thread_id, customer_id, visitor_id)
            self._of_customer.setdefault(customer_id, []).append(thread)
        return self.threads[thread_id]

    def has_message(self, id_on_external_platform: str) -> bool:
        """Whether a message of this id was ever accepted, in any thread."""
        return id_on_external_platform in self._message_ids

    def add_message(self, thread: Thread, message: Message) -> None:
        """Append the message to its thread."""
        self._message_ids.add(message.id_on_external_platform)
        thread.messages.append(message)


def new_id() -> str:
    """A new UUID."""
    return str(uuid.uuid4())
