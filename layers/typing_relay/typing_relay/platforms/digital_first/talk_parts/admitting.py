"""How a guest's visitor gets in: a token from CXone, for whoever may have one, and what is recorded of it.

On worker threads, but for ``paused``.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import NamedTuple

from typing_relay.aws.shedding import failure_of
from typing_relay.door import frames
from typing_relay.keeper.guests import guest
from typing_relay.platforms.digital_first.channel_context import ChannelContext
from typing_relay.platforms.digital_first.gateway_breaker import WatchedGateway
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.platforms.digital_first.known import Known, channel_of, identity_of, newcomer
from typing_relay.platforms.digital_first.ports import Gateway
from typing_relay.platforms.digital_first.signing_in import Admission, Needed, admit
from typing_relay.platforms.digital_first.talk_parts.asking import Asking
from typing_relay.platforms.digital_first.talk_parts.on_record import OnRecord
from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.relay.burst import Session
from typing_relay.relay.outcomes import Kind, Outcome
from typing_relay.relay.ports import ConversationIds, KeptAccess
from typing_relay.relay.profile import decoded

logger = logging.getLogger(__name__)

#: What there is to renew is not this keeper's any more.
GONE = Outcome(Kind.LOST, reason="the session is gone")
ANOTHERS = Outcome(Kind.LOST, reason="another keeper holds this guest")


class Made(NamedTuple):
    """The visitor is signed in at the gateway, and on record. ``url``: for a socket, with the token."""

    known: Known
    url: str


class Renewed(NamedTuple):
    """Another token is on record. ``url``: for a socket, with the token."""

    admission: Admission
    url: str


class Admitting:
    """It remembers nothing: what comes of it is its caller's to keep."""

    def __init__(self, state: TalkState, on_record: OnRecord, asking: Asking) -> None:
        self._state, self._on_record, self._asking = state, on_record, asking

    def paused(self) -> Outcome | None:
        """Nobody is sent to the gateway for now, but who has typing there that must end. From any thread."""
        context, session_id = self._state.context, self._state.session_id
        return None if self._on_record.is_shown else context.breaker.paused(session_id, context.now())

    def make(self) -> Made | guest.NotCreated | guest.FenceLost:
        """Sign the visitor in at the gateway and record it; not while nobody is there to chat with."""
        context, session_id = self._state.context, self._state.session_id
        record = context.sessions.get(session_id, context.clock())
        if record is None or record.keeper != context.keeper:  # before a code or refresh token is spent
            return guest.FenceLost()
        context = context.of(channel_of(record))
        if paused := self.paused():
            return guest.NotCreated(paused)
        obstacle = self._obstacle(context.gateway)
        if obstacle:
            return guest.NotCreated(obstacle)
        profile = decoded(record.profile)
        visitor, thread_id = identity_of(record) if record.conversation else newcomer(profile.customer)
        admission = self._admission(context, record, visitor)
        if isinstance(admission, Outcome):
            return guest.NotCreated(admission)
        access = admission.access
        url = context.gateway.socket_url(access.visitor, access)
        ids = access.visitor.visitor_id, access.visitor.customer_id, thread_id
        made = ConversationIds(*ids, context.channel.channel_id, admission.kept)
        if not context.sessions.open_conversation(session_id, context.keeper, made, context.clock()):
            return guest.FenceLost()
        self._keep(KeptAccess(made.visitor_id, url, access.expires_at))
        known = Known(
            access.visitor,
            thread_id,
            access.expires_at,
            is_new=not record.conversation,
            may_be_in_flight=record.shown or record.sending is not None,
            told_at=record.told_at or 0,  # as it was recorded
            told_id=record.told_id,
            profile=profile,
            channel_id=context.channel.channel_id,
            signed_in=admission.signed_in,
        )
        return Made(known, url)

    def renew(self, context: ChannelContext, visitor: Visitor, *, only_if_handed_over: bool) -> Renewed | Outcome:
        """Another token for a visitor who has one, and its record. ``only_if_handed_over``: by what a page handed over
        and nobody has used yet, or not at all."""
        session_id = self._state.session_id
        record = context.sessions.get(session_id, context.clock())
        if record is None:
            return GONE
        if record.keeper != context.keeper:
            return ANOTHERS  # before a code or refresh token is spent
        if only_if_handed_over and not record.sign_in:
            return Outcome(Kind.NOT_YET, reason="it is in use already")
        admission = self._admission(context, record, visitor)
        if isinstance(admission, Outcome):
            return admission
        access = admission.access
        url = context.gateway.socket_url(access.visitor, access)
        if not context.sessions.renew_access(session_id, context.keeper, admission.kept):
            return ANOTHERS
        self._keep(KeptAccess(access.visitor.visitor_id, url, access.expires_at))
        return Renewed(admission, url)

    def _keep(self, access: KeptAccess) -> None:
        """For the next keeper. One that finds nothing gets another token."""
        context = self._state.context
        try:
            context.sessions.keep_access(self._state.session_id, access, context.clock())
        except Exception as error:
            logger.warning("The session record: access could not be kept: %s", error)
            context.counters.add(failure_of(error))

    def _admission(self, context: ChannelContext, record: Session, visitor: Visitor) -> Admission | Outcome:
        """Where the page is to sign the visitor in, it is asked, and waited for."""
        watched = WatchedGateway(context.gateway, context.breaker, self._state.session_id, context.now)
        admission = admit(watched, context.sessions, context.keeper, record, visitor, context.clock())
        if not isinstance(admission, Needed):
            return admission
        known = record.conversation or {"customer": decoded(record.profile).customer}
        context.loop.call_from_thread(partial(self._asking.for_sign_in, admission, known))
        if admission.why == "refused":  # not NOT_YET: the next try comes later
            return Outcome(Kind.FAILED, reason="what the page handed over is not good", by_visitor=True)
        return Outcome(Kind.NOT_YET, reason="the page has not signed its visitor in", by_visitor=True)

    def _obstacle(self, gateway: Gateway) -> Outcome | None:
        """Why no visitor is to be let in: what the channel asks for, or, of a live chat, that nobody is there."""
        loop, channel = self._state.context.loop, gateway.channel()
        if isinstance(channel, Outcome):
            return channel
        setting = channel.not_supported()
        if setting:
            reason = f"the channel's setting {setting} is not supported by this relay"
            refused = frames.error("typing_unavailable", f"CXone's channel has {setting}, which is not supported here.")
            loop.call_from_thread(partial(self._state.host.tell, refused))
            return Outcome(Kind.DENIED, reason=reason)
        if channel.livechat and gateway.is_online() is False:
            loop.call_from_thread(partial(self._asking.found_offline, channel.offline_form))
            return Outcome(Kind.DENIED, reason="the channel is offline")
        if self._asking.is_offline:
            loop.call_from_thread(self._asking.found_online)
        return None
