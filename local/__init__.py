"""Everything on one machine: the stack, a simulated CXone, the console, visitors. Nothing of this is deployed."""

import sys
from pathlib import Path

# The relay's own package, for commands as for what they start.
sys.path.append(str(Path(__file__).resolve().parents[1] / "layers/typing_relay"))
