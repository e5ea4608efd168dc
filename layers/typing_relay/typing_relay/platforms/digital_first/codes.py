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


def loggable(value: object) -> str:
    """``value`` if it looks like a code, else 'unnamed': it came from outside and goes into a log."""
    if isinstance(value, str) and value.isascii() and value.replace("_", "").isalnum() and len(value) <= 64:
        return value
    return "unnamed"
