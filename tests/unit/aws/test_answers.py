"""HTTP answers as they come from AWS, and what may come in their place."""

from __future__ import annotations

import io
from http.client import HTTPException, RemoteDisconnected

import pytest
from typing_relay.aws.answers import LONGEST_LINE, MOST_LINES, Answer, read_answer

HEAD = b"HTTP/1.1 200 OK\r\n"


def read(text: bytes) -> tuple[Answer, bytes]:
    """The answer, and what was left unread."""
    file = io.BytesIO(text)
    return read_answer(file), file.read()


def test_an_answer_is_read_to_its_length_and_no_further() -> None:
    answer, left = read(HEAD + b"X-Amzn-RequestId: 7:a\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 ")
    assert answer == Answer(200, {"x-amzn-requestid": "7:a", "content-length": "2"}, b"{}")
    assert left == b"HTTP/1.1 "


def test_chunks_are_put_together_and_their_trailers_left_out() -> None:
    chunks = b"3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-After: 1\r\n\r\n"
    answer, left = read(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"next")
    assert (answer.body, answer.keeps, left) == (b"abc0123456789", True, b"next")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_answers_have_no_body(status: bytes) -> None:
    answer, left = read(b"HTTP/1.1 " + status + b"\r\n\r\nnext")
    assert (answer.body, answer.keeps, left) == (b"", True, b"next")


def test_without_a_length_the_body_ends_with_the_connection() -> None:
    answer, _ = read(HEAD + b"\r\nall of it")
    assert (answer.body, answer.keeps) == (b"all of it", False)


def test_an_announcement_is_not_the_answer() -> None:
    answer, _ = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
    assert answer.status == 500


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        (HEAD + b"Content-Length: 0\r\n\r\n", True),
        (HEAD + b"Content-Length: 0\r\nConnection: Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", True),
    ],
)
def test_the_answer_says_whether_the_connection_serves_another(text: bytes, keeps: bool) -> None:
    assert read(text)[0].keeps is keeps


def test_a_connection_that_is_closed_without_a_byte_is_told_apart() -> None:
    """A kept one may just have been closed: the request is sent again."""
    with pytest.raises(RemoteDisconnected):
        read(b"")


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        HEAD,
        HEAD + b"Content-Length: 2",
        HEAD + b"Content-Length: 2\r\n\r\n{",
        HEAD + b"Content-Length: two\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n{}",
        HEAD + b"X: " + b"x" * LONGEST_LINE + b"\r\n\r\n",
        HEAD + b"X: 1\r\n" * (MOST_LINES + 1) + b"\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nab",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\nab\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"x" * 100,
    ],
)
def test_what_is_no_whole_answer_is_an_error(text: bytes) -> None:
    with pytest.raises(HTTPException):
        read(text)
