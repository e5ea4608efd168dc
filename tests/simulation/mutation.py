"""One change of text, and the files that are changed."""

from __future__ import annotations

from dataclasses import dataclass

CORE = "layers/typing_relay/typing_relay/"
DYNAMO = CORE + "aws/sessions.py"
#: What a record says, what its owner must do next, and what visitors, owners and the sweeper do.
BURST, DECISIONS = CORE + "relay/burst.py", CORE + "relay/decisions.py"
FLOWS, RECONCILING, RELAY_SWEEPING = CORE + "relay/flows.py", CORE + "relay/reconciling.py", CORE + "relay/sweeping.py"
GUESTS, QUERIES = CORE + "platforms/webchat/guests.py", CORE + "aws/queries.py"
#: What a write of the record changes, stated once; and how that becomes a request to DynamoDB.
WRITES, EXPRESSIONS = CORE + "relay/session_writes.py", CORE + "aws/expressions.py"

#: Instead of the name of an error: the relay does not come to an end.
ENDLESS = "endless"


@dataclass(frozen=True, slots=True)
class Mutation:
    """In ``file``, ``before`` (which must be there once) becomes ``after``."""

    name: str
    file: str
    before: str
    after: str
    #: Where the simulation is to find it.
    platform: str = "v1"
    #: The class of the error that this change ends in, where it cannot be judged by a violation or an assertion:
    #: what a service refuses, or ``ENDLESS``. By default an error is no catch: it may be a mistake of the mutation.
    error: str = ""
    #: The test of the store's contract that is to find it: all of them on moto take ten times as long.
    contract: str = ""
    #: The file of the tests that are to find it, where the simulation cannot play what it takes.
    directed: str = ""
