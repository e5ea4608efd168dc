"""Digital-First broken on purpose: the owners in the keeper, the talk with the gateway, who holds whom."""

from __future__ import annotations

from functools import partial

from tests.simulation.mutation import (
    CORE,
    DECISIONS,
    DYNAMO,
    EXPRESSIONS,
    FLOWS,
    RECONCILING,
    RELAY_SWEEPING,
    WRITES,
    Mutation,
)

DIGITAL_FIRST = CORE + "platforms/digital_first/"
OWNERS, TALK, JOINED = DIGITAL_FIRST + "owners.py", DIGITAL_FIRST + "talk.py", DIGITAL_FIRST + "in_keeper.py"
CONVERSATION, MAILBOX = DIGITAL_FIRST + "conversation/", DIGITAL_FIRST + "mailbox.py"
CHANNEL_CONTEXT = DIGITAL_FIRST + "channel_context.py"
ON_RECORD, ADMITTING, TOKENS = (
    DIGITAL_FIRST + f"talk_parts/{name}.py" for name in ("on_record", "admitting", "tokens")
)
ASKED = "tests/unit/platforms/digital_first/test_conversation_asked.py"
LEGACY = "tests/unit/platforms/digital_first/test_conversation_legacy.py"
GUEST, SWEEPING = CORE + "keeper/guests/guest.py", CORE + "keeper/sweeping.py"

BREAKER, TESTS = DIGITAL_FIRST + "gateway_breaker.py", "tests/unit/platforms/digital_first/"

_dfo = partial(Mutation, platform="dfo")

