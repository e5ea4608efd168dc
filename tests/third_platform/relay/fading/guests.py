"""Its calls."""

from __future__ import annotations

import requests
from typing_relay.environment import setting
from typing_relay.platforms.shared import http
from typing_relay.relay.outcomes import Guest, Kind, Outcome

LIMITS = (1.0, 3.0)


def configured() -> FadingGuests:
    """As the environment names it."""
    return FadingGuests(http.session(), setting("CXONE_BASE_URL"))


class FadingGuests:
    """Creates guests, and tells that they are typing."""

    def __init__(self, session: requests.Session, base_url: str) -> None:
        self._http, self._base_url = session, base_url

    def create(self) -> Guest | Outcome:
        """A new one."""
        answer = self._post("/guests")
        return answer if isinstance(answer, Outcome) else Guest(answer["id"], answer["url"])

    def set_typing(self, guest_id: str, typing: bool) -> Outcome:
        """That it is over nobody needs to tell: it fades."""
        answer = self._post(f"/guests/{guest_id}/typing") if typing else None
        return answer if isinstance(answer, Outcome) else Outcome(Kind.ACCEPTED)

    def get_typing(self, guest_id: str) -> bool | Outcome:
        """It does not tell, and is not asked (``Platform.verifies``)."""
        return Outcome(Kind.FAILED, reason="what is shown cannot be asked")

    def _post(self, path: str) -> dict[str, str] | Outcome:
        try:
            answer = self._http.post(self._base_url + path, timeout=LIMITS)
        except requests.RequestException as lost:
            return Outcome(Kind.LOST, reason=type(lost).__name__)
        if answer.status_code != requests.codes.ok:
            return Outcome(Kind.FAILED, reason=f"status {answer.status_code}")
        told: dict[str, str] = answer.json()
        return told
