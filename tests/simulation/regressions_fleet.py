"""Fleets that once ended with a visitor whom nobody held, each as short as it could be made."""

from __future__ import annotations

from typing import NamedTuple


class FleetRegression(NamedTuple):
    """A fleet's history and what it found."""

    clause: str
    found: str
    history: str


_ELEVEN_DEATHS = "; ".join(f"keeper dies {5_000 + 40_000 * number}" for number in range(12))

FLEETS = (
    FleetRegression(
        "T9",
        "a look that was older than the record let go of it, and the message was deleted",
        "fleet v1; keepers 1; rest 60000; open bob A 0; open alice A 30730; look 1 stale 300",
    ),
    FleetRegression(
        "T9",
        "the same on Digital-First",
        "fleet dfo; keepers 1; rest 60000; open bob A 0; open alice A 30730; look 1 stale 300",
    ),
    FleetRegression(
        "T9",
        "the client sent the note of a request twice, and its own first one kept the queue from being asked",
        "fleet v1; keepers 1; rest 10000; pings 240000; open alice A 0; step 5 again; step 7 again",
    ),
    FleetRegression(
        "T9",
        "a function died after it had noted a request and before it asked the queue",
        "fleet dfo; keepers 1; rest 10000; pings 240000; open alice A 0; step 5 crash-after",
    ),
    FleetRegression(
        "T9",
        "a keeper waited for a request for ever, as its own write of the guest was done and not answered",
        "fleet v1; keepers 1; rest 60000; open bob A 0; open alice A 30790; step 19 refuse-after",
    ),
    FleetRegression(
        "T9",
        "a guest taken up after its write was not answered had a socket on which its thread was never looked for",
        "fleet dfo; keepers 1; rest 60000; open bob A 0; open alice A 30790; step 28 refuse-after",
    ),
    FleetRegression(
        "T9",
        "a request that came while the guest was released was deleted with it",
        "fleet v1; keepers 1; rest 10000; pings 240000; open alice A 0; close alice A 900; open alice B 91300;"
        " step 13 hold 900; look 3 stale 1000",
    ),
    FleetRegression(
        "T9",
        "a keeper took late and died at once: the one that held by the same message let go of it and deleted that",
        "fleet v1; keepers 1; rest 100000; open alice A 0; queue away 0 0 3000; keeper dies 4500; step 7 late 31000",
    ),
    FleetRegression(
        "T9",
        "a keeper whose take came late deleted the message by which another one held, which then died",
        "fleet v1; keepers 2; rest 60000; open alice A 0; queue away 0 0 3000; queue away 0 1 3000;"
        " queue repeats 10000; keeper dies 25000 1; step 7 late 15000",
    ),
    FleetRegression(
        "T9",
        "eleven keepers died one after the other, and neither a sound one nor a ping brought the visitor back",
        f"fleet v1; keepers 1; rest 300000; open alice A 0; {_ELEVEN_DEATHS}",
    ),
    FleetRegression(
        "T16",
        "an agent typed on for a visitor whose guest ended and whose keeper died: the next one found no guest",
        "fleet v1; open alice A 891; open bob A 9261; agent types 5302; guest ends 6265; step 5 again; step 6 refuse;"
        " step 22 crash-after",
    ),
    FleetRegression(
        "T11",
        "the record of a visitor who was there and silent ran out, as its life was shorter than its keeper's word",
        "fleet v1; keepers 1; rest 3000000; pings 9000000; held 1800000; lives 600000; open alice A 0",
    ),
    FleetRegression(
        "custody",
        "a visitor who left while CXone was out of reach held a place until its record's end, as typing might be shown",
        "fleet dfo; keepers 1; rest 900000; open alice A 0; key alice A 4000; close alice A 5000; contacts open 3000;"
        " sockets drop 4500; sockets refused 4500 0 2000000",
    ),
    FleetRegression(
        "T16",
        "the agent typed on in the visitor's page when a v1 guest's socket was lost before the agent stopped",
        "fleet v1; keepers 1; open alice A 0; agent types 3000; agent stops 3501; sockets drop 3500",
    ),
    FleetRegression(
        "T16",
        "the same when the keeper died",
        "fleet v1; keepers 1; open alice A 0; agent types 3000; keeper dies 3500; agent stops 3600",
    ),
    FleetRegression(
        "T16",
        "one post that failed lost a v1 agent's message",
        "fleet v1; keepers 1; open alice A 0; posts away 2900 0 5000; agent writes 3000; agent writes 3001",
    ),
    FleetRegression(
        "T12",
        "a keeper whose take was answered late, as it stalled, told the visitor by that record, which was old by then",
        "fleet v1; open bob A 1120; queue repeats 7511 3; keeper stalls 9056 3 31000; step 11 late 5100",
    ),
    FleetRegression(
        "T4",
        "a turnstile set its alarm for the same moment without end, as the time was short of it by a rounding error",
        "fleet v1; keepers 1; open bob A 2490; open carol A 16187; open alice A 18080; sockets refused 19912 2 31000;"
        " sockets drop 28349 2",
    ),
    FleetRegression(
        "T9",
        "a host whose addresses were not found",
        "fleet v1; keepers 1; open alice A 0; name 1 refuse",
    ),
)
