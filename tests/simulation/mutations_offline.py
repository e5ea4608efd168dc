"""Offline messages broken on purpose: sent twice, sent before that is on record, or too many of them (T15, T17)."""

from __future__ import annotations

from functools import partial

from tests.simulation.mutation import CORE, Mutation

OFFLINE_MESSAGES, ASKING = (CORE + f"platforms/digital_first/{name}.py" for name in ("offline", "talk_parts/asking"))

_left = partial(Mutation, platform="dfo", directed="tests/unit/platforms/digital_first/test_offline.py")

OFFLINE = (
    _left(
        "offline message: one that a keeper before may have sent is sent again",
        OFFLINE_MESSAGES,
        "        if message.left_by:\n            self.mailbox.refused(*key, UNCONFIRMED)\n        elif not",
        "        if not",
    ),
    _left(
        "offline message: one whose socket was lost is sent again",
        OFFLINE_MESSAGES,
        "            self._end(partial(self._refused, UNCONFIRMED, end.reason))",
        "            self._again(end.reason)",
    ),
    _left(
        "offline message: a record that comes late sends it on whichever socket there is",
        OFFLINE_MESSAGES,
        "        if self._is_over or self._socket is not socket or author is None:",
        "        if author is None or self._socket is None:",
    ),
    _left(
        "offline message: a stranger leaves as many as they like",
        OFFLINE_MESSAGES,
        "        if now < PER_SESSION.free_at(spent):",
        "        if False:",
    ),
    Mutation(
        "offline message: what was left is not looked for while nobody is there",
        ASKING,
        "        self._ask_again()\n        state.context.mailbox.hold(state.session_id)\n",
        "        self._ask_again()\n",
        platform="dfo",
        directed="tests/unit/platforms/digital_first/test_talk.py",
    ),
)
