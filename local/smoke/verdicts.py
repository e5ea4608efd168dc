"""What each step of a smoke test means: from what was seen to a finding, with where to look when not well. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from typing_relay.platforms.registry import platform_named

from local.playing.calls import TypingCall

#: The bounds of DebounceMs and HeartbeatMs in template.yaml; a test compares them.
LEAST_DEBOUNCE_MS, MOST_DEBOUNCE_MS = 2000, 5000
LEAST_HEARTBEAT_MS, MOST_HEARTBEAT_MS = 500, 1500
FORBIDDEN = (401, 403)


class Mark(Enum):
    """How a step came out; the value is what a terminal shows."""

    WELL = "✓"
    WRONG = "✗"
    WARNED = "!"
    UNSEEN = "–"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for a person. ``look``: alarms, log groups and sections to go on with."""

    mark: Mark
    text: str
    look: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A handshake that did not come about: the HTTP status, or else the kind of error on the way."""

    status: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a stack of this name and platform (``v1`` or ``dfo``) writes its logs, and which alarms it has; without a
    name, how to find out.
    """

    stack: str = "{stack}"
    platform: str = "v1"

    @property
    def is_gateway(self) -> bool:
        """The keeper makes the typing calls, not the sender."""
        return platform_named(self.platform).speaks_on_socket

    def function(self, name: str) -> str:
        """The log group of a function."""
        return f"log group /aws/lambda/{self.stack}-{name}"

    @property
    def keeper(self) -> str:
        """The guest keeper's log group."""
        return f"log group /ecs/{self.stack}-guest-keeper"

    @property
    def executions(self) -> str:
        """The state machine's log group."""
        return f"log group /aws/vendedlogs/states/{self.stack}-typing-burst"

    @property
    def teller(self) -> str:
        """The log group of whoever tells CXone of typing."""
        return self.keeper if self.is_gateway else self.function("sender")

    @property
    def refusals(self) -> str:
        """The alarms of a CXone that refuses us."""
        return "alarms GatewayRefuses, GuestsDead" if self.is_gateway else "alarms CxoneDenies, GuestsDead"

    @property
    def speaks(self) -> str:
        """The interface of CXone that this deployment uses."""
        return "Digital-First (dfo)" if self.is_gateway else "webchat v1"

    @property
    def interface(self) -> str:
        """How to find out which of CXone's two interfaces the tenant speaks."""
        asks = "DFO_ENVIRONMENT=… DFO_BRAND_ID=… DFO_CHANNEL_ID=…" if self.is_gateway else "CXONE_ORG_ID=…"
        return f"whether the tenant speaks {self.speaks} at all: make probe {asks}"


def _well(text: str) -> Finding:
    return Finding(Mark.WELL, text)


def _wrong(text: str, *look: str) -> Finding:
    return Finding(Mark.WRONG, text, look)


def unseen(text: str) -> Finding:
    """Could not be looked at, and why."""
    return Finding(Mark.UNSEEN, text)


def handshake(refused: Refused | None, places: Places) -> Finding:
    """A visitor with a good token comes; None: let in."""
    if refused is None:
        return _well("let in")
    if refused.status is None:
        return _wrong(f"nobody answers there ({refused.error})", "URL: the output WebSocketUrl, or make run")
    if refused.status in FORBIDDEN:
        hints = ("line 'Handshake refused': it has the reason", "ORIGIN= where AllowedOrigins is set")
        return _wrong(
            f"refused ({refused.status})", places.function("authorizer"), *hints, "docs/operations.md, Secrets"
        )
    if refused.status == 429:
        return _wrong("turned away (429): too many connections", "ConnectRateLimit; docs/operations.md, Scaling")
    if refused.status >= 500:
        alarms = "alarms FunctionsFail, FunctionsThrottled, StaleKeysInUse, ApiFails"
        return _wrong(
            f"failed ({refused.status})", alarms, places.function("authorizer"), places.function("connection")
        )
    return _wrong(f"no relay is there ({refused.status})", "URL: the output WebSocketUrl, with its stage")


