"""The frames that NICE's SDK sends, one of each kind, as they are compared with anybody else's."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.dfo_simulator.client import DfoControl
from tests.support.dfo_client import new_id
from tests.support.sdk_peer import SdkError, SdkPeer, running_sdk

Frame = dict[str, Any]

ABSENT = "<absent>"
#: Fields whose values differ from session to session.
OF_THEIR_OWN = (".accessToken.token", ".oldestMessageDatetime")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Person:
    """The ids of one visitor with one thread."""

    visitor_id: str = field(default_factory=new_id)
    visit_id: str = field(default_factory=new_id)
    customer_id: str = field(default_factory=new_id)
    thread_id: str = field(default_factory=new_id)


@contextmanager
def sdk_of(control: DfoControl, folder: Path, person: Person, **options: Any) -> Iterator[SdkPeer]:
    """The SDK for this person at the gateway, as its channel is set up. `options`: see running_sdk."""
    everything: dict[str, Any] = {
        "threadId": person.thread_id,
        "visitorId": person.visitor_id,
        "visitId": person.visit_id,
        "customerId": person.customer_id,
        "isLivechat": control.settings()["livechat"],
        "isAuthorizationEnabled": control.settings()["third_party"],
        "language": "en-US",
    }
    with running_sdk(folder, control.gateway, **(everything | options)) as sdk:
        yield sdk


def find_no_thread(sdk: SdkPeer) -> None:
    """Look for the thread before there is one: the SDK calls that an error."""
    try:
        sdk.do("recover")
    except SdkError:
        return
    raise AssertionError("a thread that nobody has begun was recovered")


def record_sdk_frames(control: DfoControl, folder: Path) -> dict[str, Frame]:
    """One normalised frame of each event type that the SDK sends, through a live chat and a legacy messaging session.

    The simulator is reset before and between the two.
    """
    frames: dict[str, Frame] = {}
    for session in (_live_chat, _legacy_messaging):
        control.reset()
        control.set_settings(keep_frames=True, no_thread="error")
        person = Person()
        session(control, folder, person)
        for kept in reversed(control.frames()):
            frames[kept["event_type"]] = normalised(kept["frame"], person)
    return frames


def normalised(frame: Mapping[str, Any], person: Person) -> Frame:
    """The frame with names for ids: `<visitor>`, `<visit>`, `<customer>`, `<thread>`, and `<id>` for any other UUID."""
    names = {
        person.visitor_id: "<visitor>",
        person.visit_id: "<visit>",
        person.customer_id: "<customer>",
        person.thread_id: "<thread>",
    }

    def named(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: named(item) for key, item in value.items()}
        if isinstance(value, list):
            return [named(item) for item in value]
        if isinstance(value, str):
            return names.get(value, "<id>" if _UUID.fullmatch(value) else value)
        return value

    return dict(named(frame))


def differences(ours: Frame, theirs: Frame) -> dict[str, tuple[Any, Any]]:
    """By field, what two normalised frames have, where it is not the same: (ours, the SDK's); ABSENT where it is not.

    What a browser says of itself is compared by its names only: the relay has not seen the browser. So are tokens and
    the time of a message, which each has its own of.
    """
    mine, its = dict(_fields(ours)), dict(_fields(theirs))
    return {
        field: (mine.get(field, ABSENT), its.get(field, ABSENT))
        for field in sorted(mine.keys() | its.keys())
        if mine.get(field, ABSENT) != its.get(field, ABSENT)
    }


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _fields(item, f"{path}.{key}" if path else key)
    else:
        is_its_own = ".browserFingerprint." in path or path.endswith(OF_THEIR_OWN)
        yield path, ("<any>" if is_its_own else value)


def _live_chat(control: DfoControl, folder: Path, person: Person) -> None:
    with sdk_of(control, folder, person, secured="anonymous") as sdk:
        sdk.do("connect")
        sdk.do("setName", "Ada Lovelace")
        find_no_thread(sdk)
        sdk.do("startChat", "Good morning")
        sdk.wait_for("ContactCreated")
        sdk.do("keystroke", 10)
        control.wait_for("frame", event_type="SenderTypingEnded", visitor_id=person.visitor_id)
        sdk.do("setFields", {"plan": "gold"})
        sdk.do("seen")
        sdk.do("messageToken", "/chat/1.0/brand/1386/messages/1")
        [contact] = [thread["contact"]["id"] for thread in control.threads()]
        sdk.do("sendTranscript", contact, "ada@example.com")
        sdk.do("offlineMessage", {"name": "Ada King Lovelace", "email": "ada@example.com", "message": "Call me"})
        sdk.do("endChat")


def _legacy_messaging(control: DfoControl, folder: Path, person: Person) -> None:
    control.set_settings(livechat=False, page_size=1, token_expires_in=20, no_thread="error")
    with sdk_of(control, folder, person, hurry=50) as sdk:
        sdk.do("connect")
        sdk.do("setName", "Ada Lovelace")
        sdk.do("authorize")
        find_no_thread(sdk)
        for text in ("Good morning", "Is anybody there?"):
            sdk.do("sendText", text)
        sdk.do("recover")
        sdk.do("loadMore")
        sdk.do("authorize")  # again, with a token now: it reconnects
        control.wait_for("frame", event_type="RefreshToken", visitor_id=person.visitor_id)
        sdk.do("archive")
