"""Reads an HTTP answer. http.client would parse its head as an e-mail's, for a good part of a coalesced key's CPU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import BinaryIO, NamedTuple

#: As http.client has them: bytes of a line, lines of a head.
LONGEST_LINE, MOST_LINES = 65_536, 100
_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: .*)?")
_WITHOUT_BODY = (204, 304)


class Answer(NamedTuple):
    """An HTTP answer, read to its end. ``keeps``: the connection may serve another request."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    keeps: bool = True


def read_answer(file: BinaryIO) -> Answer:
    """The answer to anything but HEAD. Raises OSError; HTTPException for what is none, or ends before its end."""
    status, is_new, headers = _head(file)
    while 100 <= status < 200:  # the answer itself is to come
        status, is_new, headers = _head(file)
    is_chunked = headers.get("transfer-encoding", "").lower() == "chunked"
    length = headers.get("content-length")
    if status in _WITHOUT_BODY:
        body = b""
    elif is_chunked:
        body = _chunks(file)
    elif length is not None:
        body = _exactly(file, _number(length, 10))
    else:
        body = file.read()
    has_end = is_chunked or length is not None or status in _WITHOUT_BODY
    return Answer(status, headers, body, has_end and is_new and headers.get("connection", "").lower() != "close")


def _head(file: BinaryIO) -> tuple[int, bool, dict[str, str]]:
    """Status, whether it is HTTP/1.1, headers."""
    first = file.readline(LONGEST_LINE + 1)
    if not first:
        raise RemoteDisconnected("the other side closed the connection without an answer")
    said = _STATUS.fullmatch(first.rstrip())
    if not said:
        raise HTTPException("what came is no HTTP answer")
    headers: dict[str, str] = {}
    for _ in range(MOST_LINES):
        line = _line(file)
        if not line:
            return int(said[2]), said[1] == b"1", headers
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    raise HTTPException(f"the answer has more than {MOST_LINES} headers")


def _line(file: BinaryIO) -> str:
    line = file.readline(LONGEST_LINE + 1)
    if line[-1:] != b"\n":
        raise IncompleteRead(b"")  # or it is longer than any that AWS sends
    return line.decode("latin-1").rstrip("\r\n")


def _chunks(file: BinaryIO) -> bytes:
    body = b""
    while size := _number(_line(file).partition(";")[0], 16):
        body += _exactly(file, size)
        _line(file)
    while _line(file):  # trailers
        pass
    return body


def _exactly(file: BinaryIO, size: int) -> bytes:
    body = file.read(size)
    if len(body) < size:
        raise IncompleteRead(b"", size - len(body))
    return body


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if number < 0:
        raise HTTPException("the answer's length is no number")
    return number
