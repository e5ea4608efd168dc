"""A third party that signs visitors in, with the part of CXone that takes its codes: a code is good once, and only with
its verifier. What it brings ends soon, and is refreshed, as often as the history's shapes let it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from typing_relay.platforms.digital_first.api import Access
from typing_relay.platforms.digital_first.identity import Visitor
from typing_relay.relay.outcomes import Kind, Outcome

from tests.simulation.gateway import Shape
from tests.simulation.invariants import Violated

if TYPE_CHECKING:
    from tests.simulation.dfo_world import DfoWorld

#: Whom it signs in; and who uses the same browser, and is none of this session's.
CUSTOMER, SOMEBODY_ELSE = "customer-7", "customer-8"
#: The page is asked again, and answers, before this is over; after refusals what it answers is used later and later.
WAITS_MS, LONGER_MS, LONGEST_MS = 31_000, 10_000, 300_000
#: How long a refresh token is good for; and a frame to the page, and what else was decided with it, is on its way.
REFRESHES_MS, ON_ITS_WAY_MS = 86_400_000, 2_000
#: A refresh token that was refused is sent again only where nobody heard of that, or could write it down.
MOST_REFUSALS = 4
NOT_TAKEN = Outcome(Kind.FAILED, reason="access: invalid_grant (401)", by_visitor=True)


@dataclass(frozen=True, slots=True)
class Code:
    """As the page has it. ``customer``: whom it signs in; '': CXone does not take it."""

    verifier: str
    customer: str


@dataclass(frozen=True, slots=True)
class Given:
    """Whom something was given to, and until when it is good (ms)."""

    visitor: str
    customer: str
    ends: int


class ThirdParty:
    """One visitor's. ``life_ms``: of its own access tokens, which messages carry."""

    def __init__(self, world: DfoWorld, life_ms: int) -> None:
        self._world, self._life_ms = world, life_ms
        self._codes: dict[str, Code] = {}
        #: The page was asked while what refreshes was good.
        self.is_asked_needlessly = False
        self._sent: set[str] = set()
        #: CXone's tokens, the third party's own, and those that refresh both.
        self._access: dict[str, Given] = {}
        self._own: dict[str, Given] = {}
        self._refresh: dict[str, Given] = {}
        self._refusals: Counter[str] = Counter()
        self._codes_refused = 0

    # --- for the page

    def code(self, customer: str) -> tuple[str, str]:
        """Another code, and its verifier."""
        name, verifier = f"code-{len(self._codes) + 1}", f"verifier-{len(self._codes) + 1}"
        self._codes[name] = Code(verifier, customer)
        return name, verifier

    def page_is_asked(self) -> None:
        """To sign its visitor in: by a frame that may have left before what refreshes was there."""
        given = [one.ends for one in self._refresh.values() if one.ends > self._world.now]
        if any(ends < self._world.now + REFRESHES_MS - ON_ITS_WAY_MS for ends in given):
            self.is_asked_needlessly = True

    # --- at CXone

    def hears(self, visitor: Visitor, grant: Mapping[str, str]) -> None:
        """A grant arrives, whatever comes of it."""
        if grant["grant_type"] == "refresh_token":
            given = self._refresh.get(grant["refresh_token"])
            if given is None or given.visitor != visitor.visitor_id:
                raise Violated("T13", "a refresh token is sent for a visitor whom it was not given for")
            return
        name = grant["authorization_code"]
        if name not in self._codes or grant.get("code_verifier") != self._codes[name].verifier:
            raise Violated("T13", f"{name} is sent without the verifier that the page has for it")
        if name in self._sent:
            raise Violated("T13", f"{name} is sent twice")
        self._sent.add(name)

    def answers(self, visitor: Visitor, grant: Mapping[str, str]) -> Access | Outcome:
        """A token, or why there is none."""
        is_refresh = grant["grant_type"] == "refresh_token"
        code = grant.get("authorization_code", "")
        customer = self._refreshed(grant["refresh_token"]) if is_refresh else self._codes[code].customer
        if not is_refresh and customer != CUSTOMER:
            self._code_is_refused()
        return NOT_TAKEN if not customer else self._gives(replace(visitor, customer_id=customer), is_refresh=is_refresh)

    def _refreshed(self, token: str) -> str:
        """Whom it signs in; '': it is good no more."""
        given = self._refresh[token]
        if given.ends > self._world.now:
            if Shape.REFRESHED_ONCE in self._world.cxone.shapes:
                self._refresh[token] = replace(given, ends=self._world.now)
            return given.customer
        self._refusals[token] += 1
        if self._refusals[token] > MOST_REFUSALS:
            raise Violated("T13", f"{token} is refused again and again")
        return ""

    def _code_is_refused(self) -> None:
        """By CXone, or by the relay: the page is told and asked again; from time to time it waits for longer."""
        self._codes_refused += 1
        pause_ms = min(LONGER_MS * 2**self._codes_refused, LONGEST_MS)
        self._world.watch.disturbed(self._world.now + pause_ms + WAITS_MS)

    def _gives(self, visitor: Visitor, *, is_refresh: bool) -> Access:
        number, now, shapes = len(self._access) + 1, self._world.now, self._world.cxone.shapes
        access, own, refresh = f"access-{number}", f"own-{number}", f"refresh-{number}"
        given = Given(visitor.visitor_id, visitor.customer_id, now + self._world.token_ms)
        self._access[access] = given
        self._own[own] = replace(given, ends=now + self._life_ms)
        if Shape.NO_REFRESH in shapes or (is_refresh and Shape.REFRESH_STAYS in shapes):
            refresh = ""
        else:
            self._refresh[refresh] = replace(given, ends=now + REFRESHES_MS)
        self._world.note(f"CXone gives {access}, {own}, {refresh or 'nothing to refresh them'}")
        return Access(access, given.ends, visitor, own, refresh, min(given.ends, self._own[own].ends))

    def admits(self, url: str) -> bool:
        """Whether a socket is let in that was asked for by this URL."""
        given = self._given_to(url)
        is_good = self._world.now < given.ends
        if not is_good:
            self._world.watch.disturbed(self._world.now + WAITS_MS)
        return is_good

    def _given_to(self, url: str) -> Given:
        query = parse_qs(urlsplit(url).query)
        [token], [visitor] = query.get("transactionToken", [""]), query.get("visitorId", [""])
        given = self._access.get(token)
        if given is None or given.visitor != visitor or given.customer != CUSTOMER:
            raise Violated("T13", f"{visitor} asks for a socket by {token or 'no token'}, which is not for them")
        return given

    def reads(self, url: str, payload: Mapping[str, Any]) -> None:
        """A frame on a socket that was asked for by this URL: it names whom that is for."""
        given = self._given_to(url)
        named = payload["visitor"]["id"], payload["consumerIdentity"]["idOnExternalPlatform"]
        if named != (given.visitor, given.customer):
            raise Violated("T13", f"a frame names {named} on a socket of {given}")

    def takes(self, data: Mapping[str, Any]) -> bool:
        """Whether a message is taken: it carries a token of the third party's own that is good."""
        token = data.get("accessToken", {}).get("token", "")
        given = self._own.get(token)
        if given is None or given.customer != CUSTOMER:
            raise Violated("T13", f"a message carries {token or 'no token'}, which is not its visitor's")
        return self._world.now < given.ends
