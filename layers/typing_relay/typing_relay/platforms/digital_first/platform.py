"""Digital-First, as the rest of the relay knows it: all is said on the visitor's own socket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from typing_relay.platforms.platform import InKeeper, Lent, Platform


def _in_keeper(lent: Lent) -> InKeeper:
    from typing_relay.platforms.digital_first.configured import configured
    from typing_relay.platforms.digital_first.in_keeper import DigitalFirst

    gateway = DigitalFirst(configured(lent))
    return InKeeper(gateway.talk_of, gateway)


def _file_urls() -> Callable[[str], bool]:
    from typing_relay.environment import setting
    from typing_relay.platforms.digital_first import urls

    hosts = tuple(setting("DFO_FILE_HOSTS", "").replace(",", " ").split())
    return partial(urls.is_file_url, chat=setting("DFO_CHAT_URL", ""), hosts=hosts)


PLATFORM = Platform(verifies=False, in_keeper=_in_keeper, file_urls=_file_urls)
