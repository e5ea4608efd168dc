"""The simulated channel's settings, and a setting for each behaviour that is uncertain outside NICE. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.simulating.settings import Parser, checked, flag, list_of, number, one_of, text, whole_number


@dataclass(frozen=True)
class Settings:
    """All settings, with their defaults.

    Uncertain, so test both ways: `agent_typing_fields` (what distinguishes the agent's typing from an echo),
    `echo_typing` (visitors get their own typing back), `acknowledge_typing` (typing gets a plain answer),
    `message_sent_events` (`MessageSent` before each `MessageCreated`), `message_ends_typing`.

    Of what tenants say in more than one way, the defaults are those of a tenant of today: `no_thread` (a live chat that
    is not there is recovered with `null` or `absent` data, with `nulls` in it, or `empty`, is answered `plain`, or is
    an `error`, which NICE's web SDK 2.2.0 insists on),
    `newest_instead` (another thread, the customer's newest, is recovered instead), `contact_name` (of a recovered
    contact), `recovered_in_s3` (messages that are asked for are to be fetched), `case_created_events` (else a contact
    is first named by its message), `queue_position_names` (its thread, or its contact only), `queue_position_first`
    (one comes before `CaseCreated`), `longest_text` (longer texts come cut, with `hasAdditionalMessageContent`; 0: none
    does), `streamed_messages` (agents' messages are `STREAMED`: what they say is to be read elsewhere),
    `offline_message_answer` (a result, `OfflineMessageSent`, or `plain`), `refresh_tokens` (each refresh gives
    `another`; each is good `once`; the `same` one goes on, and no other comes; or there is `none`).
    """

    other_channels: tuple[str, ...] = ("chat_second",)  # of the same brand, with the same settings
    livechat: bool = True
    availability: str = "online"
    secured_sessions: bool = True  # else no token is issued, and each socket is authorized by its first request
    secured_cookies: bool = False  # the gateway names the customer, and knows it again by a cookie
    third_party: bool = False  # an authorization code instead of an anonymous customer
    token_expires_in: float = 3600  # s
    third_party_expires_in: float = 3600  # s; of the third party's own token, which messages carry
    refresh_tokens: str = "another"  # comes each time, and those before stay good
    oldest_sdk_version: str = "0.0.0"
    page_size: int = 25  # messages of a recovered thread
    transcripts: bool = True  # visitors may have them sent
    offline_form: bool = True  # messages are taken while it is offline
    offline_message_answer: str = "result"
    attachments: bool = True  # visitors may send files,
    largest_file: int = 20  # in MB
    file_types: tuple[str, ...] = ("image/*", "application/pdf", "text/plain")
    agent_typing_fields: tuple[str, ...] = ("direction", "user")
    echo_typing: bool = False
    acknowledge_typing: bool = False
    message_sent_events: bool = True
    message_ends_typing: bool = False
    no_thread: str = "null"
    newest_instead: bool = False
    contact_name: str = "contact"
    recovered_in_s3: bool = False
    case_created_events: bool = True
    queue_position_names: str = "thread"
    queue_position_first: bool = False
    longest_text: int = 0  # characters
    streamed_messages: bool = False
    keep_frames: bool = False  # what visitors send can be read back, message texts included

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """The settings with these keys replaced. Raises SettingError."""
        return replace(self, **{key: checked(_PARSERS, key, value) for key, value in changes.items()})

    def supports(self, sdk_version: str) -> bool:
        """Whether a client of this SDK version may connect. Anything but numbers and dots may not."""
        return _numbers(sdk_version) >= _numbers(self.oldest_sdk_version)


def _numbers(version: str) -> list[int]:
    parts = version.split(".")
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else []


def _version(value: Any) -> str:
    if not _numbers(text(value)):
        raise ValueError("a version like 3.3.0")
    return str(value)


def _channels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("a list of channels' ids")
    return tuple(value)


def _file_types(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and "/" in item for item in value):
        raise ValueError("a list of MIME types")
    return tuple(value)


_PARSERS: dict[str, Parser] = {
    "other_channels": _channels,
    "livechat": flag,
    "availability": one_of("online", "offline"),
    "third_party": flag,
    "secured_sessions": flag,
    "secured_cookies": flag,
    "token_expires_in": number(0, 1e9),
    "third_party_expires_in": number(0, 1e9),
    "refresh_tokens": one_of("another", "once", "same", "none"),
    "oldest_sdk_version": _version,
    "page_size": whole_number(1, 1000),
    "transcripts": flag,
    "offline_form": flag,
    "offline_message_answer": one_of("result", "plain"),
    "attachments": flag,
    "largest_file": whole_number(1, 40),
    "file_types": _file_types,
    "agent_typing_fields": list_of("direction", "user"),
    "echo_typing": flag,
    "acknowledge_typing": flag,
    "message_sent_events": flag,
    "message_ends_typing": flag,
    "no_thread": one_of("null", "absent", "nulls", "empty", "plain", "error"),
    "newest_instead": flag,
    "contact_name": one_of("contact", "consumerContact"),
    "recovered_in_s3": flag,
    "case_created_events": flag,
    "queue_position_names": one_of("thread", "contact"),
    "queue_position_first": flag,
    "longest_text": whole_number(0, 1_000_000),
    "streamed_messages": flag,
    "keep_frames": flag,
}
