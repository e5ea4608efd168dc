"""``browserFingerprint``: what a message says of the visitor's browser, in the words of NICE's web SDK. Pure."""

from __future__ import annotations

import re
from typing import Any

from typing_relay.relay.device import NOTHING_KNOWN, Device

#: By what a browser is known; the more special first, as each claims to be others, too. ``Safari`` is on phones
#: ``Mobile Safari``.
_BROWSERS = tuple(
    (name, re.compile(pattern + r"([\d.]+)"))
    for name, pattern in (
        ("Edge", r"\bEdg(?:A|iOS)?/"),
        ("Opera", r"\bOP(?:R|T)/"),
        ("Samsung Internet", r"\bSamsungBrowser/"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/"),
        ("Chrome", r"\b(?:Chrome|CriOS)/"),
        ("Safari", r"\bVersion/(?=[\d.]+ .*Safari/)"),
    )
)
_SYSTEMS = (
    ("iOS", re.compile(r"\bCPU (?:iPhone )?OS ([\d_]+)")),
    ("Windows", re.compile(r"\bWindows NT ([\d.]+)")),
    ("Mac OS", re.compile(r"\bMac OS X ([\d_.]+)")),
    ("Android", re.compile(r"\bAndroid ([\d.]+)")),
    ("Chromium OS", re.compile(r"\bCrOS \w+ ([\d.]+)")),
    ("Linux", re.compile(r"\bLinux (\w+)")),
)
#: What Windows calls itself, where that is not its number.
_WINDOWS = {"10.0": "10", "6.3": "8.1", "6.2": "8", "6.1": "7"}
_PHONE, _TABLET = re.compile(r"\biPhone\b|\bAndroid\b.*\bMobile\b"), re.compile(r"\biPad\b|\bAndroid\b")


def fingerprint(device: Device = NOTHING_KNOWN) -> dict[str, Any]:
    """Of an unknown device all is neutral. Where the visitor is, and its address, is never said."""
    browser, version = _first(_BROWSERS, device.user_agent)
    system, system_version = _first(_SYSTEMS, device.user_agent)
    if browser == "Safari" and " Mobile/" in device.user_agent:
        browser = "Mobile Safari"
    return {
        "browser": browser,
        "browserVersion": version,
        "country": device.country,
        "ip": None,
        "language": device.language or "en-US",
        "location": "",
        "os": system,
        "osVersion": _WINDOWS.get(system_version or "", system_version) if system == "Windows" else system_version,
        "deviceType": _kind(device.user_agent),
        "applicationType": "browser",
    }


def _first(known: tuple[tuple[str, re.Pattern[str]], ...], user_agent: str) -> tuple[str | None, str | None]:
    for name, pattern in known:
        if found := pattern.search(user_agent):
            return name, found[1].replace("_", ".") if name in ("iOS", "Mac OS") else found[1]
    return None, None


def _kind(user_agent: str) -> str:
    if _PHONE.search(user_agent):
        return "mobile"
    return "tablet" if _TABLET.search(user_agent) else "desktop"
