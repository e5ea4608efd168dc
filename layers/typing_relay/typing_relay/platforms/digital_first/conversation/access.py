"""Who the visitor is, and the tokens: another sign-in, another token before the next socket, a consumer's renewed."""

from __future__ import annotations

from dataclasses import replace

from typing_relay.platforms.digital_first import frames_in, frames_out
from typing_relay.platforms.digital_first.conversation import socket, thread
from typing_relay.platforms.digital_first.conversation.actions import Reauthorize, SignInDue
from typing_relay.platforms.digital_first.conversation.happenings import Admitted
from typing_relay.platforms.digital_first.conversation.turn import Turn
from typing_relay.relay.profile import Profile
from typing_relay.relay.value import changed


def admitted(turn: Turn, admission: Admitted) -> None:
    """There is a new access token."""
    turn.access = changed(
        turn.access,
        visitor=admission.visitor,
        token_until=admission.expires_at,
        third_party_token=admission.third_party_token,
        sign_in_at=admission.sign_in_at,
        by_page=admission.sign_in_at is not None,
    )


def profile_known(turn: Turn, profile: Profile) -> None:
    """The team's own server says who the visitor is."""
    turn.access = changed(turn.access, profile=profile)


def ask_for_sign_in(turn: Turn) -> None:
    """Once, when it is due."""
    if turn.access.sign_in_at is not None and turn.now >= turn.access.sign_in_at:
        turn.access = changed(turn.access, sign_in_at=None)
        turn.do(SignInDue())


def renew_token(turn: Turn) -> None:
    """Before the next socket, if it ends soon."""
    spare_ms = 0 if turn.access.by_page else turn.policy.renew_early_ms  # a page's is used to its end
    if turn.now >= turn.access.token_until - spare_ms:
        turn.do(Reauthorize())


def register(turn: Turn, sdk_version: str) -> None:
    """Authorize the customer on this socket, before anything else."""
    turn.access = changed(turn.access, registering=socket.ask(turn, frames_out.authorize(sdk_version)))


def refresh(turn: Turn) -> None:
    """Renew the consumer's token, if it is due."""
    if turn.access.refresh_at is not None and turn.now >= turn.access.refresh_at:
        asked = socket.ask(turn, frames_out.refresh_token(turn.access.consumer_token))
        turn.access = changed(turn.access, refreshing=asked, refresh_at=None)


def is_about(turn: Turn, event_id: str | None) -> bool:
    """An authorization on its way has this id."""
    on_its_way = (turn.access.registering, turn.access.refreshing)
    return any(asked.event_id == event_id for asked in on_its_way if asked)


def authorized(turn: Turn, consumer: frames_in.ConsumerToken) -> None:
    """Renewed as NICE's client does it, after nine tenths of the token's life, and 20 s at least."""
    if not is_about(turn, consumer.event_id):
        return
    is_first, visitor = turn.access.registering is not None, turn.access.visitor
    refresh_at = turn.now + max(consumer.expires_s * 900, turn.policy.least_refresh_ms)
    turn.access = changed(turn.access, consumer_token=consumer.token, refresh_at=refresh_at, refreshing=None)
    if is_first:
        known = replace(visitor, customer_id=consumer.customer_id or visitor.customer_id)
        turn.access = changed(turn.access, registering=None, visitor=known)
        thread.look(turn)


def socket_lost(turn: Turn) -> None:
    """The next one is authorized anew."""
    turn.access = changed(turn.access, registering=None, consumer_token="", refresh_at=None, refreshing=None)
