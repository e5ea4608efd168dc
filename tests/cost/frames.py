"""A frame from CXone to a visitor with one tab: a consistent read of the record, a post, their bytes through NAT."""

from __future__ import annotations

from tests.cost.network import bytes_of
from tests.cost.prices import dollars
from tests.cost.report import table


def frame() -> dict[str, dict[str, float]]:
    """What is billed of one, by the lines of the table."""
    of = bytes_of()
    return {
        "API Gateway, the post": {"messages": 1},
        "DynamoDB, the record": {"read_units": 1},
        "NAT, bytes of the read": {"nat_bytes": of["read"]},
        "NAT, bytes of the post and of CXone's frame": {"nat_bytes": of["post"] + of["frame"]},
    }


def frames_table(_: object) -> str:
    """The table of docs/cost.md."""
    rows = [[what, f"{1000 * dollars(dict(line)):.4f}"] for what, line in frame().items()]
    total = sum(dollars(dict(line)) for line in frame().values())
    return table(["1,000 frames to a visitor", "$"], [*rows, ["**sum**", f"**{1000 * total:.4f}**"]])
