"""What webchat v1 said answers, question by question: each answer with its evidence. Pure.

The names and values of answers are those of the v1 simulator's faults (``local/cxone_simulator/faults.py``), so that an
answer can be set there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.probing.questions import UNKNOWN, Answer

#: Steps of a probe, in which something is said.
TOKEN, GUEST, SOCKET, TYPED, FIRST_READ, KEPT, STOPPED, ENDED, LEFT = STEPS = (
    *("token", "guest", "socket", "typing", "reading", "is it kept", "stopping", "reading again", "leaving"),
)
#: No such path, no such method, or somebody else's web page.
NOT_THERE = (301, 302, 303, 307, 308, 404, 405, 410, 501)


@dataclass(frozen=True, slots=True)
class Said:
    """A status, and the JSON that came with it, in which step and how long after its beginning (ms). 0: no status.

    ``names_scope``: the answer speaks of a scope, by which the relay tells a missing one from a guest that is over.
    """

    step: str
    ms: int
    status: int
    body: Any = field(default=None, repr=False)
    names_scope: bool = False

    @property
    def is_not_there(self) -> bool:
        """Nothing like this call exists, or what answers is no such interface."""
        return self.status in NOT_THERE or (200 <= self.status < 300 and not isinstance(self.body, Mapping))

    @property
    def typing(self) -> bool | None:
        """What the answer shows; None: it does not say."""
        shown = self.body.get("typing") if isinstance(self.body, Mapping) and self.status < 300 else None
        return shown if isinstance(shown, bool) else None


def answers(said: Sequence[Said]) -> list[Answer]:
    """Of what was said, in its order."""
    return [Answer(question, setting, *ask(said)) for question, setting, ask in _QUESTIONS]


def speaks_webchat(said: Sequence[Said]) -> bool | None:
    """Whether the tenant has webchat v1; None: that is not known."""
    missing = _missing(said)[0]
    return None if missing == UNKNOWN else not missing


Found = tuple[Any, str]


def _missing(said: Sequence[Said]) -> Found:
    token, guest = _of(said, TOKEN), _of(said, GUEST)
    if token and token.is_not_there:
        return True, _told(token)
    if token is None or guest is None:
        return UNKNOWN, "not asked"
    if guest.is_not_there:
        return True, _told(guest)
    return (False, _told(guest)) if guest.status < 300 else (UNKNOWN, _told(guest))


def _token_life(said: Sequence[Said]) -> Found:
    one = _of(said, TOKEN)
    life = one.body.get("expires_in") if one and isinstance(one.body, Mapping) else None
    return (life if isinstance(life, int | float) else UNKNOWN), _told(one)


def _scope_missing(said: Sequence[Said]) -> Found:
    one = next((one for one in said if one.step in (GUEST, TYPED) and one.status == 403 and one.names_scope), None)
    if one:
        return True, _told(one)
    typed = _of(said, TYPED)
    return (False, _told(typed)) if typed and typed.status < 300 else (UNKNOWN, _told(_of(said, GUEST)))


def _refused_handshake(said: Sequence[Said]) -> Found:
    one = _of(said, SOCKET)
    if one is None or not one.status:
        return UNKNOWN, str(one.body.get("refused")) if one else "not asked"
    return (None if one.status == 101 else one.status), _told(one)


def _silent_socket(said: Sequence[Said]) -> Found:
    opened = _of(said, SOCKET)
    if opened is None or opened.status != 101:
        return UNKNOWN, "no socket"
    pongs = [one for one in said if one.step == SOCKET and one.body == {"pong": True}]
    return not pongs, f"pong after {pongs[0].ms} ms" if pongs else "no pong"


def _typing_unavailable(said: Sequence[Said]) -> Found:
    one = _of(said, TYPED)
    return (UNKNOWN, "not asked") if one is None else (one.status == 404, _told(one))


def _read_missing(said: Sequence[Said]) -> Found:
    one = _of(said, FIRST_READ)
    return (UNKNOWN, "not asked") if one is None else (one.typing is None, _told(one))


def _forgotten(said: Sequence[Said]) -> Found:
    one = _of(said, FIRST_READ)
    if one is None or one.typing is None:
        return UNKNOWN, "what is shown cannot be read"
    return (0.0 if one.typing else 1.0), f"true, and then {one.typing} is read"


def _kept(said: Sequence[Said]) -> Found:
    looks = [one for one in said if one.step == KEPT]
    if not looks:
        return UNKNOWN, "what is shown was not seen"
    ended = next((one for one in looks if one.typing is False), None)
    if ended is None:
        return None, f"still shown after {looks[-1].ms / 1000:.0f} s"
    return round(ended.ms / 1000, 1), f"no longer shown after {ended.ms / 1000:.1f} s"


def _ends_with_socket(said: Sequence[Said]) -> Found:
    one = _of(said, LEFT)
    return (UNKNOWN, "no socket") if one is None else (one.status == 403, _told(one))


_QUESTIONS: Sequence[tuple[str, str, Callable[[Sequence[Said]], Found]]] = (
    ("Is webchat v1 missing?", "missing", _missing),
    ("How long is a token good for (s)?", "token_expires_in", _token_life),
    ("Is a scope missing?", "scope_missing", _scope_missing),
    ("With which status is a guest's socket refused?", "refuse_handshake", _refused_handshake),
    ("Does a guest's socket leave a ping unanswered?", "silent_sockets", _silent_socket),
    ("Is there no typing for a guest (404)?", "typing_unavailable", _typing_unavailable),
    ("Does GET of typing not answer?", "read_missing", _read_missing),
    ("Is typing that was accepted not shown?", "forget_rate", _forgotten),
    ("After how long does CXone end typing by itself (s)?", "typing_lasts_s", _kept),
    ("Does a guest end with its socket?", "guest_ends_with_socket", _ends_with_socket),
)


def _of(said: Sequence[Said], step: str) -> Said | None:
    return next((one for one in said if one.step == step), None)


def _told(one: Said | None) -> str:
    return "not asked" if one is None else f"{one.step}: status {one.status} after {one.ms} ms"
