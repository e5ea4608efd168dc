"""Whom a conversation on the Digital-First gateway is for."""

from __future__ import annotations

import uuid
from typing import NamedTuple

from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.relay.burst import Session
from typing_relay.relay.profile import Profile, decoded
from typing_relay.relay.sign_in import SignedIn


class Known(NamedTuple):
    """Whom a conversation is for. ``is_new``: nobody has spoken for the visitor before. ``may_be_in_flight``: what a
    keeper before has sent may still be taken; not where it let go: the record says that nothing is shown or on its way.

    ``told_at``, ``told_id``: as in ``Session``.
    """

    visitor: Visitor
    thread_id: str
    access_until: int
    is_new: bool
    may_be_in_flight: bool
    told_at: int | None
    told_id: str
    profile: Profile
    channel_id: str = ""
    signed_in: SignedIn | None = None


def channel_of(record: Session) -> str:
    """In which channel the session's conversation is, or will be; '': in the deployment's first. It stays there."""
    return record.conversation.get("channel", "") if record.conversation else decoded(record.profile).channel


def newcomer(customer: str = "") -> tuple[Visitor, str]:
    """A visitor, and a thread, that nobody knows yet. ``customer``: the person's id at CXone, where it is known."""
    return Visitor(str(uuid.uuid4()), customer or str(uuid.uuid4())), str(uuid.uuid4())


def identity_of(record: Session) -> tuple[Visitor, str]:
    """The visitor and the thread of a record that has a conversation."""
    known = record.conversation
    return Visitor(known["visitor"], known["customer"]), known["thread"]
