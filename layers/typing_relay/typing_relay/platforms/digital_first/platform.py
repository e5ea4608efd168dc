"""Digital-First, as the rest of the relay knows it: all is said on the visitor's own socket."""

from __future__ import annotations

from typing_relay.platforms.platform import InKeeper, Lent, Platform


def _in_keeper(lent: Lent) -> InKeeper:
    from typing_relay.platforms.digital_first.configured import configured
    from typing_relay.platforms.digital_first.in_keeper import DigitalFirst

    gateway = DigitalFirst(configured(lent))
    return InKeeper(gateway.talk_of, gateway)


PLATFORM = Platform(verifies=False, in_keeper=_in_keeper)
