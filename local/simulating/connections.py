"""Ways to lose a connection that no HTTP library offers."""

import asyncio
import socket
import struct

_LINGER_ZERO = struct.pack("ii", 1, 0)  # closing discards what is unsent and sends RST


def reset_connection(transport: asyncio.Transport | None) -> None:
    """End the connection with a TCP RST instead of an orderly close."""
    if transport is None or transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
