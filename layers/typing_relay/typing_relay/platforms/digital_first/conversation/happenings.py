"""What can happen to a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field

from typing_relay.platforms.digital_first.files import Files
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.relay.ports import Attachment
from typing_relay.relay.profile import Profile


@dataclass(frozen=True, slots=True)
class Admitted:
    """There is a new access token, good until ``expires_at``; ``visitor`` as the gateway knows it.

    ``third_party_token``: for messages. ``sign_in_at``: when another sign-in is to be asked for, by the rules' clock.
    """

    visitor: Visitor
    expires_at: int
    third_party_token: str = field(default="", repr=False)
    sign_in_at: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileKnown:
    """The team's own server says who the visitor is."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class FilesKnown:
    """Which files the channel lets visitors send, as far as is known."""

    files: Files | None


@dataclass(frozen=True, slots=True)
class Opened:
    """The socket is open; if there was another one, it counts no more.

    ``register_as``: the SDK's version by which the customer is to be authorized on it; '': the session is secured.
    """

    register_as: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A text frame came on the socket."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What ``Fetch`` asked for."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotFetched:
    """What ``Fetch`` asked for could not be had."""


@dataclass(frozen=True, slots=True)
class RestFetched:
    """What ``FetchMessage`` or ``FetchStream`` of this name asked for: a message as JSON, or what was written of it."""

    name: str
    text: str = field(repr=False)
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class RestNotFetched:
    """It could not be had."""

    name: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The socket in use has ended. Where one that was to replace it could not be opened, nothing has happened."""


@dataclass(frozen=True, slots=True)
class TypingWanted:
    """The agent is to be shown this. ``ticket`` comes back with TypingTold."""

    typing: bool
    ticket: str


@dataclass(frozen=True, slots=True)
class MessageWanted:
    """The visitor sent this at ``asked_at``. ``may_have_left``: a keeper before may have sent it to the gateway.

    An id that waits already is not queued twice, but looked for if it may have left since. One that was taken is taken
    again, without being sent. ``behind_ms``: how far the clock of ``asked_at``, which is the gateway's too, is behind
    the one of the rules.
    """

    message_id: str
    text: str = field(repr=False)
    asked_at: int
    may_have_left: bool = False
    behind_ms: int = 0
    postback: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class MessageSettled:
    """Somebody else has settled this message: it is not to be sent, nor looked for."""

    message_id: str


@dataclass(frozen=True, slots=True)
class SeenWanted:
    """The visitor has seen the newest message."""


@dataclass(frozen=True, slots=True)
class Greeted:
    """A front end of the visitor has connected: it is to be told the current state."""


@dataclass(frozen=True, slots=True)
class EndWanted:
    """The visitor ends the conversation, after the messages that wait."""


@dataclass(frozen=True, slots=True)
class HistoryWanted:
    """A front end asks for the messages before this one; '': for the newest."""

    before: str = ""


@dataclass(frozen=True, slots=True)
class TranscriptWanted:
    """The visitor wants what was said, by e-mail to this address."""

    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Woke:
    """The time that ``wake_at`` named has come."""


Happening = (
    Admitted
    | ProfileKnown
    | FilesKnown
    | Opened
    | Heard
    | Fetched
    | NotFetched
    | RestFetched
    | RestNotFetched
    | Lost
    | TypingWanted
    | MessageWanted
    | MessageSettled
    | SeenWanted
    | Greeted
    | EndWanted
    | HistoryWanted
    | TranscriptWanted
    | Woke
)
