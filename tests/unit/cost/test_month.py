"""A month's bill: how many keepers there are, and what passes NAT."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.cost.columns import Column, Typing
from tests.cost.month import (
    ANSWERED,
    FIXED,
    FRAMES,
    HOURS,
    TABLES_BYTES,
    Load,
    alarm_metrics,
    fixed,
    month,
    nat_bytes,
)
from tests.cost.network import RECEIPT, TOKEN, bytes_of, on_wire
from tests.cost.prices import PRICES, dollars

ONE_BURST = Typing(people=1, keys=10, bursts=1, typed_ms=8000, there_ms=60_000)
#: A burst is ten messages, two writes of a function's, and nothing of a keeper's.
WEBCHAT = Column(ONE_BURST, Counter({"messages": 10, "write_units": 2}), 1, {})
#: And here five reads and five writes of its keeper's.
GATEWAY = Column(ONE_BURST, Counter({"messages": 10, "keeper reads": 5, "keeper writes": 5}), 1, {})


class TestKeepers:
    @pytest.mark.parametrize(("visitors", "tasks"), [(0, 2), (1800, 2), (1801, 3), (100_000, 112)])
    def test_a_task_holds_forty_five_percent_of_two_thousand(self, visitors: int, tasks: int) -> None:
        assert Load(visitors, bursts=20).keepers(WEBCHAT) == tasks

    def test_where_keepers_own_the_bursts_cpu_decides_how_many_there_are(self) -> None:
        """200 bursts of ten calls and 60 frames of two are 2,120 calls an hour: 0.294 of a core for 1,000 guests."""
        assert Load(100_000, bursts=20).keepers(GATEWAY) == 112
        assert Load(100_000, bursts=200).keepers(GATEWAY) == pytest.approx(100_000 * (0.000294 + 7.5e-6) / 0.1, abs=1)


class TestNat:
    def test_a_renewal_carries_ten_receipts_and_each_request_a_token(self) -> None:
        assert bytes_of()["renewal of ten"] > 10 * RECEIPT + TOKEN
        assert min(bytes_of()[call] for call in ("read", "write", "post", "long poll")) > TOKEN

    def test_each_packet_has_its_headers(self) -> None:
        assert (on_wire(1), on_wire(1400), on_wire(1401)) == (127, 1526, 1653)

    def test_of_webchat_nothing_that_a_visitor_types_passes_it(self) -> None:
        assert nat_bytes("v1", WEBCHAT, Load(900, 20)) == nat_bytes("v1", WEBCHAT, Load(900, 200))

    def test_of_digital_first_the_reads_and_writes_of_its_bursts_do(self) -> None:
        few, many = (nat_bytes("dfo", GATEWAY, Load(900, bursts))[0] for bursts in (20, 21))
        of_a_burst = 5 * bytes_of()["read"] + 5 * bytes_of()["write"]
        assert many - few == pytest.approx(900 * HOURS * of_a_burst)

    def test_each_keeper_reads_the_leases_of_all_who_type_by_holds(self) -> None:
        """A hundred visitors, each typing for a tenth of the time: five leases end before a look comes back."""
        load, parked = Load(100, 45), replace(WEBCHAT, parks=True)
        assert (load.leases(parked), load.leases(WEBCHAT)) == (5, 0)
        more = nat_bytes("v1", parked, load)[0] - nat_bytes("v1", WEBCHAT, load)[0]
        assert more == pytest.approx(5 * ANSWERED * 1200 * load.keepers(parked) * HOURS)

    def test_without_visitors_the_keepers_look_for_work_all_the_same(self) -> None:
        to_tables, to_queue = nat_bytes("v1", WEBCHAT, Load(0, 0))
        assert to_tables == pytest.approx(2 * HOURS * 9600 * bytes_of()["look for dead owners"])
        assert to_queue == pytest.approx(2 * HOURS * 1800 * bytes_of()["long poll"])


class TestMonth:
    def test_its_sum_is_that_of_its_lines(self) -> None:
        bill = month("v1", WEBCHAT, Load(1000, 20))
        assert bill.dollars() == pytest.approx(sum(bill.dollars(line) for line in bill.lines))

    def test_a_visitors_messages_are_bursts_frames_and_pings(self) -> None:
        """Ten a burst, one for each frame, eighteen pings an hour and their answers; with the minutes connected."""
        an_hour = (20 * 10 + FRAMES + 36) * PRICES["messages"] + 60 * PRICES["connection_minutes"]
        assert month("v1", WEBCHAT, Load(1000, 20)).dollars("API Gateway") == pytest.approx(1000 * HOURS * an_hour)

    def test_nobody_costs_what_is_fixed_the_idle_keepers_and_the_sweeper(self) -> None:
        bill = month("v1", WEBCHAT, Load(0, 0))
        working = [line for line in bill.lines if line not in (FIXED, TABLES_BYTES, "NAT, other bytes", "keepers")]
        assert bill.dollars(*working) == pytest.approx(1.96, abs=0.02)  # long polls 1.05, looks 0.90, sweeper 0.01

    def test_each_platform_pays_for_its_own_alarms_alone(self) -> None:
        assert alarm_metrics("v1") < alarm_metrics("dfo")

    def test_autoscalings_two_alarms_for_each_tracked_target_are_among_the_fixed(self) -> None:
        assert fixed("v1")["alarm_metrics"] == alarm_metrics("v1") + 2 * 2

    def test_a_keepers_looks_for_dead_owners_are_thirty_three_cents_a_month(self) -> None:
        """As docs/keeper.md says."""
        assert dollars({"read_units": 86_400 * HOURS / 24}) == pytest.approx(0.33, abs=0.005)
