"""The sockets of the guests held here: opened in turn, prepared by the guest's talk, heard, closed."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from functools import partial

from typing_relay.keeper.counters import Counters
from typing_relay.keeper.guests import guest
from typing_relay.keeper.guests.hand import Hand
from typing_relay.keeper.io.addresses import Addresses
from typing_relay.keeper.io.jobs import Jobs
from typing_relay.keeper.io.loop import Loop
from typing_relay.keeper.io.protocol import GOING_AWAY
from typing_relay.keeper.io.sockets import GuestSocket, Sending, SocketEnd, SocketLimits
from typing_relay.keeper.io.turnstile import Turnstile
from typing_relay.platforms.shared.urls import without_query
from typing_relay.relay.outcomes import Outcome

logger = logging.getLogger(__name__)


class GuestSocketListener:
    """Hears one socket of a guest."""

    __slots__ = ("_hand", "_number", "_sockets")

    def __init__(self, sockets: HeldSockets, hand: Hand, number: int) -> None:
        self._sockets, self._hand, self._number = sockets, hand, number

    def opened(self) -> None:
        """It is open."""
        self._sockets.opened(self._hand, self._number)

    def text(self, text: str) -> None:
        """This came."""
        self._hand.talk.heard(self._number, text)

    def ended(self, end: SocketEnd) -> None:
        """It could not be opened, or is open no more."""
        self._sockets.ended(self._hand, self._number, end)


class HeldSockets:
    """On the loop's thread. ``is_held``: whether a guest still is; ``happened`` is told what became of its socket."""

    def __init__(
        self,
        loop: Loop,
        names: Jobs,
        openings: Turnstile,
        tls: ssl.SSLContext,
        limits: SocketLimits,
        counters: Counters,
        is_held: Callable[[Hand], bool],
        happened: Callable[[Hand, guest.Event], None],
    ) -> None:
        self._loop, self._openings, self._tls, self._limits, self._counters = loop, openings, tls, limits, counters
        self._is_held, self._happened = is_held, happened
        self._addresses = Addresses(names, loop)
        self._closing: list[GuestSocket] = []

    def open(self, hand: Hand, number: int, url: str) -> None:
        """When its turn comes, if it is still wanted then; typing that is shown does not wait behind others."""
        self._openings.enter(partial(self._prepare, hand, number, url), ahead=hand.talk.is_shown)

    def are_closed(self) -> bool:
        """Every socket that was to be closed is."""
        self._closing = [closing for closing in self._closing if not closing.is_closed]
        return not self._closing

    def _prepare(self, hand: Hand, number: int, url: str) -> bool:
        if not self._is_held(hand) or hand.held.opening != number:
            return False
        hand.preparing |= {number}
        hand.talk.prepare(number, url, lambda good_url: self._connect(hand, number, good_url))
        return True

    def _connect(self, hand: Hand, number: int, url: str) -> None:
        hand.preparing -= {number}
        if not self._is_held(hand) or hand.held.opening != number:
            self._openings.leave()
            return
        self._dial(hand, number, url)

    def _dial(self, hand: Hand, number: int, url: str) -> None:
        opening = hand.sockets[number] = GuestSocket(
            self._loop, url, self._tls, self._limits, GuestSocketListener(self, hand, number)
        )
        self._addresses.resolve(
            url,
            lambda addresses: opening.connect(addresses, self._addresses.not_reached),
            lambda error: opening.fail(str(error)),
        )

    def give_up(self, hand: Hand, number: int, outcome: Outcome) -> None:
        """Its talk says that this socket, open or being prepared, is of no use."""
        if number in hand.preparing:
            hand.preparing -= {number}
            self._openings.leave()
        self.close(hand, number)
        self._counters.add("SocketsGivenUp")
        self._happened(hand, guest.SocketLost(number, outcome))

    def send(self, hand: Hand, number: int, text: str) -> bool:
        """Returns whether it is on its way."""
        sending = hand.sockets.get(number)
        return sending is not None and sending.send_text(text, lambda: None) is Sending.QUEUED

    def close(self, hand: Hand, number: int) -> None:
        """If it is there. Nothing is heard of it any more."""
        closing = hand.sockets.pop(number, None)
        if closing is None:
            return
        if not closing.was_open:
            self._openings.leave()
        closing.close(GOING_AWAY)
        self._closing = [one for one in self._closing if not one.is_closed]
        self._closing.append(closing)

    def opened(self, hand: Hand, number: int) -> None:
        """It is open."""
        self._openings.leave()
        self._counters.add("SocketsOpened")
        hand.talk.opened(number)

    def ended(self, hand: Hand, number: int, end: SocketEnd) -> None:
        """It could not be opened, or is open no more."""
        ended = hand.sockets.pop(number)
        if ended.was_open:
            self._counters.add("SocketsLost")
        else:
            self._openings.leave()
            self._counters.add("SocketsNotOpened")
        outcome = hand.talk.ended(number, end)
        self._report_ended(hand, end, outcome)
        self._happened(hand, guest.SocketLost(number, outcome))

    def _report_ended(self, hand: Hand, end: SocketEnd, outcome: Outcome) -> None:
        if not hand.is_worth_a_line:
            return
        details = {
            "session": hand.held.session_id,
            "url": without_query(hand.held.web_socket_url),
            "reason": end.reason,
            "outcome": outcome.kind,
            "failures": hand.held.failures + 1,
        }
        if end.close_code is not None:
            logger.info("guest socket lost", extra=details)
        else:
            details["check"] = "the URL starts with wss:// and its host can be reached on port 443 from here"
            logger.warning("guest socket not opened", extra=details | {"stage": end.stage.name.lower()})