def forged_token(refused: Refused | None, places: Places) -> Finding:
    """A visitor comes with a token that nobody signed."""
    if refused is None:
        return _wrong(
            "LET IN: anybody can be any visitor", places.function("authorizer"), "who may read the visitor secret"
        )
    if refused.status in FORBIDDEN:
        return _well(f"turned away ({refused.status})")
    return _wrong(f"not refused but failed ({refused.status or refused.error})", places.function("authorizer"))


def welcome(frame: Mapping[str, Any] | None, session: str, places: Places) -> Finding:
    """The answer to hello; None: there was none."""
    if frame is None:
        alarms = "alarms FunctionsFail, FunctionsThrottled, ApiFails"
        return _wrong("hello is not answered", alarms, places.function("keystroke"))
    if frame.get("session") != session:
        return _wrong("it is another session's", places.function("authorizer"))
    if frame.get("signals") == "off":
        return _wrong("typing signals are off", "parameter TypingSignals", "the token's claim signals")
    timings = frame.get("timings", {})
    debounce, heartbeat = timings.get("debounce_ms"), timings.get("heartbeat_ms")
    if not _is_within(debounce, LEAST_DEBOUNCE_MS, MOST_DEBOUNCE_MS):
        return _wrong(f"debounce_ms is {debounce!r}", "parameter DebounceMs")
    if not _is_within(heartbeat, LEAST_HEARTBEAT_MS, MOST_HEARTBEAT_MS):
        return _wrong(f"heartbeat_ms is {heartbeat!r}", "parameter HeartbeatMs")
    return _well(f"typing ends {debounce} ms after the last key; a frame each {heartbeat} ms at most")


