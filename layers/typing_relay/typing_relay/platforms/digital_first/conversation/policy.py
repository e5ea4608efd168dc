"""Timings and limits of a conversation."""

from __future__ import annotations

from dataclasses import dataclass

from typing_relay.platforms.shared.agents_typing import USUAL_LIFE_MS
from typing_relay.relay.rate import Rate

#: T17: what one socket sends. NICE's own client sends at most 100 requests in 5 s (CXone fact).
FRAMES = Rate(at_once=40, every_ms=100)

#: T17: a stranger may name any address. A person asks once, and again where it was mistyped.
TRANSCRIPTS = Rate(at_once=3, every_ms=300_000)


@dataclass(frozen=True, slots=True)
class ConversationPolicy:
    """Timings, in ms, and limits."""

    #: The gateway wants one each 15 s; silence of 45 s is a connection that is dying (CXone fact).
    heartbeat_ms: int = 15_000
    dead_ms: int = 45_000
    #: Typing whose heartbeat is not answered for this long may not have left.
    proof_ms: int = 4_000
    #: A look or a message without an answer for this long: the socket is replaced.
    answer_ms: int = 10_000
    #: A message that has not left this long after it was decided is not sent any more: whoever has seen that it may
    #: have left counts from then on.
    leave_within_ms: int = 1_000
    #: It may be taken this long after that: it leaves within ``leave_within_ms``, and is on its way for 3 s at most. A
    #: look before then does not show that it was not taken.
    settle_ms: int = 4_000
    #: Typing on a socket that was lost may be taken this late, as the lock of a call has it.
    in_flight_ms: int = 7_500
    #: Nothing waits longer to be delivered.
    message_lifetime_ms: int = 300_000
    #: The gateway's clock and ours may be this far apart.
    skew_ms: int = 5_000
    retry_ms: int = 1_000
    #: Messages, and that all was seen, wait until the socket may send another frame. Looks and typing do not wait: both
    #: have bounds of their own.
    frames: Rate = FRAMES
    #: How many refusals of one message, or failed looks in a row, are tolerated.
    most_refusals: int = 3
    #: One message is sent at most this many times in all.
    most_sends: int = 6
    #: At most this many threads in a row are begun for one message.
    most_threads: int = 3
    most_messages: int = 20
    #: At most this many pages of earlier messages are asked for at a time; this many pages are remembered.
    most_pages_due: int = 3
    most_pages: int = 8
    transcripts: Rate = TRANSCRIPTS
    #: A token with less than this left is renewed before a socket is opened.
    renew_early_ms: int = 60_000
    #: A consumer's token is not renewed before (a session that is not secured).
    least_refresh_ms: int = 20_000
    #: An agent types no longer when nothing has renewed it for this long.
    agent_typing_ms: int = USUAL_LIFE_MS
    #: A message whose rest is to be fetched, and what comes after it, waits this long; the rest is asked for at
    #: most this many times, and at most this many messages wait.
    rest_ms: int = 25_000
    most_fetches: int = 3
    most_untold: int = 20
    #: Front ends that have just connected are told the current state once in this time, however many they are (T17).
    catch_up_ms: int = 2_000
