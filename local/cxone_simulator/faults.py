"""What goes wrong at the simulated CXone: settings, their validation, and the decision for one call. Pure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from local.simulating.settings import Parser, SettingError, checked, flag, list_of, number, or_null, share, whole_number

CALLS = ("token", "guest", "typing", "typing_read")

Action = Literal["take", "throttle", "error", "hang", "reset", "lost_answer", "forget"]


@dataclass(frozen=True)
class Throttle:
    """A share of calls answered 429, with exactly this Retry-After header (None: without one)."""

    rate: float = 0.0
    retry_after: str | None = "2"


@dataclass(frozen=True)
class RateLimit:
    """The calls that one guest may make: `burst` at once, refilled by `per_second`."""

    per_second: float = 5.0
    burst: float = 10.0


@dataclass(frozen=True)
class Faults:
    """All settings. Rates are shares of calls from 0 to 1; each call meets at most one of them.

    `calls` names the calls that throttle, error, hang, reset, lost_answer, forget and latency apply to.
    """

    calls: tuple[str, ...] = ("guest", "typing", "typing_read")
    throttle: Throttle = Throttle()
    throttle_all_until: float | None = None  # epoch ms
    error_rate: float = 0.0
    hang_rate: float = 0.0
    hang_seconds: float = 30.0
    reset_rate: float = 0.0  # the connection is reset, the call not accepted
    lost_answer_rate: float = 0.0  # the call is accepted, then the connection reset
    forget_rate: float = 0.0  # a typing call is answered as if accepted, but the agent's view does not change
    latency_ms: float = 0.0  # before the call is handled
    refuse_handshake: int | None = None  # HTTP status
    typing_unavailable: bool = False
    missing: bool = False  # there is no webchat v1: every call is answered 404
    read_missing: bool = False  # typing can be told and not asked for
    typing_lasts_s: float | None = None  # CXone ends typing by itself; None: never
    guest_ends_with_socket: bool = False  # its last socket closed, the guest session is over
    scope_missing: bool = False
    token_expires_in: float = 3600  # s
    ping_interval: float = 25  # s
    silent_sockets: bool = False  # open, but no frame, ping or pong is sent
    rate_limit: RateLimit = RateLimit()


@dataclass(frozen=True)
class FaultPlan:
    """The settings for everyone, and single guests' deviations from them."""

    common: Faults = Faults()
    guests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def for_guest(self, guest_id: str | None) -> Faults:
        """The settings for this guest; for None, those for everyone."""
        return changed(self.common, self.guests.get(guest_id or "", {}))

    def changed(self, changes: Mapping[str, Any]) -> "FaultPlan":
        """The plan with the given keys replaced, `guests` as a whole. Raises SettingError."""
        rest = dict(changes)
        guests = rest.pop("guests", self.guests)
        if not isinstance(guests, Mapping):
            raise SettingError("guests: expected an object of guest id to settings")
        plan = FaultPlan(changed(self.common, rest), guests)
        for guest_id in guests:
            plan.for_guest(guest_id)
        return plan

    def as_json(self) -> dict[str, Any]:
        """The plan as the control API shows it."""
        return {**asdict(self.common), "guests": dict(self.guests)}


@dataclass(frozen=True)
class Effect:
    """What happens to one call. `retry_after` is the header of a throttled one."""

    action: Action = "take"
    retry_after: str | None = None


def decide(faults: Faults, call: str, roll: float, now: float) -> Effect:
    """What happens to this call at `now` (epoch ms), given a random `roll` from 0 up to 1."""
    if call not in faults.calls:
        return Effect()
    if faults.throttle_all_until is not None and now < faults.throttle_all_until:
        return Effect("throttle", str(math.ceil((faults.throttle_all_until - now) / 1000)))
    effects = (
        (faults.hang_rate, Effect("hang")),
        (faults.reset_rate, Effect("reset")),
        (faults.error_rate, Effect("error")),
        (faults.throttle.rate, Effect("throttle", faults.throttle.retry_after)),
        (faults.lost_answer_rate, Effect("lost_answer")),
        (faults.forget_rate, Effect("forget")),
    )
    for rate, effect in effects:
        if roll < rate:
            return effect
        roll -= rate
    return Effect()


def changed(faults: Faults, changes: Mapping[str, Any]) -> Faults:
    """`faults` with the given keys (as in JSON) replaced. Raises SettingError for an unknown key or a bad value."""
    if not isinstance(changes, Mapping):
        raise SettingError(f"expected an object of settings, not {changes!r}")
    result = replace(faults, **{key: checked(_PARSERS, key, value, known=["guests"]) for key, value in changes.items()})
    rates = (
        result.hang_rate,
        result.reset_rate,
        result.error_rate,
        result.throttle.rate,
        result.lost_answer_rate,
        result.forget_rate,
    )
    if sum(rates) > 1 + 1e-9:
        raise SettingError("the rates of throttle, error, hang, reset, lost answer and forget add up to more than 1")
    return result


def _throttle(value: Any) -> Throttle:
    if not isinstance(value, Mapping) or not value.keys() <= {"rate", "retry_after"}:
        raise ValueError("an object with rate and retry_after")
    retry_after = value.get("retry_after", Throttle.retry_after)
    if retry_after is not None and not (isinstance(retry_after, str) and retry_after.isprintable()):
        raise ValueError("a string without line breaks or null as retry_after")
    return Throttle(share(value.get("rate", 0.0)), retry_after)


def _rate_limit(value: Any) -> RateLimit:
    if not isinstance(value, Mapping) or value.keys() != {"per_second", "burst"}:
        raise ValueError("an object with per_second and burst")
    return RateLimit(number(0.001, 1e6)(value["per_second"]), number(1, 1e6)(value["burst"]))


_PARSERS: dict[str, Parser] = {
    "calls": list_of(*CALLS),
    "throttle": _throttle,
    "throttle_all_until": or_null(number(0, 1e15)),
    "error_rate": share,
    "hang_rate": share,
    "hang_seconds": number(0, 600),
    "reset_rate": share,
    "lost_answer_rate": share,
    "forget_rate": share,
    "latency_ms": number(0, 600_000),
    "refuse_handshake": or_null(whole_number(400, 599)),
    "typing_unavailable": flag,
    "missing": flag,
    "read_missing": flag,
    "typing_lasts_s": or_null(number(0, 86_400)),
    "guest_ends_with_socket": flag,
    "scope_missing": flag,
    "token_expires_in": number(0, 1e9),
    "ping_interval": number(0.01, 86_400),
    "silent_sockets": flag,
    "rate_limit": _rate_limit,
}
