"""What a visitor's browser says of itself in its handshake, as far as the deployment passes it on. Pure.

Personal data: none of it is logged, or shown by a repr.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: What is longer is cut: browsers' names and versions come first.
LONGEST_USER_AGENT = 256
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Device:
    """'' where it is not known. ``language``: as in ``en-US``; ``country``: two letters."""

    user_agent: str = field(default="", repr=False)
    language: str = field(default="", repr=False)
    country: str = field(default="", repr=False)


NOTHING_KNOWN = Device()


def device(user_agent: str, accept_language: str, country: str) -> Device:
    """What may be kept of these headers: bounded, and of a known form. Of languages the first, as the browser's own."""
    printable = "".join(character for character in user_agent[:LONGEST_USER_AGENT] if " " <= character <= "~")
    language = accept_language[:100].partition(",")[0].partition(";")[0].strip()
    return Device(
        printable,
        language if _LANGUAGE.fullmatch(language) else "",
        country if _COUNTRY.fullmatch(country) else "",
    )
