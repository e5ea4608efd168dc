"""What frames leave out is fetched over HTTP. On the loop's thread."""

from __future__ import annotations

from collections.abc import Callable

from typing_relay.platforms.digital_first.api import Streamed
from typing_relay.platforms.digital_first.conversation import happenings
from typing_relay.platforms.digital_first.talk_parts.state import TalkState
from typing_relay.relay.outcomes import Kind, Outcome


class Fetching:
    """``happened``: takes what came of it."""

    def __init__(self, state: TalkState, happened: Callable[[happenings.Happening], object]) -> None:
        self._state, self._happened = state, happened

    def event(self, url: str) -> None:
        """An event that is too long for a frame."""
        context = self._state.context

        def fetched(answer: str | Outcome) -> None:
            self._happened(happenings.NotFetched() if isinstance(answer, Outcome) else happenings.Fetched(answer))

        context.cxone.submit(
            ("event", self._state.session_id),
            lambda: context.gateway.event(url),
            fetched,
            lambda error: self._happened(happenings.NotFetched()),
        )

    def rest(self, name: str, call: Callable[[], str | Streamed | Outcome]) -> None:
        """The rest of a message, on threads of its own, as one that is still being written may take long. When its
        turn comes it may not be wanted any more."""

        def fetch() -> str | Streamed | Outcome:
            c = self._state.conversation
            is_wanted = c is not None and any(untold.fetch == name for untold in c.incoming.untold)
            return call() if is_wanted else Outcome(Kind.LOST, reason="it is not wanted any more")

        def fetched(answer: str | Streamed | Outcome) -> None:
            match answer:
                case Outcome():
                    self._happened(happenings.RestNotFetched(name))
                case Streamed(text, is_whole):
                    self._happened(happenings.RestFetched(name, text, is_whole))
                case str():
                    self._happened(happenings.RestFetched(name, answer))

        failed: Callable[[Exception], object] = lambda error: self._happened(happenings.RestNotFetched(name))  # noqa: E731
        self._state.context.contents.submit(("rest", self._state.session_id), fetch, fetched, failed)