def _is_within(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def guest(status: str, within_s: float, places: Places) -> Finding:
    """How the visitor's CXone guest stands after at most this many seconds."""
    if status == "open":
        return _well(f"open: the tenant speaks {places.speaks}")
    if status == "unavailable":
        return _wrong("CXone gives no guest", places.refusals, f"{places.keeper}: it has the reason", places.interface)
    return _wrong(
        f"not open after {within_s:.0f} s ({status or 'nothing was said'})",
        "alarms KeeperSilent, GuestsWait",
        places.refusals,
        places.keeper,
        "KeeperImage, VpcId and SubnetIds are needed for it",
        places.interface,
    )


def contact(answer: Mapping[str, Any] | None, is_open: bool, places: Places) -> Finding:
    """Digital-First: the answer to a first message (None: there was none), and whether a contact opened by it."""
    if answer is None:
        return _wrong("the message is not answered", "alarms MessagesNotDelivered, NudgesLost", places.keeper)
    if answer.get("status") != "accepted":
        reason = answer.get("reason") or answer.get("status")
        return _wrong(f"the message was not delivered ({reason})", "alarms MessagesNotDelivered", places.keeper)
    if not is_open:
        return _wrong("the message opened no contact", "the channel in CXone, its routing", places.keeper)
    return _well("opened by a message")


def ping(is_answered: bool, places: Places) -> Finding:
    """A ping, and whether the pong came."""
    if is_answered:
        return _well("answered")
    return _wrong("not answered", "alarms FunctionsFail, FunctionsThrottled, ApiFails", places.function("keystroke"))


def frames_taken(what: str, errors: Sequence[str], is_answered: bool, places: Places) -> Finding:
    """Frames that were sent, ``what`` in words: the codes of the error frames that came, and whether a ping behind them
    was answered.
    """
    if "typing_unavailable" in errors:
        return _wrong("CXone has no typing indicator for this guest (404)", "the channel in CXone")
    if errors:
        return _wrong(f"refused: {', '.join(sorted(set(errors)))}", places.function("keystroke"))
    if not is_answered:
        return _wrong("no answer any more", "alarms FunctionsFail, FunctionsThrottled", places.function("keystroke"))
    return _well(what)


def closed(places: Places) -> Finding:
    """The connection ended in the middle of a step."""
    return _wrong(
        "the connection was closed from the other side", places.function("keystroke"), places.function("connection")
    )


def bad_frame(code: str | None, places: Places) -> Finding:
    """A frame with a key that has no place in it was answered by this error code; None: not at all."""
    if code == "bad_frame":
        return _well("refused as bad_frame")
    return _wrong(f"answered with {code}" if code else "not answered", places.function("keystroke"))


def told(calls: Sequence[TypingCall], typed_at: int, stopped_at: int, places: Places) -> Finding:
    """What CXone was told, oldest first, of a burst from ``typed_at`` to a stop at ``stopped_at`` (epoch ms)."""
    if not calls:
        return _wrong("told nothing", *_silence(places), "LogLevel above INFO hides it")
    shown = next((call for call in calls if call.typing and call.was_accepted), None)
    if shown is None:
        return _not_taken("true", [call for call in calls if call.typing], places)
    if calls[-1].typing or not calls[-1].was_accepted:
        return _not_taken("false", [call for call in calls if not call.typing], places)
    said = [call.typing for call in calls if call.was_accepted]
    if said != [True, False]:
        text = f"told {', '.join(map(_word, said))} of one burst"
        return _wrong(text, "frames came late, or bursts were cut", places.teller)
    tries = "" if len(calls) == 2 else f" ({len(calls)} calls: {_outcomes(calls)})"
    on, off = (shown.ended - typed_at) / 1000, (calls[-1].ended - stopped_at) / 1000
    return _well(f"true {on:.1f} s after the first key, false {off:.1f} s after the stop{tries}")


def _not_taken(value: str, tries: Sequence[TypingCall], places: Places) -> Finding:
    if not tries:
        if places.is_gateway:
            return _wrong(f"{value} was not said", "alarms KeeperStalls, NudgesLost", places.keeper)
        return _wrong(f"{value} was not said", "alarms BurstsFail, BurstsSwept", places.executions)
    outcome = tries[-1].outcome
    causes = _GATEWAY_CAUSES if places.is_gateway else _CAUSES
    return _wrong(f"{value} was not taken ({_outcomes(tries)})", causes.get(outcome, outcome), places.teller)


def _silence(places: Places) -> tuple[str, ...]:
    """Where to look when nothing was told."""
    if places.is_gateway:
        return "alarms KeeperSilent, KeeperStalls, KeeperStoreFails, NudgesLost", places.keeper
    return "alarms BurstsNotStarted, BurstsFail, FunctionsFail", places.executions, places.teller


_CAUSES = {
    "throttled": "CXone answers 429: alarm CxoneThrottles",
    "denied": "CXone refuses our credentials or scopes: alarm CxoneDenies, the secret CxoneSecretArn",
    "failed": "CXone answers 5xx: its status page",
    "lost": "CXone does not answer in time: CxoneBaseUrl, the way out to it",
    "guest_over": "CXone ended the guest: its settings for this channel",
    "unavailable": "CXone has no typing indicator for this guest (404)",
}
#: On Digital-First typing is a frame on the guest's socket: it is sent, or it is lost with the socket.
_GATEWAY_CAUSES = {
    "denied": "the gateway refuses our token: alarm GatewayRefuses",
    "failed": "the gateway answers with an error: the keeper's log names it, alarm GatewayRefuses",
    "lost": "the gateway's socket broke: the way out to it, NICE's status page",
    "guest_over": "the contact ended: CXone's settings for this channel",
    "ended": "a message of this visitor ended it: send none while this runs",
    "not_yet": "there was no socket or no contact any more: alarm GuestsNotHeld",
}


def _outcomes(calls: Sequence[TypingCall]) -> str:
    counts = Counter(call.outcome for call in calls)
    return ", ".join(outcome if count == 1 else f"{count} × {outcome}" for outcome, count in counts.items())


def _word(value: bool) -> str:
    return "true" if value else "false"


def closing(findings: Sequence[Finding]) -> tuple[str, int]:
    """The last line, and the exit status: 0 when nothing is wrong, else 1."""
    wrong = sum(finding.mark is Mark.WRONG for finding in findings)
    unknown = sum(finding.mark is Mark.UNSEEN for finding in findings)
    left_out = f" {unknown} step{'s were' if unknown > 1 else ' was'} not looked at." if unknown else ""
    if wrong:
        return f"Not well: {wrong} of {len(findings)} steps went wrong.{left_out}", 1
    return f"It works.{left_out}", 0