DIGITAL_FIRST = (
    # owners
    _dfo("keeper: an owner is not called again", OWNERS, "self._begin_later(run, result.wait_seconds)", "pass"),
    _dfo("keeper: an owner oversleeps", OWNERS, "(run, result.wait_seconds)", "(run, 4 * result.wait_seconds)"),
    _dfo(
        "keeper: an owner that failed does not begin again",
        OWNERS,
        "self._begin_later(run, AGAIN_S * 2",
        "print(run, AGAIN_S * 2",
    ),
    _dfo(
        "keeper: an owner that was overtaken is called again",
        OWNERS,
        "        if self._is_newest(run):\n            run.alarm",
        "        if True:\n            run.alarm",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "owner: waits without a claim",
        RECONCILING,
        "if claims and not isinstance(decision, Send | Release):",
        "if False:",
    ),
    _dfo(
        "owner: decides by what was spent before its claim",
        RECONCILING,
        "record = read.as_claimed(now, policy) if claims else read",
        "record = replace(read, generation=owner.generation) if claims else read",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "frame: leaves the burst to a keeper that it could not nudge",
        FLOWS,
        "if owner_claims and (yield from perform(StartOwner(record, record.generation + 1, is_claimed=False))):",
        "if owner_claims and [(yield from perform(StartOwner(record, record.generation + 1, is_claimed=False)))]:",
        directed="tests/unit/relay/test_flows.py",
    ),
    _dfo(
        "frame: leaves the burst to a keeper whose socket is not open",
        FLOWS,
        "owner_claims = policy.keepers_own and record.is_open()",
        "owner_claims = policy.keepers_own",
        directed="tests/unit/relay/test_flows.py",
    ),
    _dfo(
        "owner: goes on when another keeper has the guest",
        DECISIONS,
        ' or owner.keeper not in ("", record.keeper):',
        ":",
    ),
    _dfo(
        "lock: claims though another keeper has the guest",
        WRITES,
        'holder = {"keeper": record.keeper} if claims else {}',
        "holder: dict[str, Any] = {}",
        contract="test_a_first_write_that_comes_too_late_claims_nothing",
    ),
    _dfo(
        "keeper: what it could not take up is left to who claimed it",
        OWNERS,
        "                self.take_up(left)",
        "                pass",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "lock: the record that refused it is read again",
        RECONCILING,
        "return (now, locked) if locked and now // 1000 < locked.expires_at else None",
        "return None",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "lock: goes on by a record that has expired",
        RECONCILING,
        "if locked and now // 1000 < locked.expires_at else None",
        "if locked else None",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "claim: by a keeper that has lost the guest",
        WRITES,
        ', **({"keeper": self.keeper} if self.keeper else {})},',
        "},",
        contract="test_a_keeper_claims_only_what_is_its_own",
    ),
    _dfo(
        "keeper: a nudge does not end the pause after a failure",
        OWNERS,
        "                self._begin(former.owner, former.failures)",
        "                pass",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "keeper: what could not be taken up is left",
        OWNERS,
        "        self._loop.call_later(AGAIN_S, partial(self.take_up, record))",
        "        pass",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "keeper: takes up what another keeper has",
        OWNERS,
        "take_over(self._policy, record, now, self._keeper)",
        "take_over(self._policy, record, now)",
        directed=TESTS + "test_owners.py",
    ),
    _dfo("lock: a claim leaves the generation", WRITES, "**(_claimed(record) if self.claims else {}),\n", "\n"),
    _dfo(
        "lock: claims without the fence",
        WRITES,
        '{**holder, "generation": record.generation - claims, "revision"',
        '{**holder, "revision"',
        contract="test_an_older_owner_gets_no_lock",
    ),
    _dfo(
        "release: a claim is not counted",
        WRITES,
        "sets={**(_claimed(record) if self.claims else {}), **_BURST_IS_OVER},",
        "sets=_BURST_IS_OVER,",
        directed=TESTS + "test_owners.py",
    ),
    _dfo(
        "dynamo: what a lock spends is not written",
        DYNAMO,
        "Compiler(update, {**spent, **mark, **in_index})",
        "Compiler(update, {**mark, **in_index})",
        contract="test_the_first_write_of_an_owner_can_be_its_claim",
    ),
    _dfo(
        "keeper: what was left shown is not taken up",
        OWNERS,
        "if nothing_to_say and record.lease_until <= now:",
        "if True:",
    ),
    _dfo(
        "keeper: sweeps what another keeper has",
        RELAY_SWEEPING,
        'if record is None or keeper not in ("", record.keeper):',
        "if record is None:",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    _dfo(
        "keeper: a nudge is not heard",
        JOINED,
        "                    self._owners.start(session_id, generation)",
        "                    pass",
    ),
    _dfo(
        "keeper: does not sweep",
        SWEEPING,
        "if lease_until < now and self._is_ours(session_id):",
        "if False:",
        directed="tests/unit/keeper/test_sweeping.py",
        error="KeyError",
    ),
    _dfo(
        "keeper: owns bursts before the thread was looked for",
        JOINED,
        "return isinstance(talk, GatewayTalk) and talk.is_ready",
        "return isinstance(talk, GatewayTalk)",
        directed="tests/unit/platforms/digital_first/test_in_keeper.py",
    ),
    # who holds the visitor
    _dfo(
        "talk: taken again, it goes on without looking",
        TALK,
        "        if self._known and self._state.number:\n            self._begin()\n",
        "        if self._known and self._state.number:\n            return\n",
        directed="tests/unit/platforms/digital_first/test_talk.py",
    ),
    # what a visitor asks of the conversation
    _dfo(
        "conversation: the end ends whichever contact is open",
        CONVERSATION + "ending.py",
        'if contact is None or wish.of not in ("", contact.contact_id):',
        "if contact is None:",
        directed=ASKED,
    ),
    _dfo(
        "conversation: the end overtakes messages",
        CONVERSATION + "ending.py",
        "if wish.of is None or not turn.thread.ready or wish.asked or turn.outgoing.queue:",
        "if wish.of is None or not turn.thread.ready or wish.asked:",
        directed=ASKED,
    ),
    _dfo(
        "keeper: the end does not wait for messages that are still in the store",
        JOINED,
        "self._mailbox.after_messages(session_id, lambda: self._with_talk(session_id, lambda talk: talk.end()))",
        "self._with_talk(session_id, lambda talk: talk.end())",
    ),
    _dfo(
        "mailbox: one that left by a write that was not answered is as it was known",
        MAILBOX,
        "is_sure = message.message_id not in self.unsure",
        "is_sure = True",
        directed="tests/unit/platforms/digital_first/test_mailbox.py",
    ),
    _dfo(
        "mailbox: one that could not leave is not known any more",
        MAILBOX,
        "            box.unsure.add(message_id)\n",
        "            box.handed.pop(message_id, None)\n",
        directed="tests/unit/platforms/digital_first/test_mailbox.py",
    ),
    _dfo(
        "mailbox: what comes after the messages goes by a read that began before",
        MAILBOX,
        "        afterwards, box.afterwards = box.afterwards, []\n",
        "        afterwards = box.afterwards\n",
        directed="tests/unit/platforms/digital_first/test_mailbox.py",
    ),
    _dfo(
        "conversation: the end does not wait for the contact that a message opens",
        CONVERSATION + "ending.py",
        "if contact is None and turn.now < turn.contacts.opening_until:",
        "if False:",
    ),
    _dfo(
        "conversation: a page that was forgotten is taken for the newest",
        CONVERSATION + "history.py",
        "elif before and page is None:",
        "elif False:",
        directed=ASKED,
    ),
    _dfo(
        "conversation: earlier messages are asked for again where the socket was lost",
        CONVERSATION + "socket_life.py",
        "history.failed(turn, _LOST)",
        "turn.history = history.changed(turn.history, asked=None)",
        directed=ASKED,
    ),
    # sessions that are not secured
    _dfo(
        "conversation: a message does not wait until its socket is authorized",
        CONVERSATION + "outgoing.py",
        "if turn.access.registering or turn.thread.looking or turn.outgoing.sending or not turn.outgoing.queue:",
        "if turn.thread.looking or turn.outgoing.sending or not turn.outgoing.queue:",
        directed=LEGACY,
    ),
    _dfo(
        "conversation: the thread is looked for before the customer is authorized",
        CONVERSATION + "socket_life.py",
        "        access.register(turn, register_as)\n",
        "        thread.look(turn)\n",
        directed=LEGACY,
    ),
    # the record of the contact
    _dfo(
        "talk: says typing while the contact is written", TALK, "if not self._on_record.is_contact_known:", "if False:"
    ),
    _dfo(
        "talk: does not tell the store again",
        ON_RECORD,
        "context.loop.call_later(AGAIN_S, again)",
        "pass",
    ),
    _dfo(
        "talk: does not note that a contact opened",
        TALK,
        "self._on_record.note_contact(is_open=True)",
        "pass",
    ),
    _dfo(
        "talk: takes what may be shown for dark",
        ON_RECORD,
        "perhaps_shown = is_open and c.shown.perhaps_shown",
        "perhaps_shown = False",
    ),
    _dfo("talk: does not look at what is wanted", ON_RECORD, "self._state.context.owners.take_up(record)", "pass"),
    _dfo(
        "talk: does not count on late frames of the keeper before",
        TALK,
        "in_flight_until=context.now() + context.policy.in_flight_ms if known.may_be_in_flight else 0,",
        "in_flight_until=0,",
    ),
    # the conversation
    _dfo(
        "typing: proven by whatever comes in",
        CONVERSATION + "hearing.py",
        "    socket.heard(turn)\n",
        "    socket.heard(turn)\n    shown.ponged(turn)\n",
    ),
    _dfo(
        "typing: an end that arrived ends what was sent after it",
        CONVERSATION + "shown.py",
        "any(one.typing for one in counted[place:])",
        "unproven.typing",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "messages: one that another keeper has settled stays with the conversation",
        MAILBOX,
        "                self._is_settled(session_id, message_id)\n",
        "",
    ),
    _dfo(
        "messages: one on its way is taken back as settled",
        CONVERSATION + "outgoing.py",
        "on_its_way = turn.outgoing.queue[:1] if turn.outgoing.sending else ()",
        "on_its_way: tuple[Queued, ...] = ()",
        error="IndexError",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "typing: a message leaves the end to whoever typed before",
        CONVERSATION + "shown.py",
        "is_ended = unproven and not unproven[-1].typing",
        "is_ended = bool(unproven)",
        error="ValueError",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "typing: proven by the answer to an earlier heartbeat",
        CONVERSATION + "shown.py",
        "until, pongs = turn.now + turn.policy.proof_ms, turn.socket.pongs_due",
        "until, pongs = turn.now + turn.policy.proof_ms, 1",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "typing: has no heartbeat behind it",
        CONVERSATION + "shown.py",
        "    socket.beat(turn)\n",
        "",
    ),
    _dfo(
        "typing: forgets what may come late",
        CONVERSATION + "shown.py",
        "return turn.now < turn.shown.in_flight_until",
        "return False",
    ),
    _dfo(
        "typing: a lost one counts as said",
        CONVERSATION + "shown.py",
        'all_told(turn, Outcome(Kind.LOST, reason="the socket was lost"))',
        "all_told(turn, ACCEPTED)",
    ),
    _dfo(
        "guest: who has left has none, though a message may wait",
        CORE + "keeper/guests/guest.py",
        "not record.connections and not policy.needs_socket:",
        "not record.connections:",
    ),
    _dfo(
        "guest: who has left is given up while the first socket is being opened",
        GUEST,
        "return bool(held.opened_at) or not policy.needs_socket",
        "return True",
    ),
    _dfo(
        "guest: who has left is given up as soon as the first socket is open",
        GUEST,
        "if policy.needs_socket and not held.opened_at and held.alone_since is not None:",
        "if False:",
    ),
    _dfo(
        "typing: what goes on after a message counts from its first key",
        RECONCILING,
        "begins_anew=True",
        "begins_anew=False",
    ),
    _dfo(
        "typing: one that a message ended counts as refused",
        CONVERSATION + "shown.py",
        "ENDED if unproven.overtaken else ACCEPTED",
        "NOT_YET if unproven.overtaken else ACCEPTED",
    ),
    _dfo(
        "typing: one that a message ended counts as shown",
        CONVERSATION + "shown.py",
        "ENDED if unproven.overtaken else ACCEPTED",
        "ACCEPTED",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "look: an error means that there is nothing",
        CONVERSATION + "hearing.py",
        "        if code in LOOK_FAILED:\n",
        "        if True:\n",
    ),
    _dfo(
        "look: on a new socket nothing is taken to be shown",
        CONVERSATION + "socket_life.py",
        "    _drop(turn)\n    socket.opened(turn)\n",
        "    _drop(turn)\n    shown.begins_anew(turn)\n    socket.opened(turn)\n",
    ),
    _dfo(
        "socket: a silent one is kept for long",
        CONVERSATION + "policy.py",
        "dead_ms: int = 45_000",
        "dead_ms: int = 145_000",
    ),
    _dfo(
        "contact: opened again, the thread counts as over",
        CONVERSATION + "contacts.py",
        "        thread.goes_on(turn)\n",
        "",
    ),
    _dfo(
        "contact: its end is not noticed",
        CONVERSATION + "events.py",
        "            contacts.closed(turn, closed_at)\n",
        "            pass\n",
    ),
    _dfo(
        "contact: is not learned from its message",
        CONVERSATION + "events.py",
        "        contacts.learned(turn, what.contact)",
        "        pass",
    ),
    _dfo(
        "contact: a status does not open it",
        CONVERSATION + "contacts.py",
        "return contact.is_open and (at is None or at >= turn.contacts.closed_at)",
        "return False",
    ),
    _dfo(
        "message: one that API Gateway may have lost is sent again unasked",
        CONVERSATION + "hearing.py",
        "    outgoing.fate_unknown(turn)\n",
        "    turn.outgoing = outgoing.changed(turn.outgoing, sending=None)\n",
    ),
    _dfo(
        "message: repeated without a look that could show it",
        CONVERSATION + "outgoing.py",
        "if queued.in_doubt and since >= queued.sent_at + turn.policy.settle_ms:",
        "if queued.in_doubt:",
    ),
    # the store's conditions
    _dfo(
        "contact: frees the lock of a call on a lost socket",
        WRITES,
        'adds={"sending_until": 1, "sends": 1},',
        'adds={"sending_until": -(10**12), "sends": 1},',
    ),
    _dfo(
        "contact: an answer from before counts",
        WRITES,
        'adds={"sending_until": 1, "sends": 1},',
        'adds={"sends": 1},',
        contract="test_what_is_heard_of_a_call_before_a_contact_opened_counts_no_more",
    ),
    _dfo(
        "contact: what owners have read before counts",
        WRITES,
        'adds={"sending_until": 1, "sends": 1},',
        'adds={"sending_until": 1},',
        contract="test_a_contact_without_anything_shown_begins_without_a_doubt",
    ),
    _dfo(
        "doubt: is not noted",
        WRITES,
        'sets={"sending": True},\n            adds={"sends": 1},',
        "sets={},",
    ),
    Mutation(
        "DynamoDB: an attribute that is kept is overwritten",
        EXPRESSIONS,
        'f"if_not_exists({self._path(name)}, {self._value(value.value)})"',
        "self._value(value.value)",
        directed="tests/unit/aws/test_expressions.py",
    ),
    Mutation(
        "DynamoDB: what is not there does not count as absent",
        EXPRESSIONS,
        'f"(attribute_not_exists({path}) OR {self._condition(path, wanted.wanted)})"',
        "self._condition(path, wanted.wanted)",
        contract="test_of_two_keepers_the_one_that_was_given_a_message_later",
    ),
    # what is measured
    _dfo(
        "felt: counts from keys before there was a contact",
        WRITES,
        '"typing_since": None, "burst_from": None}\n        return',
        '"typing_since": None}\n        return',
    ),
    _dfo(
        "felt: an end that is only said in doubt counts",
        RECONCILING,
        "elif (record.shown or record.typing_since) and not lock.typing_since:",
        "elif record.keys and not lock.typing_since:",
    ),
    # a clock that is set back
    _dfo(
        "talk: its rules go by the wall clock",
        CHANNEL_CONTEXT,
        "return self._began + round(self.loop.time() * 1000)",
        "return self.clock()",
        directed="tests/unit/platforms/digital_first/test_talk.py",
    ),
    _dfo(
        "talk: times of the wall clock are taken for the rules'",
        CHANNEL_CONTEXT,
        "return self.now() - self.clock()",
        "return 0",
        directed="tests/unit/platforms/digital_first/test_talk.py",
    ),
    # a message
    _dfo(
        "message: a look is answered by an index that may be stale",
        "tests/simulation/memory_messages.py",
        "for (session, _), kept in self.kept.items()",
        "for (session, _), kept in (self._lagging() if self.lag_ms else self.kept).items()",
    ),
    _dfo(
        "message: once it is settled its mark stays",
        CORE + "aws/messages.py",
        "            self._remove_mark(session_id, message_id)\n        return _standing(item)",
        "            pass\n        return _standing(item)",
        directed="tests/unit/aws/test_messages_contract.py",
    ),
    _dfo(
        "message: a look deletes the mark of one that is about to be written",
        CORE + "aws/messages.py",
        "if message_id not in found and now - marked_at > _YOUNG_MS:",
        "if message_id not in found:",
        directed="tests/unit/aws/test_messages_contract.py",
    ),
    _dfo(
        "message: leaves however late the store's answer comes",
        TALK,
        "if self._state.context.now() >= leaves_until:",
        "if False:",
    ),
    _dfo(
        "message: may leave much later than it is looked for",
        CONVERSATION + "policy.py",
        "leave_within_ms: int = 1_000",
        "leave_within_ms: int = 9_000",
    ),
    _dfo(
        "typing: an end that was refused counts as said",
        CONVERSATION + "shown.py",
        "left = tuple(replace(one, overtaken=False) for one in left)",
        "pass",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    # one address for all visitors
    _dfo(
        "gateway breaker: most are turned away, and all go on asking",
        BREAKER,
        "return breaker.next_pause(tally, self._pause, now) if breaker.must_open(tally) else None",
        "return None",
        directed=TESTS + "test_gateway_breaker.py",
    ),
    _dfo(
        "gateway breaker: tokens that are given hide that no socket opens",
        BREAKER,
        "        self._tallies[call] = tally\n",
        "        self._tallies = dict.fromkeys(Call, tally)\n",
        directed=TESTS + "test_gateway_breaker.py",
    ),
    _dfo(
        "gateway breaker: an address that is refused is tried by everybody",
        BREAKER,
        "        if outcome.of_address:\n",
        "        if False:\n",
        directed=TESTS + "test_gateway_breaker.py",
    ),
    _dfo(
        "guest: waits a minute where another visitor asks for all",
        GUEST,
        "return outcome.retry_after_ms or policy.denied_ms",
        "return policy.denied_ms",
        directed="tests/unit/keeper/guests/test_guest.py",
    ),
    _dfo(
        "talk: asks for tokens in a pause",
        ADMITTING,
        "            return guest.NotCreated(paused)\n",
        "            pass\n",
        directed=TESTS + "test_talk.py",
    ),
    _dfo(
        "talk: opens sockets in a pause",
        TALK,
        "self._state.context.loop.call_soon(partial(self._state.host.lost, number, paused))\n            return\n",
        "pass\n",
        directed=TESTS + "test_talk.py",
    ),
    _dfo(
        "talk: a pause keeps typing on",
        ADMITTING,
        "return None if self._on_record.is_shown else context.breaker.paused(",
        "return context.breaker.paused(",
        directed=TESTS + "test_talk.py",
    ),
    _dfo(
        "talk: all tokens are renewed at once",
        TOKENS,
        "            self._state.host.in_turn(renew, self._on_record.is_shown)\n",
        "            renew()\n",
        directed=TESTS + "test_talk.py",
    ),
    # how the next keeper gets in
    _dfo(
        "store: what was kept for one guest is another's",
        CORE + "relay/session_store.py",
        "if access is None or access.guest_id != record.guest_id:",
        "if access is None:",
        directed="tests/unit/aws/test_sessions_contract.py",
    ),
    _dfo(
        "store: what a record of the version before has itself stays there",
        WRITES,
        '{"web_socket_url": None, "access_until": None}',
        "{}",
        directed="tests/unit/aws/test_record_versions.py",
    ),
)
