"""The relay broken on purpose, in one place at a time. The proof is worth something if it finds each.

A mutation is one change of text, made in a copy. The core's mutations and those of the store in memory must be found
by the simulation or, where two conditions cover up for each other, by the store's contract tests; those of the store
in DynamoDB by the contract tests, which tie the two stores together.
"""

from __future__ import annotations

from tests.simulation.mutation import BURST, CORE, DYNAMO, EXPRESSIONS, FLOWS, GUESTS, QUERIES, WRITES, Mutation
from tests.simulation.mutations_dfo import DIGITAL_FIRST
from tests.simulation.mutations_fleet import FLEET
from tests.simulation.mutations_offline import OFFLINE
from tests.simulation.mutations_sign_in import SIGN_IN
from tests.simulation.mutations_told import TOLD

V1 = (
    # rules
    Mutation(
        "debounce: one ms short",
        BURST,
        "return until and until + policy.arrival_slack_ms",
        "return until and until - 1",
    ),
    Mutation(
        "debounce: begin a true whose key is too old",
        BURST,
        "return now < self.counts_until(policy)",
        "return self.counts_until(policy) > 0",
    ),
    Mutation(
        "hold: forget it",
        BURST,
        "return key + max(policy.debounce_ms, hold_ms if held == key else 0)",
        "return key + policy.debounce_ms",
    ),
    Mutation("hold: let it outlive a newer key", BURST, "hold_ms if held == key else 0)", "hold_ms)"),
    Mutation(
        "hold: take the time between two frames for a pause",
        BURST,
        "hold_ms if held in (at, key) else 0)",
        "0)",
    ),
    Mutation(
        "hold: see no pause in a stop between two frames",
        BURST,
        "return stop if at <= stop < ends_at else ends_at",
        "return ends_at",
    ),
    Mutation(
        "stop: leave a pause that it tells of to the sleeping owner",
        FLOWS,
        "changes_nothing = another_types_on and record.pause_due_at(policy) is None",
        "changes_nothing = another_types_on",
    ),
    Mutation(
        "stop: forget that it takes keys back",
        BURST,
        "if at > self.stops.get(connection, -1))",
        "if at > -1)",
    ),
    Mutation(
        "stop: take back the other tab's keys too",
        BURST,
        "if at > self.stops.get(connection, -1))",
        "if at > max(self.stops.values(), default=-1))",
    ),
    Mutation(
        "owner: go on though superseded",
        BURST,
        "if record is None or record.generation != owner.generation:",
        "if record is None:",
    ),
    Mutation("lock: do not wait for a call in flight", BURST, "if now < record.sending_until:", "if False:"),
    Mutation(
        "lock: though CXone has asked to wait since the record was read",
        WRITES,
        ', "retry_at": AbsentOr(AtMost(record.retry_at))},',
        "},",
    ),
    Mutation(
        "retry: once more than allowed",
        BURST,
        "record.failures_of(True) > MAX_RETRIES_OF_TRUE",
        "record.failures_of(True) > MAX_RETRIES_OF_TRUE + 1",
    ),
    Mutation(
        "voice: unbounded",
        BURST,
        "max(record.retry_at, calm_at, record.true_allowed_at(policy)) if wanted",
        "max(record.retry_at, calm_at) if wanted",
    ),
    Mutation(
        "voice: one too many at once", BURST, "Rate(at_once=4, every_ms=1_000)", "Rate(at_once=5, every_ms=1_000)"
    ),
    Mutation("voice: a true spends nothing", FLOWS, "if typing else 1,", "if False else 1,"),
    Mutation(
        "store: what a lock spends is not written down",
        WRITES,
        'adds={"sends": lock.spends},',
        'adds={"sends": 1},',
    ),
    Mutation(
        "dynamo: a number is moved on by one, whatever is asked",
        EXPRESSIONS,
        'added = [f"{name} {self._value(by)}"',
        'added = [f"{name} {self._value(by and 1)}"',
        contract="test_a_lock_writes_down_what_was_spent_of_what_cxone_may_hear",
    ),
    Mutation(
        "dynamo: what a claim spends is not read",
        DYNAMO,
        'int(item["own"]["N"]) // _CLAIMS',
        "0",
        contract="test_a_claim_writes_down_what_frames_have_spent",
    ),
    Mutation(
        "starts: unbounded", FLOWS, "if now < record.start_allowed_at(policy):", "if False:", platform="adversary"
    ),
    Mutation(
        "starts: an owner sleeps on though frames could not start another",
        BURST,
        "return Wait(max(now + 1, look_at)) if sleeps_on and read_at < look_at else decision",
        "return decision",
        platform="adversary",
    ),
    Mutation(
        "starts: an owner releases though frames cannot start another",
        BURST,
        "rests = isinstance(decision, Release | Park)",
        "rests = isinstance(decision, Park)",
        platform="adversary",
    ),
    Mutation(
        "starts: an end is settled though frames cannot start another",
        FLOWS,
        "if lock.typing or goes_on or now < record.start_allowed_at(policy):",
        "if lock.typing or goes_on:",
        platform="adversary",
    ),
    # what one visitor does, and another one feels (T18)
    Mutation(
        "guest: keys from before it opens count from their press",
        WRITES,
        '**({"burst_from": None} if self.begins else {})',
        "**{}",
        platform="adversary",
    ),
    Mutation(
        "guests: as many a second as are asked for",
        CORE + "keeper/guests/keeper.py",
        "settings.creations_per_second)",
        "1_000_000)",
        directed="tests/unit/keeper/guests/test_keeper.py",
    ),
    Mutation(
        "guests: who has typed waits behind newcomers",
        CORE + "keeper/guests/keeper.py",
        "turn, ahead=hand.held.is_used)",
        "turn)",
        directed="tests/unit/keeper/guests/test_keeper.py",
    ),
    Mutation(
        "neighbours: one guest in trouble stops all",
        CORE + "relay/breaker.py",
        "return len(tally.troubled_guests) >= MIN_GUESTS and tally.troubled_calls",
        "return tally.troubled_calls",
        platform="neighbours",
    ),
    Mutation(
        "neighbours: all sessions have one budget",
        CORE + "door/frame_budget.py",
        "budget = self._by_connection.get(connection) or Budget(frames",
        "budget = next(reversed(self._by_connection.values()), None) or Budget(frames",
        platform="neighbours",
    ),
    Mutation(
        "neighbours: who cannot be swept keeps the sweep from the others",
        CORE + "keeper/sweeping.py",
        'except Exception as error:\n            logger.warning("A burst whose owner died could',
        'except ZeroDivisionError as error:\n            logger.warning("A burst whose owner died could',
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    Mutation("retry: ignore retry_at", BURST, "if now >= may_send_at:", "if now >= 0:"),
    Mutation("verify: ignore retry_at", BURST, "may_call = now >= max(record.retry_at, calm_at)", "may_call = True"),
    Mutation(
        "verify: never",
        BURST,
        "if policy.verifies and record.verify_at is not None and now >= record.verify_at and may_call:",
        "if record.verify_at is not None and now < record.verify_at - 60_000:",
        directed="tests/unit/relay/test_burst.py",
    ),
    Mutation(
        "verify: though CXone took the call at once",
        FLOWS,
        "verify_at = now if record.is_in_doubt() else regularly",
        "verify_at = now",
    ),
    Mutation(
        "verify: after each end of typing",
        FLOWS,
        "regularly = now + policy.verify_ms if lock.typing else None",
        "regularly = now + (policy.verify_ms if lock.typing else 0)",
    ),
    Mutation(
        "settled: take an uncertain call for done",
        BURST,
        "return self.sending is None and self.shown == wanted",
        "return self.shown == wanted",
    ),
    Mutation(
        "pause: judge by keys that may be missing",
        BURST,
        "if any(at >= newest for at in self.earlier_keys.values()):",
        "if False:",
    ),
    Mutation(
        "connections: forget all that are gone in one write",
        BURST,
        "by_time[: min(max(too_many, old), FORGOTTEN_AT_ONCE)]",
        "by_time[:old]",
        error="ClientError",  # DynamoDB refuses the request
    ),
    # the call
    Mutation(
        "call: write it whenever its connection is made",
        GUESTS,
        "LATEST_WRITE_MS = LATEST_START_MS + int(CONNECT_TIMEOUT_S * 1000)",
        "LATEST_WRITE_MS = LATEST_START_MS + 60_000",
    ),
    # flows
    Mutation(
        "reconcile: forget to re-read",
        FLOWS,
        """    while True:
        read_at = yield from perform(Now())
        record = yield from perform(Read(owner.session_id, read_at))
""",
        """    read_at = yield from perform(Now())
    record = yield from perform(Read(owner.session_id, read_at))
    while True:
""",
    ),
    Mutation("key: coalesce without a lease", FLOWS, "if record.lease_until > now and", "if record.generation > 0 and"),
    Mutation(
        "stop: leave it to the sleeping owner",
        FLOWS,
        "if nothing_to_take_back or changes_nothing or record.cannot_show():\n        return Became.NOTED",
        "if True:\n        return Became.NOTED",
    ),
    Mutation(
        "stop: let the owner sleep if another tab types",
        FLOWS,
        "record.is_fresh(now, policy) and not record.counted_longest(connection, policy)",
        "record.is_fresh(now, policy)",
    ),
    Mutation(
        "disconnect: is no stop",
        FLOWS,
        "became = yield from stopped(policy, session_id, connection, at)",
        "became = Became.NOTED",
    ),
    Mutation(
        "send: post though stalled since the lock",
        FLOWS,
        "if began - now > policy.start_within_ms:",
        "if False:",
    ),
    Mutation(
        "send: do not look at the key again after the lock",
        FLOWS,
        "if typing and not record.may_begin(began, policy):",
        "if False:",
    ),
    Mutation(
        "answer: a lost one means not taken",
        FLOWS,
        "return lock.until\n    taken_before",
        "return None\n    taken_before",
    ),
    Mutation(
        "answer: a 5xx means not taken",
        FLOWS,
        "refused = outcome.kind in (Kind.THROTTLED, Kind.DENIED)",
        "refused = True",
    ),
    Mutation(
        "answer: a refusal settles the uncertain call before it",
        FLOWS,
        "return None if refused and not taken_before else now",
        "return None if refused else now",
    ),
    Mutation(
        "retry: ignore Retry-After",
        FLOWS,
        "return backoff_ms(record.failures_of(typing), outcome.retry_after_ms, jitter)",
        "return backoff_ms(record.failures_of(typing), 0, jitter)",
    ),
    Mutation(
        "retry: a clock that is ahead calls early",
        FLOWS,
        "clocks_apart_ms = CLOCKS_APART_MS if outcome.kind is Kind.THROTTLED else 0",
        "clocks_apart_ms = 0",
        directed="tests/unit/relay/test_retry.py",  # in the simulation the jitter is longer than clocks are apart
    ),
    Mutation(
        "retry: do not write down when",
        FLOWS,
        "        yield from perform(write.Postpone(record, now + delay))\n        is_noted",
        "        is_noted",
    ),
    Mutation(
        "verify: two owners ask the same",
        FLOWS,
        "    if record.shown:\n        next_at = ",
        "    if False:\n        next_at = ",
    ),
    Mutation(
        "verify: do not write down a Retry-After",
        FLOWS,
        "if outcome.kind is Kind.THROTTLED:\n",
        "if False:\n",
    ),
    Mutation(
        "release: end though it was refused",
        FLOWS,
        "return (yield from perform(write.Release(record)))",
        "yield from perform(write.Release(record))\n            return True",
    ),
    Mutation(
        "wait: longer than its lease",
        FLOWS,
        "LONGEST_WAIT_S = 5",
        "LONGEST_WAIT_S = 20",
        directed="tests/unit/relay/test_burst.py",
    ),
    Mutation(
        "guest over: nobody ends it",
        FLOWS,
        "if outcome.kind is Kind.GUEST_OVER:\n",
        "if outcome.kind is Kind.GUEST_OVER and False:\n",
    ),
    Mutation(
        "sweeper: skip it",
        FLOWS,
        "    started = (yield from take_over(policy, record, now)) is Became.STARTED\n",
        "    started = False\n",
    ),
    # parked bursts
    Mutation(
        "parked: in doubt",
        BURST,
        "and record.is_held(policy) and not record.is_in_doubt()",
        "and record.is_held(policy)",
        directed="tests/unit/relay/test_burst.py",
    ),
    Mutation("parked: though no front end says when it ends", BURST, "and record.is_held(policy) and not", "and not"),
    Mutation(
        "parked: a plain key that ends the hold starts no owner",
        FLOWS,
        "and not record.ends_hold(connection, policy):",
        "and True:",
    ),
    Mutation(
        "parked: where no frame may start an owner",
        BURST,
        "rests = isinstance(decision, Release | Park)",
        "rests = isinstance(decision, Release)",
        directed="tests/unit/relay/test_burst.py",
    ),
    Mutation(
        "parked: with an owner's lease",
        FLOWS,
        "if not now < record.lease_until <= until:",
        "if record.lease_until <= now:",
    ),
    Mutation(
        "parked: too late for any keeper to find it in time",
        BURST,
        "park_from_ms: int = 4_500",
        "park_from_ms: int = 100",
        directed="tests/unit/relay/test_burst.py",
    ),
    Mutation(
        "parked: never looked at again",
        FLOWS,
        "return Swept(look_at=decision.until, generation=record.generation)",
        "return Swept()",
    ),
    Mutation(
        "parked: its lease runs out while it is watched",
        FLOWS,
        "lease_until = max(now + policy.lease_ms, until + policy.lease_margin_ms)",
        "lease_until = until - 1_000",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    Mutation(
        "parked: though it was released meanwhile",
        WRITES,
        'when={"generation": record.generation, "lease_until": record.lease_until},',
        'when={"generation": record.generation},',
        contract="test_a_lease_is_parked_only_as_it_was_read",
    ),
    Mutation(
        "parked: a look that fails is the last",
        CORE + "keeper/sweeping.py",
        "return Swept(look_at=again_at, generation=watched) if watched else Swept()",
        "return Swept()",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    Mutation(
        "parked: an owner that died counts as the end of a hold",
        FLOWS,
        "was_parked = policy.parks and record.is_held(policy) and",
        "was_parked =",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    Mutation(
        "parked: watched after another owner has taken over",
        FLOWS,
        "is_over = record.lease_until <= now or record.generation == watched",
        "is_over = record.lease_until <= now or bool(watched)",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    Mutation(
        "parked: every keeper watches it",
        CORE + "keeper/sweeping.py",
        "elif lease_until >= now and self._is_held(session_id):",
        "elif lease_until >= now:",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    Mutation(
        "parked: the watch forgets the generation",
        CORE + "keeper/sweeping.py",
        "watch = session_id, swept.look_at, swept.generation",
        "watch = session_id, swept.look_at, 0",
        directed="tests/unit/keeper/test_sweeping.py",
    ),
    # the store's conditions, in memory
    Mutation(
        "lock: without the revision",
        WRITES,
        'when={**_as_read(record), "guest_id": record.guest_id, ',
        'when={"generation": record.generation, "sends": record.sends, "guest_id": record.guest_id, ',
    ),
    Mutation(
        "lock: without what duplicates have sent",
        WRITES,
        'when={**_as_read(record), "guest_id": record.guest_id, ',
        'when={"generation": record.generation, "revision": record.revision, "guest_id": record.guest_id, ',
    ),
    Mutation(
        "lock: a try does not count",
        WRITES,
        "record.failures_of(lock.typing) + 1",
        "record.failures_of(lock.typing)",
    ),
    Mutation(
        "accept: the answer to another lock",
        WRITES,
        "when=_locked(self.record, self.lock),\n            sets={**shown",
        'when={"guest_id": self.record.guest_id},\n            sets={**shown',
        contract="test_the_answer_to_a_call_whose_lock_ran_out_changes_nothing",
    ),
    Mutation(
        "release: without the revision",
        WRITES,
        "when=_as_read(self.record), sets",
        'when={"generation": self.record.generation, "sends": self.record.sends}, sets',
    ),
    Mutation(
        "release: without what duplicates have sent",
        WRITES,
        "when=_as_read(self.record), sets",
        'when={"generation": self.record.generation, "revision": self.record.revision}, sets',
        contract="test_a_call_that_the_owner_has_not_seen_keeps_it_from_releasing",
    ),
    Mutation(
        "release: without condition",
        WRITES,
        "when=_as_read(self.record), sets",
        "when={}, sets",
    ),
    Mutation(
        "settled: though a key came meanwhile",
        WRITES,
        '                "generation": record.generation,\n                "revision": record.revision,\n',
        '                "generation": record.generation,\n',
    ),
    Mutation(
        "settled: though a newer owner is at work",
        WRITES,
        '                "generation": record.generation,\n                "revision": record.revision,\n',
        '                "revision": record.revision,\n',
        contract="test_a_burst_is_not_settled_by_who_has_not_seen_all",
    ),
    Mutation(
        "verify: overtaken by a call",
        WRITES,
        '"sends": record.sends, "guest_id": record.guest_id},\n            sets={"shown"',
        '"guest_id": record.guest_id},\n            sets={"shown"',
    ),
    Mutation(
        "claim: without condition",
        WRITES,
        'when={"generation": self.generation},\n            sets={"generation": next_one',
        'when={},\n            sets={"generation": next_one',
    ),
    Mutation(
        "claim: hidden from the sweeper",
        WRITES,
        '            in_hand=True,\n            mark="own",',
        '            mark="own",',
        contract="test_leases_that_ran_out_are_found_oldest_first_until_released",
    ),
    Mutation(
        "key: does not count",
        WRITES,
        """                "expires_at": self.expires_at,
            },
            adds={"revision": 1},
""",
        """                "expires_at": self.expires_at,
            },
""",
    ),
    Mutation(
        "key: its hold is not kept",
        WRITES,
        'held = {f"holds.{connection}": (at, key.hold_ms)} if key.hold_ms else {}',
        "held: dict[str, Any] = {}",
    ),
    Mutation(
        "key: though a later stop is known",
        WRITES,
        """                f"stops.{connection}": is_older,
""",
        "",
        contract="test_a_key_no_newer_than_a_stop_of_its_connection_is_refused",
    ),
    Mutation(
        "stop: does not count",
        WRITES,
        """                sets={stop: self.at, **late},
                adds={"revision": 1},
""",
        """                sets={stop: self.at, **late},
""",
    ),
    Mutation(
        "guest: its end frees the lock",
        WRITES,
        '_CALL_IS_FORGOTTEN: dict[str, Any] = {"attempts": 0,',
        '_CALL_IS_FORGOTTEN: dict[str, Any] = {"sending_until": 0, "attempts": 0,',
    ),
    Mutation(
        "guest: released while shown typing",
        WRITES,
        '{} if self.whatever_is_shown else {"shown": False, "sending": None}',
        "{}",
        contract="test_a_guest_who_is_or_may_be_shown_typing_is_not_released",
    ),
    # the store's conditions, in DynamoDB
    Mutation(
        "DynamoDB: a hold without its key",
        EXPRESSIONS,
        '{"L": [typed(inner) for inner in value]}',
        '{"L": [typed(0), *(typed(inner) for inner in value[1:])]}',
        contract="test_a_held_key_says_for_how_long_it_counts",
    ),
    Mutation(
        "DynamoDB: alive in the second it expires",
        DYNAMO,
        'int(item["expires_at"]["N"]) <= now // 1000',
        'int(item["expires_at"]["N"]) < now // 1000',
        contract="test_a_record_past_its_expiry_is_absent_though_not_deleted",
    ),
    Mutation(
        "DynamoDB: one condition of several is enough",
        EXPRESSIONS,
        '" AND ".join(conditions)',
        '" OR ".join(conditions)',
        contract="test_of_two_that_lock_the_same_in_the_same_ms_one_is_refused",
    ),
    Mutation(
        "DynamoDB: more than what was read will do",
        EXPRESSIONS,
        'return f"{path} = {self._value(wanted)}"',
        'return f"{path} >= {self._value(wanted)}"',
        contract="test_of_two_that_lock_the_same_in_the_same_ms_one_is_refused",
    ),
    Mutation(
        "hello: who says it again has never typed or stopped",
        WRITES,
        'f"stops.{coming.connection}": KeptOr(coming.heard_at)',
        'f"stops.{coming.connection}": coming.heard_at',
        contract="test_one_that_says_hello_again_is_as_old_as_it_was",
    ),
    Mutation(
        "DynamoDB: what is to be removed stays",
        EXPRESSIONS,
        "removed = [self._path(name) for name, value in update.sets.items() if value is None]",
        "removed: list[str] = []",
        contract="test_a_lock_without_a_beginning_forgets_since_when",
    ),
    Mutation(
        "DynamoDB: a Retry-After set back",
        EXPRESSIONS,
        'return f"{path} {sign} {self._value(wanted.limit)}"',
        'return f"NOT {path} = {self._value(wanted.limit)}"',
        contract="test_a_retry_after_holds_for_the_next_owner_too",
    ),
    Mutation(
        "prune: connections that were never gone are forgotten",
        WRITES,
        "old = record.forgettable(before)",
        "old = sorted(record.stops)[:40]",
        contract="test_pruning_forgets_the_holds_of_connections_that_are_gone",
    ),
    Mutation(
        "prune: all connections that are gone are forgotten in one write",
        WRITES,
        "old = record.forgettable(before)",
        "old = sorted(record.stops.keys() - record.connections)",
        contract="test_pruning_forgets_the_holds_of_connections_that_are_gone",
    ),
    Mutation(
        "DynamoDB: keys that were not read are left out",
        QUERIES,
        "        if not request:\n",
        "        if True:\n",
        contract="test_many_records_are_read_at_once_without_the_absent_ones",
    ),
    Mutation(
        "DynamoDB: a batch names a key twice",
        DYNAMO,
        "for session_id in dict.fromkeys(session_ids)]",
        "for session_id in session_ids]",
        error="ClientError",  # DynamoDB refuses the request
        contract="test_the_same_record_asked_for_twice_is_read_once",
    ),
    Mutation(
        "DynamoDB: what is found is on the first page",
        QUERIES,
        'if "LastEvaluatedKey" not in answer:',
        "if True:",
        contract="test_more_leases_that_ran_out_than_a_page_holds_are_all_found",
    ),
    Mutation(
        "guest: ended twice",
        WRITES,
        'when={"guest_id": self.guest_id},\n            sets={\n                "guest_id": "",',
        'when={},\n            sets={\n                "guest_id": "",',
        contract="test_of_two_that_notice_the_end_of_a_guest_one_is_first",
    ),
    # the client's own retries, and what is measured
    Mutation(
        "store: a lock takes its own retry for another's",
        WRITES,
        '            left={"sends": record.sends + lock.spends, "sending_until": lock.until},\n',
        "",
    ),
    Mutation(
        "dynamo: a write takes its own retry for another's",
        DYNAMO,
        "    if update.left is None:\n",
        "    if True:\n",
        contract="test_a_write_that_meets_its_own_first_try_is_done",
    ),
    Mutation(
        "dynamo: a lock takes another's in the same ms for its own",
        DYNAMO,
        "left = {**mark, **{",
        "left = {**{",
        contract="test_of_two_that_lock_the_same_in_the_same_ms_one_is_refused",
    ),
    Mutation(
        "store: a stop that is known already is refused",
        WRITES,
        """                answer=Answer.RECORD,
            )
        )
""",
        """                answer=Answer.CHANGED,
            )
        )
""",
    ),
    Mutation(
        "store: who finds no typing endpoint is not told after a retry",
        WRITES,
        '            left={"typing_unavailable": True},\n',
        "",
    ),
    Mutation(
        "DynamoDB: a lease that is released stays in the sweeper's index",
        EXPRESSIONS,
        '["sweep_shard"] if update.in_hand is False else []',
        "[]",
        contract="test_the_end_of_a_burst_is_accepted_and_released_in_one_write",
    ),
    Mutation(
        "felt: counts from a burst that never had an owner",
        BURST,
        "return max(self.burst_from, newest, self.late_key_at) if is_after_a_pause else self.burst_from",
        "return self.burst_from",
        directed="tests/unit/relay/test_burst.py",
    ),
    Mutation(
        "felt: a key that still counts ends a burst",
        BURST,
        "ended = max((at for at in (*ends, *earlier) if at <= now), default=None)",
        "ended = max((*ends, *earlier), default=None)",
        directed="tests/unit/relay/test_burst.py",
    ),
)


MUTATIONS = V1 + DIGITAL_FIRST + SIGN_IN + OFFLINE + TOLD + FLEET
