"""The gateway's error codes and kinds, as they may be logged. Pure."""

from __future__ import annotations

#: The gateway refuses the version that the relay says it is.
SDK_REFUSED = "SdkVersionNotSupported"
#: The visitor's address is refused for good.
ADDRESS_REFUSED = "ip_blocked"
#: A look for a thread found none.
LOOK_FAILED = ("RecoveringThreadFailed", "RecoveringLivechatFailed")
#: A message was not taken; that may pass.
SENDING_FAILED = ("SendingMessageFailed", "SendingOutboundFailed")


def loggable(value: object) -> str:
    """``value`` if it is shaped like a code, and 'unnamed' otherwise: it came from outside and goes into a log."""
    if isinstance(value, str) and value.isascii() and value.replace("_", "").isalnum() and len(value) <= 64:
        return value
    return "unnamed"
