"""A page that signs its visitor in when it is asked: it hands over tokens that end, and some that are never good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from typing_relay.relay.messages import handed_over
from typing_relay.relay.sign_in import SignIn

from tests.simulation.invariants import Violated

if TYPE_CHECKING:
    from tests.simulation.dfo_world import DfoWorld

#: How long it takes to get a token from CXone.
SIGNS_IN_MS = 120
VISITOR, CUSTOMER = "44444444-4444-4444-8444-444444444444", "customer-7"
#: After a token that was refused, and one that has ended, the next socket waits for the page.
WAITS_MS = 31_000


class Page:
    """One visitor's. ``every``: 0: it is never asked; from 2 on, every n-th token is none of CXone's."""

    def __init__(self, world: DfoWorld, every: int = 0) -> None:
        self._world, self.every = world, every
        #: From then on all that it hands over is good: what is wanted at the end is checked.
        self.good_from = 0
        #: When each token that was handed over ends; one that was never good has ended already.
        self._ends: dict[str, int] = {}
        self._is_busy = False

    @property
    def signs_in(self) -> bool:
        """The channel demands it."""
        return self.every > 0

    def hears(self, frame: dict[str, Any]) -> None:
        """A tab was posted this."""
        if frame.get("name") == "sign-in" and not self._is_busy:
            self._is_busy = True
            self._world.later(self._world.now + SIGNS_IN_MS, "sign-in", lambda: self._hands_over(frame["detail"]))

    def _hands_over(self, wanted: dict[str, Any]) -> None:
        if wanted.get("visitor_id", VISITOR) != VISITOR or wanted.get("customer_id", CUSTOMER) != CUSTOMER:
            raise Violated("T13", "the page is asked to sign in somebody else")
        self._is_busy = False
        number, now, life_ms = len(self._ends) + 1, self._world.now, self._world.token_ms
        is_good = self.every == 1 or number % self.every != 0 or now > self.good_from
        token = f"token-{number}"
        self._ends[token] = now + life_ms if is_good else 0
        self._world.note(f"page hands over {token}, which is {'good' if is_good else 'not good'}")
        sign_in = SignIn(token, life_ms, VISITOR, CUSTOMER, at=now)
        self._world.runner.run(handed_over(self._world.session_id, sign_in))

    def admits(self, url: str) -> bool:
        """Whether the gateway lets a socket in that was asked for by this URL."""
        if not self.signs_in:
            return True
        [token] = parse_qs(urlsplit(url).query).get("transactionToken", [""])
        if token not in self._ends:
            raise Violated("T13", f"a socket is asked for by {token or 'no token'}, which no page handed over")
        is_good = self._world.now < self._ends[token]
        if not is_good:
            self._world.note(f"{token} is refused")
            self._world.watch.disturbed(self._world.now + WAITS_MS)
        return is_good
