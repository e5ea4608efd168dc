"""One change of text, and the files that are changed."""

from __future__ import annotations

from dataclasses import dataclass

CORE = "layers/typing_relay/typing_relay/"
BURST, FLOWS, DYNAMO = CORE + "relay/burst.py", CORE + "relay/flows.py", CORE + "aws/sessions.py"
GUESTS, QUERIES = CORE + "platforms/webchat/guests.py", CORE + "aws/queries.py"
MEMORY = "tests/simulation/memory_sessions.py"


@dataclass(frozen=True, slots=True)
class Mutation:
    """In ``file``, ``before`` (which must be there once) becomes ``after``."""

    name: str
    file: str
    before: str
    after: str
    #: Where the simulation is to find it.
    platform: str = "v1"
