"""Signing in broken on purpose: what a page hands over, when it is asked, what its failures cost others."""

from __future__ import annotations

from functools import partial

from tests.simulation.mutation import CORE, WRITES, Mutation

DFO = CORE + "platforms/digital_first/"
SIGNING_IN, TALK, CONVERSATION = DFO + "signing_in.py", DFO + "talk.py", DFO + "conversation/"
ADMITTING, ASKING, RENEWALS = (DFO + f"talk_parts/{name}.py" for name in ("admitting", "asking", "renewals"))
API, BREAKER, GUEST = DFO + "api.py", DFO + "gateway_breaker.py", CORE + "keeper/guests/guest.py"
KEPT = "SignedIn(renew_at, access.third_party_token, access.refresh_token or refresh_token)"
ANOTHER_VISITOR = 'Visitor("44444444-4444-4444-8444-444444444444", visitor.customer_id)'

_talked = partial(Mutation, platform="dfo", directed="tests/unit/platforms/digital_first/test_signing_in.py")
_held = partial(Mutation, platform="dfo", directed="tests/unit/keeper/guests/test_guest.py")

_played = partial(Mutation, platform="codes")

#: What histories of codes see.
CODES = (
    _played(
        "codes: one that was used is put on record again",
        WRITES,
        """when={**_may_send(self.now), "handed_over_at": AbsentOr(Below(self.at))},""",
        "when=_may_send(self.now),",
    ),
    _played(
        "codes: one is used before it is taken off the record",
        SIGNING_IN,
        "        if not sessions.use_sign_in(record.session_id, keeper, record.sign_in):",
        "        if False:",
    ),
    _played(
        "codes: what another keeper has used is used",
        SIGNING_IN,
        "        if not sessions.use_sign_in(record.session_id, keeper, record.sign_in):",
        "        if sessions.use_sign_in(record.session_id, keeper, record.sign_in) is None:",
    ),
    _played(
        "codes: one goes out without its verifier",
        SIGNING_IN,
        'verifier = {"code_verifier": handed.verifier} if handed.verifier else {}',
        "verifier: dict[str, str] = {}",
    ),
    _played("codes: what refreshes is not kept", SIGNING_IN, KEPT, "SignedIn(renew_at, access.third_party_token)"),
    _played(
        "codes: what was used to refresh is kept",
        SIGNING_IN,
        KEPT,
        "SignedIn(renew_at, access.third_party_token, refresh_token or access.refresh_token)",
    ),
    _played(
        "codes: messages carry the token before the one that was refreshed",
        SIGNING_IN,
        KEPT,
        "SignedIn(renew_at, getattr(signed_in_of(record.signed_in), 'third_party_token', '') or"
        " access.third_party_token, access.refresh_token or refresh_token)",
    ),
    _played(
        "codes: another visitor's tokens are refreshed",
        SIGNING_IN,
        "    access = gateway.authorize(visitor, grant)",
        f"    access = gateway.authorize({ANOTHER_VISITOR} if refresh_token else visitor, grant)",
    ),
    _played(
        "codes: one may sign another customer into a conversation",
        SIGNING_IN,
        'if (record.conversation and customer_id != record.conversation["customer"]) or _is_somebody_else(',
        "if _is_somebody_else(",
    ),
    _played(
        "codes: nobody asks the page for another once the token that messages carry has ended",
        RENEWALS,
        "not access.third_party_token and access.token_until <= self._state.context.now() + ms",
        "access.token_until <= self._state.context.now() + ms",
    ),
    _played(
        "codes: a page whose code was lost is not asked again",
        RENEWALS,
        "        wait_ms = ASK_AGAIN_MS if answer.by_visitor else RENEW_AGAIN_MS\n",
        "        wait_ms = RENEW_AGAIN_MS\n        if answer.by_visitor:\n            return\n",
    ),
    Mutation(
        "codes: one is sent again on another connection",
        API,
        "                if not is_repeatable:",
        "                if False:",
        platform="dfo",
        directed="tests/unit/platforms/digital_first/test_api.py",
    ),
)

