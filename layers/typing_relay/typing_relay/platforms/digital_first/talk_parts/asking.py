"""What a page is asked or told until it has answered: each front end that connects meanwhile hears it, too.

On the loop's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from typing_relay.door import frames
from typing_relay.platforms.digital_first import visitor_events as dfo_events
from typing_relay.platforms.digital_first.signing_in import Needed, Why
from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.platforms.shared import visitor_events

logger = logging.getLogger(__name__)

#: Who was just told that what they handed over is refused is not asked again at once.
JUST_ASKED_MS = 10_000


class Asking:
    """Asks for a sign-in, or says that nobody is there to chat with."""

    def __init__(self, state: TalkState) -> None:
        self._state = state
        #: By which the page was last asked to sign its visitor in, which it has not done, and when (ms).
        self._asked: tuple[Mapping[str, Any], ...] = ()
        self._asked_at = 0
        self._is_to_ask_again = False
        self._is_offline = False

    @property
    def is_offline(self) -> bool:
        """Nobody is there to chat with: what visitors leave is sent nevertheless. From any thread."""
        return self._is_offline

    def taken(self) -> None:
        """This keeper has taken the guest: whether somebody is there is found out anew."""
        self._is_offline = False

    def answered(self) -> None:
        """There is a token: nobody is asked for one."""
        self._asked = ()

    def for_sign_in(self, needed: Needed, known: Mapping[str, str]) -> None:
        """Ask the page, and each that connects until one has answered. ``known``: the visitor's ids, where they are."""
        state = self._state
        if state.is_closed:
            return
        why: Why = "ends" if needed.why == "needed" and state.number else needed.why
        if why == "needed" and self._was_just_refused():
            return
        state.context.counters.add(f"SignIns.{why}")
        if not self._asked and needed.setting:
            details = {"session": state.session_id, "setting": needed.setting}
            logger.info("The page is to sign its visitor in", extra=details)
        self._asked = _asking(why, needed, known)
        self._ask_again()
        if state.number and not state.is_by_page:
            self._asked = ()  # the relay's own sign-in goes on

    def greeted(self) -> None:
        """A front end has connected that has heard nothing yet."""
        if self._asked and not self._is_to_ask_again:
            self._is_to_ask_again = True
            context = self._state.context
            wait_ms = self._asked_at + context.policy.catch_up_ms - context.now()
            context.loop.call_later(max(0, wait_ms) / 1000, self._ask_again)

    def found_offline(self, offline_form: bool | None) -> None:
        """The page is told once, and each that connects; what is left meanwhile is handed over."""
        state = self._state
        if state.is_closed or state.conversation or self._is_offline:
            return
        self._is_offline = True
        self._asked = (visitor_events.availability(is_online=False, offline_form=offline_form),)
        self._ask_again()
        state.context.mailbox.hold(state.session_id)
        state.context.mailbox.fetch(state.session_id)

    def found_online(self) -> None:
        """Somebody is there again."""
        if self._is_offline and not self._state.is_closed:
            self._is_offline = False
            self._state.tell(visitor_events.availability(is_online=True))

    def _was_just_refused(self) -> bool:
        is_refused = any(frame.get("code") == "sign_in_refused" for frame in self._asked)
        return is_refused and self._state.context.now() - self._asked_at < JUST_ASKED_MS

    def _ask_again(self) -> None:
        if self._state.is_closed:
            return
        self._is_to_ask_again, self._asked_at = False, self._state.context.now()
        for frame in self._asked:
            self._state.tell(frame)


def _asking(why: Why, needed: Needed, known: Mapping[str, str]) -> tuple[Mapping[str, Any], ...]:
    """The frames: what is wrong, if something is, and the question."""
    asks = dfo_events.sign_in(why, needed.setting, known.get("visitor", ""), known.get("customer", ""))
    if needed.fault:
        return frames.error("sign_in_refused", _sentence(needed.setting, needed.fault)), asks
    if why == "needed" and needed.setting:
        message = _sentence(needed.setting, "the page has to sign its visitor in")
        return frames.error("sign_in_needed", message), asks
    return (asks,)


def _sentence(setting: str, what: str) -> str:
    return f"CXone's channel has {setting}: {what}." if setting else f"{what[0].upper()}{what[1:]}."
