"""A page that signs its visitor in when it is asked: it hands over tokens that end, or codes; some are never good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from typing_relay.relay.messages import handed_over
from typing_relay.relay.sign_in import SignIn

from tests.simulation.invariants import Violated
from tests.simulation.third_party import CUSTOMER, SOMEBODY_ELSE, WAITS_MS, ThirdParty

if TYPE_CHECKING:
    from tests.simulation.dfo_world import DfoWorld

#: How long it takes to get a token from CXone.
SIGNS_IN_MS = 120
#: After this long the frame with a code comes once more; 0: it does not.
AGAIN_MS = (0, 0, 0, 900, 0, 15)
VISITOR = "44444444-4444-4444-8444-444444444444"


class Page:
    """One visitor's. ``every``: 0: it is never asked; from 2 on, every n-th token or code is none that CXone takes."""

    def __init__(self, world: DfoWorld, every: int = 0) -> None:
        self._world, self.every = world, every
        #: From then on all that it hands over is good: what is wanted at the end is checked.
        self.good_from = 0
        #: When each token that was handed over ends; one that was never good has ended already.
        self._ends: dict[str, int] = {}
        self._is_busy = False
        self._codes = 0

    @property
    def signs_in(self) -> bool:
        """The channel demands it."""
        return self.every > 0

    def hears(self, frame: dict[str, Any]) -> None:
        """A tab was posted this."""
        if frame.get("name") == "sign-in" and not self._is_busy:
            self._is_busy = True
            if self._world.cxone.third_party:
                self._world.cxone.third_party.page_is_asked()
            self._world.later(self._world.now + SIGNS_IN_MS, "sign-in", lambda: self._hands_over(frame["detail"]))

    def _hands_over(self, wanted: dict[str, Any]) -> None:
        if self._world.cxone.third_party:
            self._hands_over_code(self._world.cxone.third_party, wanted)
            return
        if wanted.get("visitor_id", VISITOR) != VISITOR or wanted.get("customer_id", CUSTOMER) != CUSTOMER:
            raise Violated("T13", "the page is asked to sign in somebody else")
        self._is_busy = False
        number, now, life_ms = len(self._ends) + 1, self._world.now, self._world.token_ms
        is_good = self._is_good(number)
        token = f"token-{number}"
        self._ends[token] = now + life_ms if is_good else 0
        self._world.note(f"page hands over {token}, which is {'good' if is_good else 'not good'}")
        sign_in = SignIn(token, life_ms, VISITOR, CUSTOMER, at=now)
        self._world.runner.run(handed_over(self._world.session_id, sign_in))

    def _hands_over_code(self, third_party: ThirdParty, wanted: dict[str, Any]) -> None:
        """Of those that are not good, every second signs in somebody else, in a conversation that is its visitor's."""
        world, known = self._world, self._world.record.conversation
        if wanted.get("visitor_id", known.get("visitor")) != known.get("visitor"):
            raise Violated("T13", "the page is asked to sign in another visitor")
        if wanted.get("customer_id", CUSTOMER) != CUSTOMER:
            raise Violated("T13", "the page is asked to sign in somebody else")
        self._is_busy, self._codes = False, self._codes + 1
        is_somebody_elses = "customer_id" in wanted and self._codes % (2 * self.every) == 0
        customer = SOMEBODY_ELSE if is_somebody_elses else ""
        code, verifier = third_party.code(CUSTOMER if self._is_good(self._codes) else customer)
        world.note(f"page hands over {code}, which is {'good' if self._is_good(self._codes) else 'not good'}")
        world.hands_over(SignIn(code=code, verifier=verifier, at=world.now), AGAIN_MS[self._codes % 6])

    def _is_good(self, number: int) -> bool:
        return self.every == 1 or number % self.every != 0 or self._world.now > self.good_from

    def admits(self, url: str) -> bool:
        """Whether the gateway lets a socket in that was asked for by this URL."""
        if not self.signs_in:
            return True
        if self._world.cxone.third_party:
            return self._world.cxone.third_party.admits(url)
        [token] = parse_qs(urlsplit(url).query).get("transactionToken", [""])
        if token not in self._ends:
            raise Violated("T13", f"a socket is asked for by {token or 'no token'}, which no page handed over")
        is_good = self._world.now < self._ends[token]
        if not is_good:
            self._world.note(f"{token} is refused")
            self._world.watch.disturbed(self._world.now + WAITS_MS)
        return is_good
