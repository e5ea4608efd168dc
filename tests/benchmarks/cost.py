"""What a burst costs: real rhythms through the relay's own flows in virtual time, every billed thing counted.

Beside plain clients and Digital-First two peers on the same rhythms: the relay with a frame for each key, and a relay
without a store that makes a POST of each. Same figures each time; docs/cost.md is written from them.
"""

from tests.cost import crowd, month, report, worst
from tests.cost.columns import columns


def main() -> None:
    """Play and print."""
    counted = columns()
    parts = (
        *(report.load_text, report.counted_table, report.bill_table, report.memory_text),
        *(crowd.crowd_table, report.hours_table, month.fixed_table, month.nat_text),
        *(month.month_table("v1"), month.month_table("dfo"), report.capacity_text, report.goals_text),
        worst.worst_table,
    )
    print("", *(part(counted) for part in parts), sep="\n\n")


if __name__ == "__main__":
    main()
