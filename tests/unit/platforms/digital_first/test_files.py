"""Files that visitors and agents send: the channel's rules, what is told of them, and what is passed on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typing_relay.platforms.digital_first import frames_in, urls
from typing_relay.platforms.digital_first.conversation import happenings
from typing_relay.platforms.digital_first.conversation.actions import MessageRefused
from typing_relay.platforms.digital_first.files import LONGEST_TYPE, MB, MOST_TYPES, FileRules, Files, file_rules
from typing_relay.platforms.digital_first.parsing.frames import parse
from typing_relay.relay.ports import Attachment

from tests.support import dfo_gateway as gateway
from tests.unit.platforms.digital_first.test_conversation import POLICY, THREAD, told
from tests.unit.platforms.digital_first.test_conversation_asked import has_newest, in_contact

PHOTO, PAGE = Attachment("https://files.example/1", "a photo.png", "image/png"), Attachment("https://f.example/2", "p")
RULES = FileRules(True, 20 * MB, ("image/*", "application/pdf"))
UPLOAD = "https://chat.example/attachment"
TOLD = ("files", {"upload": UPLOAD, "largest_bytes": 20 * MB, "types": ["image/*", "application/pdf"]})
NONE_ANY_MORE = ("files", {"upload": None, "largest_bytes": 0, "types": []})


# --- the channel's rules


def restrictions(**changes: Any) -> dict[str, Any]:
    """As NICE's Android app has them in its samples."""
    types = [{"mimeType": "image/*", "description": "images"}, {"mimeType": "application/pdf", "description": ".pdf"}]
    found = {"allowedFileSize": "20", "allowedFileTypes": types, "isAttachmentsEnabled": True} | changes
    return {"fileRestrictions": found}


def test_a_channel_says_what_may_be_sent_and_how_large() -> None:
    """The size is a text, in MB."""
    assert file_rules(restrictions()) == RULES
    assert file_rules(restrictions(allowedFileSize=20)) == RULES
    assert file_rules(restrictions(allowedFileSize="0.5")) == FileRules(True, MB // 2, RULES.types)
    assert file_rules(restrictions(allowedFileSize="0")) == FileRules(True, 0, RULES.types)
    assert file_rules(restrictions(isAttachmentsEnabled=False)) == FileRules(False, RULES.largest_bytes, RULES.types)


@pytest.mark.parametrize(
    "settings",
    [
        *(None, [], {}, {"fileRestrictions": None}, {"fileRestrictions": {}}),
        *(restrictions(isAttachmentsEnabled="yes"), restrictions(allowedFileSize="much")),
        *(restrictions(allowedFileSize=size) for size in ("nan", "inf", "1e999", "-1", None, [], {})),
    ],
)
def test_rules_that_nobody_understands_are_not_known(settings: Any) -> None:
    assert file_rules(settings) is None


@pytest.mark.parametrize("types", [None, "image/*", {}, [None, "image/*", {}, {"mimeType": 7}, {"mimeType": ""}]])
def test_types_that_nobody_understands_are_left_out(types: Any) -> None:
    assert file_rules(restrictions(allowedFileTypes=types)) == FileRules(True, 20 * MB)


def test_types_are_bounded_as_a_frame_is() -> None:
    """T17."""
    types = [{"mimeType": f"image/{'x' * n}"} for n in range(500)]
    rules = file_rules(restrictions(allowedFileTypes=types))
    assert rules is not None
    assert (len(rules.types), max(map(len, rules.types)) <= LONGEST_TYPE) == (MOST_TYPES, True)
    longest = "x" * LONGEST_TYPE
    types = [{"mimeType": longest}, {"mimeType": f"{longest}x"}]
    assert file_rules(restrictions(allowedFileTypes=types)) == FileRules(True, RULES.largest_bytes, (longest,))


def test_a_page_is_told_the_rules_once_they_are_known_and_when_they_change() -> None:
    life = in_contact()
    assert told(life.happens(happenings.FilesKnown(Files(RULES, UPLOAD)))) == [TOLD]
    assert told(life.happens(happenings.FilesKnown(Files(RULES, UPLOAD)))) == []
    assert told(life.happens(happenings.FilesKnown(Files(FileRules(False), UPLOAD)))) == [NONE_ANY_MORE]
    assert told(life.happens(happenings.FilesKnown(None))) == []
    assert told(life.happens(happenings.FilesKnown(Files(RULES, UPLOAD)))) == [TOLD]


@pytest.mark.parametrize("rules", [None, Files(FileRules(False), UPLOAD)], ids=["not known", "none"])
def test_where_no_files_are_taken_nothing_is_told(rules: Files | None) -> None:
    life = in_contact()
    assert told(life.happens(happenings.FilesKnown(rules))) == []
    assert "files" not in dict(told(life.happens(happenings.Greeted())))


def test_a_page_that_comes_later_is_told_them_too() -> None:
    """T16."""
    life = in_contact()
    life.happens(happenings.FilesKnown(Files(RULES, UPLOAD)))
    assert TOLD in told(life.happens(happenings.Greeted(), POLICY.catch_up_ms))


# --- from the visitor


def test_a_message_takes_its_files_along_as_nices_clients_do() -> None:
    """Its web client says URL and name, its apps the type, too."""
    life = in_contact()
    life.wants("m1", text="", attachments=(PHOTO, PAGE))
    [request, *_] = life.requests()
    data = request["payload"]["data"]
    assert data["messageContent"] == {"type": "TEXT", "payload": {"text": ""}}
    assert data["attachments"] == [
        {"url": PHOTO.url, "friendlyName": PHOTO.name, "mimeType": "image/png"},
        {"url": PAGE.url, "friendlyName": PAGE.name},
    ]


def test_files_are_refused_by_name_where_the_channel_takes_none() -> None:
    """T15: a text is not."""
    life = in_contact()
    life.happens(happenings.FilesKnown(Files(FileRules(False), UPLOAD)))
    assert MessageRefused("m1", "no_attachments") in life.wants("m1", attachments=(PHOTO,))
    life.wants("m2")
    assert "SendMessage" in life.kinds()


def test_where_the_rules_are_not_known_cxone_decides() -> None:
    life = in_contact()
    life.wants("m1", attachments=(PHOTO,))
    assert "SendMessage" in life.kinds()


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://files-de-na1.niceincontact.com/1?x=y", True),
        ("https://a.nicecxone.com:443/1", True),
        ("https://files.example.com/1", True),
        ("http://127.0.0.1:8080/files/1", True),
        ("https://evil.example/1", False),
        ("https://niceincontact.com.evil.example/1", False),
        ("https://evilniceincontact.com/1", False),
        ("https://more.files.example.com/1", False),
        ("https://files.example.com:8443/1", False),
        ("http://files.example.com/1", False),
        ("http://127.0.0.1:8081/files/1", False),
        ("https://evil.example\\.niceincontact.com/", False),
        ("https://files.example.com@evil.example/", False),
        ("https://files.example.com:99999/", False),
        ("javascript:alert(1)//https://a.nicecxone.com/", False),
    ],
)
def test_a_file_may_be_where_cxone_keeps_them_and_where_an_operator_says(url: str, may: bool) -> None:
    """T13: an agent should find there what was uploaded."""
    assert urls.is_file_url(url, "http://127.0.0.1:8080", ("files.example.com",)) is may


