"""What a load costs at list prices, by the figures that are counted for docs/cost.md and written into bill.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

BILL = Path(__file__).with_name("bill.json")


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars in us-east-1 without free tiers: for a burst of held keys, for an hour of one connected visitor with a
    guest, for a ping and its pong.
    """

    as_of: str
    burst: float
    visitor_hour: float
    ping: float


def prices_of(platform: str) -> Prices:
    """The prices for ``v1`` or ``dfo``."""
    bill = json.loads(BILL.read_text())
    return Prices(as_of=bill["as_of"], **bill[platform])


def dollars(prices: Prices, bursts: int, visitor_s: float, pings: int) -> dict[str, float]:
    """The cost by part, without connects, disconnects and messages."""
    return {
        "typing": bursts * prices.burst,
        "being there": visitor_s / 3600 * prices.visitor_hour,
        "pings": pings * prices.ping,
    }
