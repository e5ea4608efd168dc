"""What the frames that were heard answer, question by question: each answer with its evidence. Pure.

The names and values of answers are those of the simulator's settings (``local/dfo_simulator/settings.py``), so that an
answer can be set there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.probing.scrub import is_code

UNKNOWN = "not seen"
#: Steps of a probe, in which frames are heard.
OPENING, LOOKING, WRITING, TYPING, LOOKING_AGAIN, LOOKING_ELSEWHERE, AGENT, ENDING = STEPS = (
    *("opening", "looking", "writing", "typing", "looking again", "looking elsewhere", "agent", "ending"),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame, in which step it came, and how long after the step's beginning (ms). ``asked``: the id of the request
    that it answers, or "". ``was_fetched``: it was too large for a frame."""

    step: str
    ms: int
    frame: Any = field(repr=False)
    asked: str = ""
    was_fetched: bool = False

    @property
    def kind(self) -> str:
        """Its type, as far as it has one."""
        if not isinstance(self.frame, Mapping):
            return "pong" if self.frame == "pong" else "other"
        if "error" in self.frame:
            return "error"
        found = self.frame.get("eventType") or _get(self.frame, "postback", "eventType")
        if found:
            return str(found) if is_code(found) else "other"
        return "answer" if self.frame.get("eventId") else "other"


@dataclass(frozen=True, slots=True)
class Answer:
    """``setting``: of the simulator; ``value``: as it is set there, or UNKNOWN; ``evidence``: what was heard."""

    question: str
    setting: str
    value: Any
    evidence: str


def answers(channel: Mapping[str, Any], thread_id: str, heard: Sequence[Heard]) -> list[Answer]:
    """``channel``: its settings, as they are answered; ``thread_id``: of the probe's conversation."""
    found = [*_of_channel(channel)]
    for question, setting, ask in _QUESTIONS:
        value, evidence = ask(thread_id, heard)
        found.append(Answer(question, setting, value, evidence))
    return found


def _of_channel(channel: Mapping[str, Any]) -> Iterator[Answer]:
    features = _get(channel, "settings", "features")
    secured = features.get("securedSessions") if isinstance(features, Mapping) else None
    yield Answer("Live chat or messaging?", "livechat", channel.get("isLiveChat"), "isLiveChat")
    yield Answer("Are sessions secured?", "secured_sessions", secured is not False, f"securedSessions {secured}")
    third_party = channel.get("isAuthorizationEnabled") is True
    yield Answer("Does a third party sign visitors in?", "third_party", third_party, "isAuthorizationEnabled")
    cookies = channel.get("isSecuredCookieEnabled") is True
    yield Answer("Only by the visitor's own cookies?", "secured_cookies", cookies, "isSecuredCookieEnabled")


Found = tuple[Any, str]
Ask = Callable[[str, Sequence[Heard]], Found]


def _no_thread(thread_id: str, heard: Sequence[Heard]) -> Found:
    """The answer to the look before there was any thread."""
    answer = _answer_to_look(heard, LOOKING)
    if answer is None:
        return UNKNOWN, "no answer"
    if answer.kind in ("error", "answer"):
        return {"error": "error", "answer": "plain"}[answer.kind], _told(answer)
    postback = answer.frame.get("postback")
    if not isinstance(postback, Mapping):
        return UNKNOWN, _told(answer)
    data = postback.get("data")
    if data is None:
        return ("null" if "data" in postback else "absent"), _told(answer)
    return ("empty" if data.get("thread") else "nulls"), _told(answer)


def _newest_instead(thread_id: str, heard: Sequence[Heard]) -> Found:
    answer = _answer_to_look(heard, LOOKING_ELSEWHERE)
    if answer is None:
        return UNKNOWN, "not asked"
    return _get(answer.frame, "postback", "data", "thread", "idOnExternalPlatform") == thread_id, _told(answer)


def _contact_name(thread_id: str, heard: Sequence[Heard]) -> Found:
    answer = _answer_to_look(heard, LOOKING_AGAIN)
    data = _get(answer.frame, "postback", "data") if answer else None
    for name in ("contact", "consumerContact"):
        if _get(data, name):
            return name, f"data.{name}"
    return UNKNOWN, "no contact was recovered"


def _recovered_in_s3(thread_id: str, heard: Sequence[Heard]) -> Found:
    answer = _answer_to_look(heard, LOOKING_AGAIN)
    return (UNKNOWN, "not asked") if answer is None else (answer.was_fetched, _told(answer))


def _case_created(thread_id: str, heard: Sequence[Heard]) -> Found:
    if not _of(heard, WRITING, "MessageCreated"):
        return UNKNOWN, "no message was created"
    created = _of(heard, WRITING, "CaseCreated")
    return bool(created), _told(created[0]) if created else "MessageCreated alone"