SIGN_IN = (
    *CODES,
    _talked(
        "sign-in: a code stays on record while it is used",
        SIGNING_IN,
        "        if not sessions.use_sign_in(record.session_id, keeper, record.sign_in):",
        "        if False:",
    ),
    _talked(
        "sign-in: a keeper that has lost the guest lets its visitor in",
        ADMITTING,
        "        if record is None or record.keeper != context.keeper:  # before a code or refresh token is spent",
        "        if record is None:",
    ),
    _talked(
        "sign-in: the page is not told which customer its token names",
        ADMITTING,
        'known = record.conversation or {"customer": decoded(record.profile).customer}',
        "known = record.conversation",
    ),
    _talked(
        "sign-in: a code goes out without its verifier",
        SIGNING_IN,
        'verifier = {"code_verifier": handed.verifier} if handed.verifier else {}',
        "verifier: dict[str, str] = {}",
    ),
    _talked(
        "sign-in: a code may sign another customer into a conversation",
        SIGNING_IN,
        'if (record.conversation and customer_id != record.conversation["customer"]) or _is_somebody_else(',
        "if _is_somebody_else(",
    ),
    _talked(
        "sign-in: a refresh token that was refused is tried again",
        SIGNING_IN,
        "    if isinstance(access, Outcome) and access.by_visitor:\n        without = ",
        "    if False:\n        without = ",
    ),
    _talked(
        "sign-in: the relay signs in by itself where the page has to",
        SIGNING_IN,
        "    return bool(settings.demands_sign_in or record.signed_in or decoded(record.profile).by_page)",
        "    return False",
    ),
    _talked(
        "sign-in: the page is not asked before its token ends",
        CONVERSATION + "access.py",
        "        turn.do(SignInDue())\n",
        "",
    ),
    _talked(
        "sign-in: a page's token is given up a minute before its end",
        CONVERSATION + "access.py",
        "spare_ms = 0 if turn.access.by_page else turn.policy.renew_early_ms",
        "spare_ms = turn.policy.renew_early_ms",
    ),
    _talked(
        "sign-in: a message goes without the third party's token",
        CONVERSATION + "access.py",
        "        third_party_token=admission.third_party_token,\n",
        "",
    ),
    _talked(
        "sign-in: a nudge about what is in use has the page asked",
        ADMITTING,
        "        if only_if_handed_over and not record.sign_in:",
        "        if False:",
    ),
    _talked(
        "sign-in: a page has CXone called at its own pace while its socket is in use",
        RENEWALS,
        "        of_page_ms = self._hand_overs_until - now if only_if_handed_over or self._hand_overs_refused else 0",
        "        of_page_ms = 0",
    ),
    _talked(
        "sign-in: refusal after refusal is as soon as the first",
        RENEWALS,
        "            self._hand_overs_refused += 1",
        "            self._hand_overs_refused = 0",
    ),
    _talked(
        "sign-in: a token in use is renewed before CXone's Retry-After",
        RENEWALS,
        "        return max(paused.retry_after_ms if paused else 0, self._throttled_until - now, of_page_ms)",
        "        return max(paused.retry_after_ms if paused else 0, of_page_ms)",
    ),
    _talked(
        "sign-in: a token in use is renewed while most visitors are turned away",
        RENEWALS,
        "        return max(paused.retry_after_ms if paused else 0, self._throttled_until - now, of_page_ms)",
        "        return max(self._throttled_until - now, of_page_ms)",
    ),
    _talked(
        "sign-in: what is due before there is a socket is forgotten",
        RENEWALS,
        "        self._is_due = True\n",
        "        self._is_due = self._state.number != 0\n",
    ),
    _talked(
        "sign-in: a page that does not answer is not asked again",
        RENEWALS,
        "        wait_ms = ASK_AGAIN_MS if answer.by_visitor else RENEW_AGAIN_MS\n",
        "        wait_ms = RENEW_AGAIN_MS\n        if answer.by_visitor:\n            return\n",
    ),
    _talked(
        "sign-in: who has lost the guest spends its refresh token",
        ADMITTING,
        "        if record.keeper != context.keeper:",
        "        if False:",
    ),
    _talked(
        "sign-in: what is refused is tried again as soon as what was never handed over",
        ADMITTING,
        '        if admission.why == "refused":  # not NOT_YET: the next try comes later',
        "        if False:",
    ),
    _talked(
        "sign-in: nobody hears of a code that was refused",
        SIGNING_IN,
        '        return Needed("refused", THIRD_PARTY, "CXone did not take the code")',
        "        return access",
    ),
    _talked(
        "sign-in: tokens that end at once are refreshed at once",
        SIGNING_IN,
        "    renew_at = now + max(int((good_until - now) * RENEWED_AT), RENEWED_AFTER_MS)",
        "    renew_at = now + int((good_until - now) * RENEWED_AT)",
    ),
    _talked(
        "sign-in: each hello has the page asked at once",
        ASKING,
        "            wait_ms = self._asked_at + context.policy.catch_up_ms - context.now()",
        "            wait_ms = 0",
    ),
    _talked(
        "sign-in: what was handed over is not found without a nudge",
        TALK,
        "        if record.sign_in:  # the nudge about it may have been lost",
        "        if False:",
    ),
    _talked(
        "sign-in: a refused token of a page's is the deployment's fault",
        TALK,
        "by_visitor=is_refused and self._state.is_by_page",
        "by_visitor=False",
    ),
    _held(
        "sign-in: a page has CXone called at its own pace",
        GUEST,
        "    delay = _backoff(held, policy, jitter, None) if held.failures > 1 else 0",
        "    delay = 0",
    ),
    _talked(
        "sign-in: what pages hand over pauses everybody",
        BREAKER,
        "        if outcome.by_visitor:\n            return\n",
        "",
    ),
    _talked(
        "sign-in: what the gateway says to pages' tokens pauses everybody",
        TALK,
        " and not self._state.is_by_page:\n            context.breaker.note(",
        ":\n            context.breaker.note(",
    ),
    _held(
        "sign-in: a page that does not sign in has its socket replaced every second",
        GUEST,
        "            delay = policy.longest_backoff_ms\n",
        "            pass\n",
    ),
    Mutation(
        "sign-in: a renewal that waits keeps others from opening sockets",
        CORE + "keeper/guests/keeper.py",
        "        self._loop.call_soon(self._openings.leave)  # it is in only after this\n",
        "",
        platform="dfo",
        directed="tests/unit/keeper/guests/test_keeper.py",
    ),
    _held(
        "sign-in: who never signs in is missed",
        GUEST,
        "        and not held.awaits_sign_in\n",
        "",
    ),
    _held(
        "sign-in: what was handed over waits for the next look",
        GUEST,
        "    if held.doing is not Doing.RESTING or not held.awaits_sign_in:",
        "    if True:",
    ),
)
