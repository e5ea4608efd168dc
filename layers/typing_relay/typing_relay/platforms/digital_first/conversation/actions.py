"""What a conversation asks for, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from typing_relay.platforms.digital_first.streamed import Stream
from typing_relay.relay.outcomes import Kind, Outcome

#: Why a message was refused, for the visitor's page. ``unconfirmed``: it may have arrived all the same;
#: ``thread_closed``: neither its thread nor a new one takes messages; ``no_attachments``: its channel takes no files.
Reason = Literal["refused", "expired", "unconfirmed", "too_many", "unavailable", "thread_closed", "no_attachments"]
#: Why a socket is of no use any more.
Overdue = Literal["silent", "look_overdue", "message_overdue", "authorization_overdue", "not_authorized"]

#: How typing ends.
ACCEPTED = Outcome(Kind.ACCEPTED)
NOT_YET = Outcome(Kind.NOT_YET, reason="no contact is known to be open")
ENDED = Outcome(Kind.ENDED, reason="a message ended it")


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Send this text frame on the socket."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ready:
    """The thread has been looked for on this socket: messages can be sent."""


@dataclass(frozen=True, slots=True)
class ContactOpened:
    """From now on typing is shown, on this socket; what is wanted is to be sent (again)."""

    contact_id: str


@dataclass(frozen=True, slots=True)
class ContactClosed:
    """No typing any more, until a message opens another contact."""


@dataclass(frozen=True, slots=True)
class ShownUnknown:
    """What was accepted last need not be what the agent sees: what is wanted is to be sent again."""


@dataclass(frozen=True, slots=True)
class ThreadChanged:
    """The conversation goes on in this thread, to be recorded."""

    thread_id: str


@dataclass(frozen=True, slots=True)
class TypingTold:
    """How a TypingWanted ended: each ends once."""

    ticket: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class MessageLeaving:
    """To be recorded before the frame that follows leaves: from then on the message may have left.

    It may leave only within ``ConversationPolicy.leave_within_ms``; after that the socket counts as lost instead.
    """

    message_id: str


@dataclass(frozen=True, slots=True)
class MessageTaken:
    """The gateway has it."""

    message_id: str


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """It is not tried any more."""

    message_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Tell:
    """Send this frame to the visitor."""

    frame: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetch:
    """GET this (``urls.event_url`` first), bounded in time and size, and hand it back as Fetched, or say NotFetched."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FetchMessage:
    """GET this path of the chat host with this bearer token, bounded in time and size: RestFetched or RestNotFetched of
    this name."""

    name: str
    path: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FetchStream:
    """Read what is written of a message there (``urls.event_url`` first); bounded and answered as FetchMessage, and in
    time."""

    name: str
    stream: Stream


@dataclass(frozen=True, slots=True)
class Reopen:
    """The socket is as good as dead: close it, open another. Nothing that still comes on it may be handed in."""

    reason: Overdue


@dataclass(frozen=True, slots=True)
class Reauthorize:
    """Get a new access token before the next socket."""


@dataclass(frozen=True, slots=True)
class SignInDue:
    """The token in use ends soon: get another sign-in. The socket that it opened goes on."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The gateway refuses this relay: close the socket; only a change of configuration helps."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """Count and log this code, with what is known about it."""

    code: str
    about: str = ""


Action = (
    SendFrame
    | Ready
    | ContactOpened
    | ContactClosed
    | ShownUnknown
    | ThreadChanged
    | TypingTold
    | MessageLeaving
    | MessageTaken
    | MessageRefused
    | Tell
    | Fetch
    | FetchMessage
    | FetchStream
    | Reopen
    | Reauthorize
    | SignInDue
    | Stopped
    | Report
)
