"""A chat platform whose sign of typing fades by itself: a call tells that somebody types, none that it is over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from typing_relay.platforms.platform import Calls, InKeeper, Lent, Platform


def _calls(_report_pause: Callable[[int], None]) -> Calls:
    from typing_relay.platforms.fading.guests import configured

    return Calls(configured())


def _in_keeper(lent: Lent) -> InKeeper:
    from typing_relay.platforms.fading.guests import configured
    from typing_relay.platforms.fading.talk import FadingTalk

    return InKeeper(partial(FadingTalk, lent, configured()))


PLATFORM = Platform(verifies=False, in_keeper=_in_keeper, calls=_calls)
