"""The platforms that a deployment may choose."""

from __future__ import annotations

from importlib import import_module

from typing_relay.platforms.platform import Platform

#: The folder of each, by its name in ``CXONE_PLATFORM``.
FOLDERS = {"v1": "webchat", "dfo": "digital_first"}


def platform_named(name: str) -> Platform:
    """Loads that one's file alone. Raises KeyError for a name that is not here."""
    platform: Platform = import_module(f"{__package__}.{FOLDERS[name]}.platform").PLATFORM
    return platform
