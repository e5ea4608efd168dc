"""What visitors are told broken on purpose: the outbox, what ends with a socket, what a next keeper tells anew."""

from __future__ import annotations

from functools import partial

from tests.simulation.mutation import CORE, Mutation

OUTBOX, KEEPER = CORE + "keeper/visitors/outbox.py", CORE + "keeper/guests/keeper.py"
TALK, CONVERSATION = CORE + "platforms/digital_first/talk.py", CORE + "platforms/digital_first/conversation/"

PARTS = "tests/unit/platforms/digital_first/test_conversation_parts.py"

_dfo = partial(Mutation, platform="dfo")

TOLD = (
    _dfo(
        "told: a contact is not told again after a take-over",
        TALK,
        "if c and c.thread.ready else (typing,)",
        "if False else (typing,)",
    ),
    _dfo(
        "typing: who may not record a contact or a thread goes on speaking",
        KEEPER,
        "            fenced=lambda: self._happened(hand, guest.FenceLost()),\n",
        "            fenced=lambda: None,\n",
    ),
    # the outbox
    _dfo(
        "outbox: what failed is forgotten",
        OUTBOX,
        "                done.failed.add(connection)\n            return\n",
        "                done.got[connection] = frame.number\n            return\n",
    ),
    _dfo(
        "outbox: what failed is not tried again",
        OUTBOX,
        "        queue.retry, queue.resting = None, frozenset()\n        self._go_on(session_id)",
        "        queue.retry, queue.resting = None, frozenset()",
    ),
    _dfo(
        "outbox: a try that falls due during a post is left out",
        OUTBOX,
        "        elif retry_is_due or any(",
        "        elif any(",
        directed="tests/unit/keeper/visitors/test_outbox.py",
    ),
    _dfo(
        "outbox: what was dropped is posted for ever",
        OUTBOX,
        "number < queue.frames[-1].number for name, number",
        "number < queue.last_number for name, number",
        directed="tests/unit/keeper/visitors/test_outbox.py",
    ),
    _dfo(
        "outbox: one that fails keeps frames from the others",
        OUTBOX,
        "    able = ((number, connection) for connection, number in done.got.items() if connection not in done.failed)",
        "    able = ((number, connection) for connection, number in done.got.items() if not done.failed)",
    ),
    _dfo(
        "outbox: a record that cannot be read loses the frames",
        OUTBOX,
        "            self._retry(session_id, queue, queue.resting)\n",
        "            self._forget(session_id, queue)\n",
    ),
    _dfo(
        "outbox: with nobody connected frames are gone",
        OUTBOX,
        "        if done.failed or not done.got:",
        "        if not done.got:\n            self._forget(session_id, queue)\n        elif done.failed:",
    ),
    _dfo(
        "outbox: believes that a connection is gone which is not there yet",
        OUTBOX,
        "elif self._clock() - record.heard_at(connection) < YOUNG_MS:",
        "elif False:",
    ),
    _dfo(
        "outbox: who has just come waits as long as those who failed before",
        OUTBOX,
        "        if failed - queue.failed:\n",
        "        if False:\n",
    ),
    _dfo(
        "outbox: a token that has just run out loses a frame",
        OUTBOX,
        "self._clock() - JUST_MS",
        "self._clock()",
        directed="tests/unit/keeper/visitors/test_outbox.py",
    ),
    _dfo(
        "outbox: a connection whose token has run out is never closed",
        OUTBOX,
        "            if not record.may_hear(connection, self._clock()):\n",
        "            if False:\n",
        directed="tests/unit/keeper/visitors/test_outbox.py",
    ),
    _dfo(
        "outbox: counts as relayed what nobody got",
        OUTBOX,
        'for name, count in (("FramesRelayed", len(done.reached)),',
        'for name, count in (("FramesRelayed", len(queue.frames)),',
    ),
    _dfo(
        "outbox: posts on when its record has grown old",
        OUTBOX,
        "while (owed := _next_owed(frames, done)) and self._clock() <= until:",
        "while owed := _next_owed(frames, done):",
    ),
    _dfo(
        "outbox: is not fenced",
        OUTBOX,
        "if record is None or record.keeper != self._keeper:",
        "if record is None:",
    ),
    _dfo("outbox: notes nothing of what was told", OUTBOX, "            if frame.position:", "            if False:"),
    _dfo(
        "outbox: notes what a tab has not got",
        OUTBOX,
        "while done.got and queue.frames and queue.frames[0].number <= min(done.got.values()):",
        "while done.got and queue.frames and queue.frames[0].number <= max(done.got.values()):",
    ),
    # what is true is told anew
    _dfo(
        "told: nothing by who takes over", KEEPER, "                if record.had_guest():", "                if False:"
    ),
    _dfo("told: not again after late posts", KEEPER, "if self._is_held(hand) and hand.held.taken:", "if False:"),
    _dfo(
        "told: never a status whose write failed",
        KEEPER,
        '            if what == "status":  # it may be on record all the same, and is not told\n'
        "                self._tell_again_later(hand)\n",
        '            if what == "status":\n                pass\n',
        directed="tests/unit/keeper/guests/test_keeper.py",
    ),
    _dfo(
        "told: the agent types on when the socket is lost",
        CONVERSATION + "agents.py",
        "    stopped(turn)\n    turn.agents",
        "    turn.agents",
    ),
    _dfo(
        "told: the agent types on when the contact is closed",
        CONVERSATION + "contacts.py",
        "        agents.stopped(turn)\n        shown",
        "        shown",
    ),
    _dfo(
        "told: contact and agent only if they are news to the next keeper",
        TALK,
        "                tells_anew=not known.is_new,\n",
        "",
    ),
    _dfo(
        "told: nothing to a tab that comes late",
        CONVERSATION + "catch_up.py",
        "    turn.catch_up = changed(turn.catch_up, due=True)\n",
        "    pass\n",
    ),
    _dfo(
        "told: what was seen is unread again after a look",
        CONVERSATION + "seen.py",
        "message.message_id == turn.seen.to or (message.from_agent and message.is_seen)",
        "message.from_agent and message.is_seen",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "told: which files may be sent only to whoever is there already",
        CONVERSATION + "catch_up.py",
        "    if files and files.rules.allowed:\n",
        "    if False:\n",
        directed="tests/unit/platforms/digital_first/test_files.py",
    ),
    _dfo(
        "told: the current state only to whoever comes first",
        CONVERSATION + "catch_up.py",
        "due=False, at=turn.now + turn.policy.catch_up_ms)",
        "due=False, at=turn.now + 3_600_000)",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "told: the place in the queue from before a gap",
        CONVERSATION + "contacts.py",
        "    if not is_same:\n",
        "    if False:\n",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    # an agent types who does not (T16)
    _dfo(
        "told: the agent types on when its message is there",
        CONVERSATION + "agents.py",
        "    if message.from_agent:\n",
        "    if False:\n",
    ),
    _dfo(
        "told: the agent types on when another one is in its place",
        CONVERSATION + "agents.py",
        "if agent is None or agent != turn.agents.told:",
        "if False:",
    ),
    _dfo(
        "told: the agent types on for as long as nobody says otherwise",
        CONVERSATION + "agents.py",
        "_type(turn, turn.agents.typing.expired(turn.now))",
        "pass",
        directed="tests/unit/platforms/digital_first/test_conversation.py",
    ),
    _dfo(
        "told: that the agent types no longer by itself is noticed when something else happens",
        CONVERSATION + "waking.py",
        "        times.append(conversation.agents.typing.wake_at)\n",
        "        pass\n",
    ),
    _dfo(
        "told: a start that the agent's message overtook",
        CORE + "platforms/shared/agents_typing.py",
        "said_at < stop.said_at",
        "False",
    ),
    _dfo(
        "told: the visitor's own typing, which comes back, is an agent's",
        CORE + "platforms/digital_first/parsing/events.py",
        "if is_agents else Echo()",
        "",
        directed="tests/unit/platforms/digital_first/test_frames_in.py",
    ),
    # messages
    _dfo(
        "told: a message before those it follows",
        CONVERSATION + "events.py",
        "isinstance(what, frames_in.MessageCreated) and not turn.thread.ready:",
        "False:",
    ),
    _dfo(
        "told: the last two minutes again by the next keeper",
        TALK,
        "newest_at=context.clock() - MISSED_MS if known.told_at is None else known.told_at,",
        "newest_at=context.clock() - MISSED_MS,",
    ),
    _dfo(
        "told: the newest message again by the next keeper",
        TALK,
        "told=(known.told_id,) if known.told_id else (),",
        "told=(),",
    ),
    # messages of which a frame holds a part
    _dfo(
        "told: what comes after a part of a message overtakes it",
        CONVERSATION + "incoming.py",
        "if not waiting and not message.is_part:",
        "if not message.is_part:",
    ),
    _dfo(
        "told: a part of a message is told as if it were whole",
        CORE + "platforms/digital_first/visitor_events.py",
        "    if message.is_part:\n",
        "    if False:\n",
        directed="tests/unit/platforms/digital_first/test_conversation_parts.py",
    ),
    _dfo(
        "told: a streamed message is read for longer than it is waited for",
        CORE + "platforms/digital_first/api.py",
        "within_s = min(STREAM_TIMEOUT_S, (stream.until - STREAM_SPARE_MS - self._clock()) / 1000)",
        "within_s = STREAM_TIMEOUT_S",
        directed="tests/unit/platforms/digital_first/test_api.py",
    ),
    _dfo(
        "told: the rest of a message is not fetched",
        CONVERSATION + "incoming.py",
        "if first.message.is_part and not is_given_up:",
        "if False:",
    ),
    _dfo(
        "told: the rest of a message is asked for again and again",
        CONVERSATION + "incoming.py",
        "is_given_up = turn.now >= first.until or first.fetches >= turn.policy.most_fetches",
        "is_given_up = turn.now >= first.until",
        directed=PARTS,
    ),
    _dfo(
        "told: a message waits for its rest for ever",
        CONVERSATION + "incoming.py",
        "is_given_up = turn.now >= first.until or first.fetches >= turn.policy.most_fetches",
        "is_given_up = first.fetches >= turn.policy.most_fetches",
        directed=PARTS,
    ),
    _dfo(
        "told: what was fetched for a message before is taken for this one's",
        CONVERSATION + "incoming.py",
        "if first is None or first.fetch != fetched.name:",
        "if first is None:",
        directed=PARTS,
    ),
    _dfo(
        "told: a part without the gateway's id is told at once, and the message that has one is not",
        CORE + "platforms/digital_first/parsing/events.py",
        "bool(message.text or message.attachments) and not message.is_part",
        "bool(message.text or message.attachments)",
    ),
)