def _message_sent(thread_id: str, heard: Sequence[Heard]) -> Found:
    sent, created = _of(heard, WRITING, "MessageSent"), _of(heard, WRITING, "MessageCreated")
    if not created:
        return UNKNOWN, "no message was created"
    is_before = bool(sent) and heard.index(sent[0]) < heard.index(created[0])
    return is_before, f"{_told(sent[0])}, {_told(created[0])}" if sent else _told(created[0])


def _queue_names(thread_id: str, heard: Sequence[Heard]) -> Found:
    positions = [one for one in heard if one.kind == "SetPositionInQueue"]
    if not positions:
        return UNKNOWN, "no position came"
    names = _get(positions[0].frame, "data", "consumerContact", "threadIdOnExternalPlatform")
    return ("thread" if names else "contact"), _told(positions[0])


def _queue_first(thread_id: str, heard: Sequence[Heard]) -> Found:
    positions, created = _of(heard, WRITING, "SetPositionInQueue"), _of(heard, WRITING, "CaseCreated")
    if not positions:
        return UNKNOWN, "no position came"
    is_first = not created or heard.index(positions[0]) < heard.index(created[0])
    return is_first, ", ".join(_told(one) for one in (*positions[:1], *created[:1]))


def _acknowledges_typing(thread_id: str, heard: Sequence[Heard]) -> Found:
    if not _was(heard, TYPING):
        return UNKNOWN, "not asked"
    answered = [one for one in heard if one.step == TYPING and one.asked.startswith("SenderTyping")]
    return bool(answered), _told(answered[0]) if answered else "no answer"


def _echoes_typing(thread_id: str, heard: Sequence[Heard]) -> Found:
    if not _was(heard, TYPING):
        return UNKNOWN, "not asked"
    events = [one for one in heard if one.step == TYPING and one.kind.startswith("SenderTyping")]
    return bool(events), _told(events[0]) if events else "no event"


def _agent_typing_fields(thread_id: str, heard: Sequence[Heard]) -> Found:
    for one in _of(heard, AGENT, "SenderTypingStarted"):
        data = one.frame.get("data") or {}
        return [name for name in ("direction", "user") if data.get(name)], _told(one)
    return UNKNOWN, "no agent typed"


def _agents_end(thread_id: str, heard: Sequence[Heard]) -> Found:
    started, ended = _of(heard, AGENT, "SenderTypingStarted"), _of(heard, AGENT, "SenderTypingEnded")
    written = [one for one in _of(heard, AGENT, "MessageCreated") if _get(one.frame, "data", "message", "direction")]
    told = ", ".join(f"{one.kind} {one.ms} ms" for one in sorted((*started, *ended, *written), key=lambda o: o.ms)[:12])
    return (len(started) if started else UNKNOWN), told or "no agent typed"


def _end_names_contact(thread_id: str, heard: Sequence[Heard]) -> Found:
    closed = [one for one in _of(heard, ENDING, "CaseStatusChanged") if _get(one.frame, "data", "case", "status")]
    if not closed:
        return UNKNOWN, "the contact was not seen to end"
    return bool(_get(closed[0].frame, "data", "case", "id")), _told(closed[0])


_QUESTIONS: Sequence[tuple[str, str, Ask]] = (
    ("What answers a look for a thread that is not there?", "no_thread", _no_thread),
    ("Is the newest thread found instead?", "newest_instead", _newest_instead),
    ("What is a recovered contact called?", "contact_name", _contact_name),
    ("Was the answer to a look too large for a frame?", "recovered_in_s3", _recovered_in_s3),
    ("Is CaseCreated the first word of a contact?", "case_created_events", _case_created),
    ("Does MessageSent come before MessageCreated?", "message_sent_events", _message_sent),
    ("Does a queue position name its thread?", "queue_position_names", _queue_names),
    ("Does a queue position come before its contact?", "queue_position_first", _queue_first),
    ("Is typing answered?", "acknowledge_typing", _acknowledges_typing),
    ("Do visitors receive their own typing?", "echo_typing", _echoes_typing),
    ("What distinguishes an agent's typing?", "agent_typing_fields", _agent_typing_fields),
    ("How often is an agent's typing renewed?", "", _agents_end),
    ("Does the end of a contact name its id?", "", _end_names_contact),
)


def _answer_to_look(heard: Sequence[Heard], step: str) -> Heard | None:
    return next((one for one in heard if one.step == step and one.asked.startswith("Recover")), None)


def _of(heard: Sequence[Heard], step: str, kind: str) -> list[Heard]:
    return [one for one in heard if (one.step, one.kind) == (step, kind)]


def _was(heard: Sequence[Heard], step: str) -> bool:
    """Anything came in this step: heartbeats are answered, so that it was taken."""
    return any(one.step == step for one in heard)


def _told(one: Heard) -> str:
    return f"{one.kind} after {one.ms} ms"


def _get(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
