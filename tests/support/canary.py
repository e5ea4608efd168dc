"""Looks for a text where it must not be: as it is, and as a hash that anybody could make of it by trying texts."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import permutations

ALGORITHMS = ("md5", "sha1", "sha256", "sha512", "blake2b")
SEPARATORS = ("", "\0", "\n", " ", ":", "|", "/", "-", ".", ",")


def found_in(where: str, text: str, known: Sequence[str] = ()) -> list[str]:
    """What of ``text`` stands in ``where``. ``known``: ids that may have been hashed with it."""
    escaped = json.dumps(text)[1:-1]
    plain = [name for name, form in (("text", text), ("JSON", escaped)) if form in where]
    lower = where.lower()
    hashed = [
        name
        for name, digest in _digests(text, known)
        if digest.hex() in lower or any(form in where for form in _in_base64(digest))
    ]
    return plain + hashed


def _digests(text: str, known: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for parts in (chosen for count in range(len(known) + 1) for chosen in permutations((text, *known), count + 1)):
        if text not in parts:
            continue
        for separator in SEPARATORS if len(parts) > 1 else ("",):
            for algorithm in ALGORITHMS:
                yield f"{algorithm} of {separator!r}", hashlib.new(algorithm, separator.join(parts).encode()).digest()


def _in_base64(digest: bytes) -> tuple[str, str]:
    return tuple(encode(digest).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode))  # type: ignore[return-value]
