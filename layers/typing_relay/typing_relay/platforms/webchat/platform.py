"""webchat v1, as the rest of the relay knows it: REST calls, and a socket on which only CXone speaks."""

from __future__ import annotations

from collections.abc import Callable

from typing_relay.platforms.platform import Calls, InKeeper, Lent, Platform


def _calls(report_pause: Callable[[int], None]) -> Calls:
    from typing_relay import environment
    from typing_relay.platforms.webchat.configured import configured_guests
    from typing_relay.platforms.webchat.shared_state import SharedBreaker

    state_table = environment.setting("CXONE_STATE_TABLE")
    return Calls(configured_guests(), SharedBreaker(environment.dynamodb(), state_table, report_pause))


def _in_keeper(lent: Lent) -> InKeeper:
    from typing_relay.platforms.webchat.configured import configured_guests
    from typing_relay.platforms.webchat.talk import talks

    return InKeeper(talks(lent, configured_guests()))


PLATFORM = Platform(verifies=True, in_keeper=_in_keeper, calls=_calls)
