"""Who holds whom, broken on purpose: the queue, the keepers' claims, and requests that nobody may lose."""

from __future__ import annotations

from functools import partial

from tests.simulation.mutation import BURST, CORE, FLOWS, WRITES, Mutation

GUEST, KEEPER = CORE + "keeper/guests/guest.py", CORE + "keeper/guests/keeper.py"
OUTBOX, WEBCHAT = CORE + "keeper/visitors/outbox.py", CORE + "platforms/webchat/talk.py"
LOOKS, ROLL_CALL, CALLED = (
    CORE + "keeper/guests/looks.py",
    CORE + "keeper/visitors/roll_call.py",
    "tests/unit/keeper/visitors/test_roll_call.py",
)
TESTS_OF_KEEPER = "tests/unit/keeper/guests/test_keeper.py"

_fleet = partial(Mutation, platform="fleet")

FLEET = (
    _fleet(
        "guest: lets go on a look that may be stale",
        GUEST,
        "if not is_as_known and not look.is_certain:",
        "if False:",
        directed="tests/unit/keeper/guests/test_guest.py",
    ),
    _fleet(
        "guest: deletes the message by which another keeper holds",
        GUEST,
        "Leave() if are_by_one_message(record.held, held.claim) else LetGo()",
        "LetGo()",
    ),
    _fleet(
        "guest: leaves the message of who holds by another one",
        GUEST,
        "Leave() if are_by_one_message(record.held, held.claim) else LetGo()",
        "Leave()",
    ),
    _fleet(
        "guest: waits for a request though the record has its own guest",
        GUEST,
        "return _take(held) if record.guest_id else _ended_elsewhere(held, now, policy)",
        "return _ended_elsewhere(held, now, policy)",
        directed="tests/unit/keeper/guests/test_guest.py",
    ),
    _fleet(
        "guest: lets go though it was asked meanwhile",
        GUEST,
        "    is_over = any(isinstance(action, LetGo | Leave) for action in actions)\n",
        "    is_over = False\n",
    ),
    _fleet(
        "keeper: its talk does not hear of a guest whose write was not answered",
        KEEPER,
        "(is_new or record.guest_id != hand.held.guest_id)",
        "is_new",
        directed="tests/unit/keeper/guests/test_keeper.py",
    ),
    _fleet(
        "keeper: says nothing of a silent visitor's guest",
        KEEPER,
        "if not hand.held.taken or not record.connections or is_fresh:",
        "if True:",
    ),
    _fleet(
        "keeper: a guest that waits for its turn to be created is missed",
        KEEPER,
        "guest.is_not_held(hand.held, now, policy) and not hand.creation_waits",
        "guest.is_not_held(hand.held, now, policy)",
        directed="tests/unit/keeper/guests/test_keeper.py",
    ),
    _fleet(
        "turnstile: its alarm goes by the clock alone",
        CORE + "keeper/io/turnstile.py",
        "        self._next_at = min(self._next_at, self._loop.time())",
        "        pass",
    ),
    _fleet(
        "store: a take that comes late takes",
        WRITES,
        'when={"held": AbsentOr(AtMost(self.claim))} if self.claim else {},',
        "when={},",
        contract="test_of_two_keepers_the_one_that_was_given_a_message_later_has_the_session",
    ),
    _fleet(
        "store: who holds again need not have held",
        WRITES,
        'when={"keeper": self.keeper},\n            sets={"held": self.claim',
        'when={},\n            sets={"keeper": self.keeper, "held": self.claim',
        contract="test_who_has_a_session_goes_on_by_another_message",
    ),
    _fleet(
        "flow: writes that a guest is asked for before it asks",
        FLOWS,
        "        yield from perform(AskForGuest(record.session_id))\n"
        "        yield from perform(write.RequestGuest(record, now))\n",
        "        if (yield from perform(write.RequestGuest(record, now))):\n"
        "            yield from perform(AskForGuest(record.session_id))\n",
    ),
    _fleet(
        "flow: a ping asks for no guest",
        FLOWS,
        "    yield from ensure_guest(policy, record)\n    return record\n\n\ndef caught_up(",
        "    return record\n\n\ndef caught_up(",
    ),
    _fleet(
        "guest: a dead keeper is believed for ever",
        BURST,
        "has_keeper = bool(self.keeper) and not (self.held and silent_ms >= policy.keeper_silent_ms)",
        "has_keeper = bool(self.keeper)",
    ),
    _fleet(
        "keeper: a silent visitor's record lives no longer than its keeper's word",
        KEEPER,
        "silent_ms < keeper_silent_ms * 2 / 3 and lives_s >= ttl_s / 2",
        "silent_ms < keeper_silent_ms * 2 / 3",
    ),
    _fleet(
        "guest: what cannot be released is never given up",
        GUEST,
        "(CloseGuest(give_up),)",
        "(CloseGuest(),)",
    ),
    _fleet(
        "keeper: its rules go by the wall clock",
        KEEPER,
        "return round(self._loop.time() * 1000)",
        "return self._clock()",
        directed="tests/unit/keeper/guests/test_keeper.py",
    ),
    _fleet(
        "sweeping: others' bursts hide its own",
        CORE + "keeper/sweeping.py",
        "for page in self._sessions.all_leases(shard, before, PAGE):",
        "for page in list(self._sessions.all_leases(shard, before, PAGE))[:1]:",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    # what visitors are told
    _fleet(
        "told, v1: the agent types on when the socket is lost",
        WEBCHAT,
        "        if number == self._number:\n            self._agent_stopped()\n",
        "",
        directed="tests/unit/platforms/webchat/test_talk.py",
    ),
    _fleet(
        "told, v1: the agent types on when the socket is open again",
        WEBCHAT,
        "        self._agent_stopped()\n        self._host.ready(number)",
        "        self._now_types(NOBODY)\n        self._host.ready(number)",
        directed="tests/unit/platforms/webchat/test_talk.py",
    ),
    _fleet(
        "told, v1: never that the agent has stopped, where the socket was lost",
        WEBCHAT,
        "        if is_news:\n",
        "        if False:\n",
    ),
    _fleet(
        "told: by a record that is old by the time of its answer",
        KEEPER,
        "return record if self._now() - asked_at <= FRESH_MS else None",
        "return record",
    ),
    _fleet(
        "told, v1: nothing by who takes over",
        KEEPER,
        "                if record.had_guest():",
        "                if False:",
    ),
    _fleet(
        "told, v1: a post that failed is not tried again",
        OUTBOX,
        "        queue.retry, queue.resting = None, frozenset()\n        self._go_on(session_id)",
        "        queue.retry, queue.resting = None, frozenset()",
    ),
    _fleet("told, v1: a keeper that lost its visitor posts on", OUTBOX, "record.keeper != self._keeper:", "False:"),
    _fleet(
        "silence: whoever vanished is spoken to for as long as a connection may last",
        ROLL_CALL,
        "keeps_open = number % CALLS > 0",
        "keeps_open = True",
        directed=CALLED,
    ),
    _fleet(
        "silence: nobody is spoken to",
        ROLL_CALL,
        "keeps_open = number % CALLS > 0",
        "keeps_open = False",
        directed=CALLED,
    ),
    _fleet(
        "silence: a connection whose token has ended is spoken to",
        FLOWS,
        "speaks = keeps_open and record.may_hear(connection, now)",
        "speaks = keeps_open",
        directed=CALLED,
    ),
    _fleet(
        "silence: whoever has just been called is called again",
        KEEPER,
        "now - max(hand.told_at, hand.called_at) >=",
        "now - hand.told_at >=",
        directed=TESTS_OF_KEEPER,
    ),
    _fleet(
        "silence: where nothing happens nobody looks any more",
        LOOKS,
        "hand.passed_over = is_quiet and not hand.passed_over",
        "hand.passed_over = is_quiet",
        directed=TESTS_OF_KEEPER,
    ),
    _fleet(
        "silence: a guest without a socket counts as quiet",
        LOOKS,
        "is_quiet = bool(hand.held.socket) and now -",
        "is_quiet = now -",
        directed=TESTS_OF_KEEPER,
    ),
    _fleet(
        "silence: a visitor who comes back counts as quiet",
        LOOKS,
        "seen = record.revision, record.connections",
        "seen = record.revision, frozenset()",
        directed=TESTS_OF_KEEPER,
    ),
    _fleet(
        "names: who asked does not hear that there is no such name",
        CORE + "keeper/io/addresses.py",
        "            lambda _: found(self._next((host, port))),\n            failed,",
        "            lambda _: found(self._next((host, port))),\n            lambda _: None,",
    ),
)
