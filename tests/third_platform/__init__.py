"""A third chat platform, as small as one can be: what the seam is proven by. It is none of NICE's.

Its typing is told by REST calls, and nothing tells that it is over: the agent's indicator fades by itself, as that of
Amazon Connect's chat does. `relay/` is its folder in the package, `here/` its part of a stack on one machine.
"""

from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parent
#: Where its files go in a project, by where they are here.
PLACES = {"relay": "layers/typing_relay/typing_relay/platforms", "here": "local/platforms"}
#: All that changes elsewhere: its name where the package looks platforms up, and where a deployment chooses one.
REGISTRATION: dict[str, Callable[[str], str]] = {
    "layers/typing_relay/typing_relay/platforms/registry.py": lambda text: text.replace(
        '"dfo": "digital_first"', '"dfo": "digital_first", "fading": "fading"'
    ),
    "template.yaml": lambda text: text.replace("AllowedValues: [v1, dfo]", "AllowedValues: [v1, dfo, fading]"),
}
