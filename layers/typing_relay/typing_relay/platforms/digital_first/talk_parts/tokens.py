"""Which token a socket is opened with: one that has run out, or was refused, is renewed first. On the loop's thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from typing_relay.platforms.digital_first.conversation.state import Conversation
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.platforms.digital_first.signing_in import Admission
from typing_relay.platforms.digital_first.talk_parts.admitting import Admitting, Renewed
from typing_relay.platforms.digital_first.talk_parts.on_record import OnRecord
from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.relay.outcomes import Kind, Outcome

#: A token this near its end is renewed before a socket is opened with it.
RENEW_EARLY_MS = 60_000


class Tokens:
    """``renewed``: hears of each that comes, before it is used."""

    def __init__(
        self, state: TalkState, on_record: OnRecord, admitting: Admitting, renewed: Callable[[Admission], object]
    ) -> None:
        self._state, self._on_record, self._admitting, self._renewed = state, on_record, admitting, renewed
        self._url = ""
        self._needs_another = False

    @property
    def url(self) -> str:
        """For a socket, with the token; '': none is known."""
        return self._url

    def taken(self, url: str) -> None:
        """This keeper has taken the guest, whose record has this URL. Whether another is needed stays known."""
        self._url = url

    def made(self, url: str) -> None:
        """This is the URL of a visitor who was just signed in."""
        self._url, self._needs_another = url, False

    def refused(self) -> None:
        """With this one no socket is opened any more."""
        self._needs_another = True

    def for_socket(self, number: int, url: str, go: Callable[[str], None]) -> None:
        """Call ``go`` with the URL for socket ``number``, or report it lost. ``url``: where none is known here."""
        c = self._state.conversation
        if c and self._is_due(c):
            self._needs_another = True
        if self._needs_another and c:
            renew = partial(self._renew_in_turn, number, c.access.visitor, go)
            self._state.host.in_turn(renew, self._on_record.is_shown)
        else:
            go(self._url or url)

    def renew(
        self,
        visitor: Visitor,
        go: Callable[[str], object],
        not_renewed: Callable[[Outcome], object],
        *,
        only_if_handed_over: bool = False,
    ) -> None:
        """Get another one: then ``go`` hears its URL, or ``not_renewed`` why there is none.

        ``only_if_handed_over``: as in ``Admitting.renew``.
        """
        context = self._state.context

        def answered(answer: Renewed | Outcome) -> None:
            if isinstance(answer, Outcome):
                context.counters.add(f"TokensNotRenewed.{answer.kind}")
                not_renewed(answer)
                return
            self._url, self._needs_another = answer.url, False
            self._renewed(answer.admission)
            go(self._url)

        context.cxone.submit(
            self._state.session_id,
            lambda: self._admitting.renew(context, visitor, only_if_handed_over=only_if_handed_over),
            answered,
            lambda error: answered(Outcome(Kind.LOST, reason=f"{type(error).__name__}: {error}")),
        )

    def _is_due(self, conversation: Conversation) -> bool:
        """Another token is got before a socket is opened. One of a page's is used to its end: there is no other."""
        spare_ms = 0 if self._state.is_by_page else RENEW_EARLY_MS
        return conversation.access.token_until - spare_ms <= self._state.context.now()

    def _renew_in_turn(self, number: int, visitor: Visitor, go: Callable[[str], None]) -> None:
        """The turn may come when this keeper no longer holds the guest: then the keeper opens nothing."""
        if self._state.is_closed:
            go(self._url)
        elif paused := self._admitting.paused():
            self._state.host.lost(number, paused)
        else:
            self.renew(visitor, go, partial(self._state.host.lost, number))
