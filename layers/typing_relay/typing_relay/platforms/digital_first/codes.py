"""The gateway's error codes, and which outside text may be logged. Pure."""

from __future__ import annotations

#: The gateway refuses the SDK version that the relay claims to be.
SDK_REFUSED = "SdkVersionNotSupported"
#: The relay's IP address is refused for good.
ADDRESS_REFUSED = "ip_blocked"
#: A look for a thread found none.
LOOK_FAILED = ("RecoveringThreadFailed", "RecoveringLivechatFailed")
#: A message was not accepted; that may be transient.
SENDING_FAILED = ("SendingMessageFailed", "SendingOutboundFailed")

#: A transcript was not sent.
TRANSCRIPT_FAILED = ("SendingTranscriptFailed",)

#: What the relay itself says of the gateway's frames.
_OWN = {
    *("another_thread_found", "event_not_fetched", "event_not_understood", "frame_lost", "history_failed"),
    *("look_answered_otherwise", "look_answered_plainly", "message_not_whole", "not_a_frame", "not_authorized"),
    *("not_ended", "page_answered_otherwise", "rest_not_fetched", "thread_takes_no_more", "thread_without_id"),
    "transcript_failed",
}
#: Codes with a metric of their own, which is paid for by the month; outside text must not make any number of them.
COUNTED = frozenset({SDK_REFUSED, ADDRESS_REFUSED, *LOOK_FAILED, *SENDING_FAILED, *TRANSCRIPT_FAILED, *_OWN})


def loggable(value: object) -> str:
    """``value`` if it looks like a code, else 'unnamed': it came from outside and goes into a log."""
    if isinstance(value, str) and value.isascii() and value.replace("_", "").isalnum() and len(value) <= 64:
        return value
    return "unnamed"