# --- from an agent


def with_files(*files: Any) -> gateway.Frame:
    return gateway.message("m1", from_agent=True) | {"attachments": list(files)}


def test_an_agents_files_are_told_in_the_shape_of_messages() -> None:
    life = in_contact()
    files = {"url": PHOTO.url, "friendlyName": PHOTO.name, "mimeType": "image/png", "id": "7"}, {"url": PAGE.url}
    life.hears(gateway.event("MessageCreated", THREAD, message=with_files(*files)))
    [(name, detail)] = told(life.actions)
    photo = {"url": PHOTO.url, "name": "a photo.png", "type": "image/png"}
    assert (name, detail["attachments"]) == ("message", [photo, {"url": PAGE.url, "name": None, "type": None}])


def test_earlier_messages_have_theirs_too() -> None:
    page = has_newest(in_contact(), 1)
    assert "attachments" not in page["messages"][0]
    life = in_contact()
    life.happens(happenings.HistoryWanted())
    [look] = life.requests()
    found = with_files({"url": PHOTO.url, "friendlyName": PHOTO.name})
    life.hears(gateway.recovered(look["eventId"], THREAD, (found,), "42"))
    [detail] = [detail for name, detail in told(life.actions) if name == "history"]
    assert [file["url"] for file in detail["messages"][0]["attachments"]] == [PHOTO.url]


@pytest.mark.parametrize(
    "files",
    [
        *(None, 7, {}, [None], [{}], [{"url": 7}], [{"url": ""}]),
        *(
            [{"url": url}]
            for url in ("javascript:alert(1)", "http://files.example/1", "data:text/html,x", "//x", "https:")
        ),
        [{"url": "https://files.example@evil.example/1"}],
    ],
)
def test_what_is_no_file_that_a_page_may_link_to_is_left_out(files: Any) -> None:
    """T13: and the message is told."""
    frame = {"eventId": "e", "eventType": "MessageCreated", "data": {"message": with_files() | {"attachments": files}}}
    parsed = parse(json.dumps(frame))
    assert isinstance(parsed, frames_in.Event)
    assert isinstance(parsed.what, frames_in.MessageCreated)
    assert (parsed.what.message.attachments, parsed.what.message.text) == ((), "hi")


def test_a_file_without_a_text_is_a_message_as_soon_as_it_is_sent() -> None:
    message = with_files({"url": PHOTO.url, "friendlyName": "p"}) | {"messageContent": {"type": "TEXT", "text": ""}}
    parsed = parse(json.dumps({"eventId": "e", "eventType": "MessageSent", "data": {"message": message}}))
    assert isinstance(parsed, frames_in.Event)
    assert isinstance(parsed.what, frames_in.MessageCreated)
