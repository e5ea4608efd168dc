"""Which files a channel lets visitors send. Pure.

As with NICE's clients, the visitor's own browser uploads a file to CXone, and a message names what was uploaded: what
is in it never comes by the relay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

#: As NICE's apps count.
MB = 1024 * 1024
#: Of more, or longer, types nothing is told: a frame has its limits, too.
MOST_TYPES, LONGEST_TYPE = 100, 127


@dataclass(frozen=True, slots=True)
class FileRules:
    """``allowed``: visitors may send files, of these MIME types (``image/*``: all of a kind), at most this large."""

    allowed: bool
    largest_bytes: int = 0
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Files:
    """The rules, and where files are uploaded."""

    rules: FileRules
    upload: str


NO_FILES = Files(FileRules(False), "")


def file_rules(settings: Any) -> FileRules | None:
    """Those in a channel's `settings`; None: they say none that can be understood. The size comes as text, in MB."""
    found = settings.get("fileRestrictions") if isinstance(settings, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("isAttachmentsEnabled"), bool):
        return None
    try:
        size = float(found.get("allowedFileSize", "nan"))
    except (TypeError, ValueError):
        return None
    if not math.isfinite(size) or size < 0:
        return None
    listed = found.get("allowedFileTypes")
    types = [item.get("mimeType") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    known = [kind for kind in types if isinstance(kind, str) and 0 < len(kind) <= LONGEST_TYPE]
    return FileRules(found["isAttachmentsEnabled"], int(size * MB), tuple(known[:MOST_TYPES]))
