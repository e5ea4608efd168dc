"""The simulated CXone's whole state, in one place."""

import random
from dataclasses import dataclass, field

from aiohttp import web

from local.cxone_simulator.faults import FaultPlan
from local.cxone_simulator.guests import Guests
from local.simulating.events import Broadcast, EventLog
from local.simulating.tokens import Tokens


@dataclass
class Simulator:
    """One organisation at CXone. With the same `seed`, faults are rolled the same in each run.

    `port` is where it listens; guests are sent there for their sockets.
    """

    client_id: str
    client_secret: str
    seed: int = 0
    port: int = 0
    tokens: Tokens[str] = field(default_factory=Tokens)
    guests: Guests = field(default_factory=Guests)
    events: EventLog = field(default_factory=EventLog)
    faults: FaultPlan = field(default_factory=FaultPlan)
    faults_changed: Broadcast = field(default_factory=Broadcast)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def set_faults(self, plan: FaultPlan) -> None:
        """Use these settings from now on."""
        self.faults = plan
        self.faults_changed.send()

    def forget_everything(self) -> None:
        """Reset to the state after the start, except the event log: its readers continue where they were."""
        self.set_faults(FaultPlan())
        self.tokens.revoke_all()
        self.guests.clear()
        self.random.seed(self.seed)


SIMULATOR = web.AppKey("simulator", Simulator)
