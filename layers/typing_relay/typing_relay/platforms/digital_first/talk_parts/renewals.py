"""When the token of a socket in use is renewed, while the socket goes on. On the loop's thread.

By what a page hands over, at once, or because another token is due: then by what it handed over or the refresh token,
else the page is asked. Each may be a call to CXone, so both come at the relay's pace.
"""

from __future__ import annotations

from functools import partial

from typing_relay.platforms.digital_first.talk_parts.admitting import ANOTHERS, GONE, Admitting
from typing_relay.platforms.digital_first.talk_parts.on_record import OnRecord
from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.platforms.digital_first.talk_parts.tokens import Tokens
from typing_relay.relay.outcomes import Kind, Outcome

#: The pause after a failed renewal of the token in use.
RENEW_AGAIN_MS = 10_000
#: Until its token ends, a page is asked again for a sign-in at this interval.
ASK_AGAIN_MS = 30_000
#: While a socket is in use, what a page hands over is used once in this time; twice as long from refusal to refusal.
HAND_OVER_MS, LONGEST_HAND_OVER_MS = 10_000, 300_000


class Renewals:
    """``only_if_handed_over``, throughout: by what a page handed over alone."""

    def __init__(self, state: TalkState, on_record: OnRecord, admitting: Admitting, tokens: Tokens) -> None:
        self._state, self._on_record, self._admitting, self._tokens = state, on_record, admitting, tokens
        #: The token in use is to be replaced by another.
        self._is_due = False
        #: Which renewals wait, by ``only_if_handed_over``: for their time, or their turn.
        self._waiting = set[bool]()
        #: Until then (ms) no token in use is renewed: CXone's Retry-After.
        self._throttled_until = 0
        #: Until then (ms) nothing that is handed over is used; how many in a row were refused.
        self._hand_overs_until, self._hand_overs_refused = 0, 0

    def due(self) -> None:
        """Another token is due. Without a socket it waits for one: whoever opens that may renew the token before."""
        self._is_due = True
        if self._state.number:
            self._renew()

    def opened(self) -> None:
        """A socket is open: what is still due goes on."""
        if self._is_due:
            self._renew()

    def handed_over(self) -> None:
        """By a page, while a socket is in use. What comes too soon waits in the record."""
        self._renew(self._hand_overs_until - self._state.context.now(), only_if_handed_over=True)

    def admitted(self) -> None:
        """A new token is in use; when the next is due is not known yet."""
        self._is_due = False

    def renewed(self) -> None:
        """Whatever was handed over was good."""
        self._hand_overs_refused = 0

    def _renew(self, wait_ms: int = 0, *, only_if_handed_over: bool = False) -> None:
        """Not before ``wait_ms``, and when its turn comes."""
        if only_if_handed_over not in self._waiting:
            self._waiting.add(only_if_handed_over)
            waited = partial(self._waited, only_if_handed_over)
            self._state.context.loop.call_later(max(0, wait_ms) / 1000, waited)

    def _waited(self, only_if_handed_over: bool) -> None:
        self._waiting.discard(only_if_handed_over)
        if self._may_renew(only_if_handed_over):
            self._waiting.add(only_if_handed_over)
            self._state.host.in_turn(partial(self._renew_in_turn, only_if_handed_over), self._on_record.is_shown)

    def _renew_in_turn(self, only_if_handed_over: bool) -> None:
        self._waiting.discard(only_if_handed_over)
        if self._may_renew(only_if_handed_over) and self._state.conversation:
            if only_if_handed_over:
                self._hand_over_used()
            self._tokens.renew(
                self._state.conversation.access.visitor,
                lambda url: None,
                partial(self._not_renewed, only_if_handed_over),
                only_if_handed_over=only_if_handed_over,
            )

    def _may_renew(self, only_if_handed_over: bool) -> bool:
        """Whether it is still wanted, and now. What is too early is looked at again: at the latest in half a minute, as
        another token may be in use by then."""
        is_in_use = self._state.conversation is not None and self._state.number != 0
        if not is_in_use or not (only_if_handed_over or self._is_due):
            return False
        wait_ms = self._waits_ms(only_if_handed_over)
        if wait_ms > 0:
            self._renew(min(wait_ms, ASK_AGAIN_MS), only_if_handed_over=only_if_handed_over)
        return wait_ms <= 0

    def _waits_ms(self, only_if_handed_over: bool) -> int:
        paused, now = self._admitting.paused(), self._state.context.now()
        of_page_ms = self._hand_overs_until - now if only_if_handed_over or self._hand_overs_refused else 0
        return max(paused.retry_after_ms if paused else 0, self._throttled_until - now, of_page_ms)

    def _hand_over_used(self) -> None:
        pause_ms = min(HAND_OVER_MS * 2 ** min(self._hand_overs_refused, 16), LONGEST_HAND_OVER_MS)
        self._hand_overs_until = self._state.context.now() + pause_ms

    def _not_renewed(self, only_if_handed_over: bool, answer: Outcome) -> None:
        """Whether, and when, it is tried again."""
        self._throttled_until = max(self._throttled_until, self._state.context.now() + answer.retry_after_ms)
        if answer.by_visitor and answer.kind is not Kind.NOT_YET:
            self._hand_overs_refused += 1
            self._hand_over_used()
        if only_if_handed_over and (answer.by_visitor or answer.kind is Kind.NOT_YET):
            return  # it is spent, or there was none
        wait_ms = ASK_AGAIN_MS if answer.by_visitor else RENEW_AGAIN_MS
        if answer not in (GONE, ANOTHERS) and not (answer.by_visitor and self._ends_within(wait_ms)):
            self._renew(wait_ms, only_if_handed_over=only_if_handed_over)

    def _ends_within(self, ms: int) -> bool:
        """The token in use: it is not asked for again before the next socket. A third party's is: messages carry it."""
        if self._state.conversation is None:
            return True
        access = self._state.conversation.access
        return not access.third_party_token and access.token_until <= self._state.context.now() + ms
