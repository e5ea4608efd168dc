"""What browsers send as User-Agent, and what NICE's web SDK makes of it."""

from __future__ import annotations

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"
_ANDROID = "Mozilla/5.0 (Linux; Android 13; SM-S901B)"

#: Browser, its version, system, its version, kind of device.
Said = tuple[str | None, str | None, str | None, str | None, str]

USER_AGENTS: dict[str, Said] = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36": (
        *("Chrome", "126.0.0.0", "Windows", "10"),
        "desktop",
    ),
    f"Mozilla/5.0 (Windows NT 6.1; Win64; x64) {_WEBKIT} Chrome/109.0.0.0 Safari/537.36": (
        *("Chrome", "109.0.0.0", "Windows", "7"),
        "desktop",
    ),
    f"Mozilla/5.0 (Windows NT 10.0) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87": (
        *("Edge", "126.0.2592.87", "Windows", "10"),
        "desktop",
    ),
    f"Mozilla/5.0 (Windows NT 10.0) {_WEBKIT} Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0": (
        *("Opera", "110.0.0.0", "Windows", "10"),
        "desktop",
    ),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Version/17.5 Safari/605.1.15": (
        *("Safari", "17.5", "Mac OS", "10.15.7"),
        "desktop",
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0": (
        *("Firefox", "127.0", "Mac OS", "10.15"),
        "desktop",
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0": (
        *("Firefox", "127.0", "Linux", "x86_64"),
        "desktop",
    ),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36": (
        *("Chrome", "126.0.0.0", "Chromium OS", "14541.0.0"),
        "desktop",
    ),
    f"{_PHONE} {_APPLE} Version/17.5 Mobile/15E148 Safari/604.1": ("Mobile Safari", "17.5", "iOS", "17.5", "mobile"),
    f"{_PHONE} {_APPLE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1": (
        *("Chrome", "126.0.6478.54", "iOS", "17.5"),
        "mobile",
    ),
    f"{_PHONE} {_APPLE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15": ("Firefox", "127.0", "iOS", "17.5", "mobile"),
    f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {_APPLE} Version/16.6 Mobile/15E148 Safari/604.1": (
        *("Mobile Safari", "16.6", "iOS", "16.6"),
        "tablet",
    ),
    f"{_ANDROID} {_WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36": ("Chrome", "126.0.0.0", "Android", "13", "mobile"),
    f"{_ANDROID} {_WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36": (
        *("Samsung Internet", "25.0", "Android", "13"),
        "mobile",
    ),
    f"Mozilla/5.0 (Linux; Android 13; SM-X200) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36": (
        *("Chrome", "126.0.0.0", "Android", "13"),
        "tablet",
    ),
    "Mozilla/5.0 (Android 13; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0": (
        *("Firefox", "127.0", "Android", "13"),
        "mobile",
    ),
    "curl/8.4.0": (None, None, None, None, "desktop"),
    "": (None, None, None, None, "desktop"),
}
