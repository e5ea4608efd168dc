"""What a burst costs: real rhythms through the relay's own flows in virtual time, every billed thing counted.

Beside plain clients and Digital-First two peers on the same rhythms: the relay with a frame for each key, and a relay
without a store that makes a POST of each. Same figures each time; docs/cost.md is written from them.
"""

import sys

from tests.cost import crowd, frames, goals, month, report, visit, worst
from tests.cost.columns import columns


def main(_arguments: object = ()) -> int:
    """Play and print; 1 where a goal is missed."""
    counted = columns()
    parts = (
        *(report.load_text, report.counted_table, report.bill_table, report.memory_text),
        *(crowd.crowd_table, report.hours_table, month.fixed_table, month.nat_text),
        *(visit.visit_table, frames.frames_table),
        *(month.month_table("v1"), month.month_table("dfo"), report.capacity_text),
        *(worst.worst_table, goals.goals_text),
    )
    print("", *(part(counted) for part in parts), sep="\n\n")
    return int(bool(goals.missed(counted)))


if __name__ == "__main__":
    sys.exit(main())
