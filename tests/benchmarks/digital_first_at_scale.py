"""The whole keeper at scale on Digital-First: each guest sends a heartbeat every 15 s, and is answered.

python -m tests.benchmarks.digital_first_at_scale [GUESTS]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.benchmarks.keeper_at_scale import measure_holding


def main(arguments: Sequence[str] = ()) -> None:
    """Memory and idle CPU, and a mass drop with recovery."""
    measure_holding(int(arguments[0]) if arguments else 5000, digital_first=True)


if __name__ == "__main__":
    main(sys.argv[1:])
