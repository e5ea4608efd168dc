"""What it takes to hold guests: by messages in flight, as it is, and by a heartbeat of each keeper, as it could be."""

from __future__ import annotations

import math
from collections.abc import Mapping

from typing_relay.aws.visibility import BATCH
from typing_relay.keeper.guests.custody import Terms

from tests.cost.columns import Column
from tests.cost.model import guests_a_task
from tests.cost.network import bytes_of
from tests.cost.played import UNIT_READ
from tests.cost.prices import PRICES, dollars
from tests.cost.report import KEEPER_HOUR, table
from tests.support.template import PARAMETERS

#: In the comparison: what one stack holds, an item that says that a keeper lives, and a session's record.
GUESTS, BEAT_BYTES, RECORD_BYTES = 100_000, 100, 1024
#: A keeper's item is written, and those of all are read, this often; it is silent when nothing changed for SILENT_S.
BEAT_S, SILENT_S = 5, 15


def custody_table(_: Mapping[str, Column]) -> str:
    """Both, side by side."""
    terms = Terms()
    of, share, full = bytes_of(), guests_a_task(), PARAMETERS["KeeperMaxGuests"]["Default"]
    keepers, beats = math.ceil(GUESTS / share), 3600 / BEAT_S / share
    beat = {"write_units": beats, "read_units": beats * math.ceil(keepers * BEAT_BYTES / UNIT_READ)}
    renewals = {"queue_requests": KEEPER_HOUR["queue_requests"]}
    moved = of["renewal of ten"] * renewals["queue_requests"]
    beaten = beats * (of["write"] + of["look for dead owners"] + keepers * BEAT_BYTES)
    received, sent = {"queue_requests": full / BATCH}, {"queue_requests": 3 * full / BATCH}
    scan = {"read_units": GUESTS * RECORD_BYTES / UNIT_READ / 2}
    rows = [
        ["$ per 1,000 visitor-hours", _money(dollars(renewals)), _money(dollars(beat))],
        ["… and through NAT", _money(moved * PRICES["nat_bytes"]), _money(beaten * PRICES["nat_bytes"])],
        ["requests a second", f"{GUESTS * renewals['queue_requests'] / 3600:,.0f}", f"{2 * keepers / BEAT_S:,.0f}"],
        [f"a task of {full:,} dies: $", f"{dollars(received):.4f}", f"{dollars(scan | sent):.4f}"],
        # a beat that is seen late counts from when it was seen
        [
            "… its guests are asked for after, s",
            f"{terms.visibility_s - terms.renew_s:.0f} to {terms.visibility_s}",
            f"{SILENT_S - BEAT_S} to {SILENT_S + BEAT_S}",
        ],
        ["guests of one stack, at most", "120,000", "no limit of its own"],
    ]
    return table([f"{GUESTS:,} guests, {keepers} keepers", "messages in flight", f"a heartbeat each {BEAT_S} s"], rows)


def _money(a_thousandth: float) -> str:
    return f"{1000 * a_thousandth:.4f}"
