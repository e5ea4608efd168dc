"""What several files need: one running stack, peers plain and over TLS, the frames of NICE's SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.dfo_simulator.client import running_gateway
from local.stack.settings import read_settings
from local.stack.stack import Stack
from tests.support.gateway_stage import GatewayStage
from tests.support.npm import MISSING, installed, npm_can_run
from tests.support.relay_stage import SOON_TAKEN_OVER, RelayStage
from tests.support.sdk_frames import Frame, record_sdk_frames
from tests.support.sdk_peer import PROJECT
from tests.support.web_socket_peers import Certificates, Wire


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Emulator, simulated CXone, keeper and console, as `make run` starts them."""
    with Stack(as_newest=False, senders=10, keeper=SOON_TAKEN_OVER) as running:
        yield running


@pytest.fixture(scope="session")
def stage(stack: Stack) -> RelayStage:
    """The running stack, with what a fault test does to it."""
    return RelayStage(stack)


@pytest.fixture(scope="session")
def dfo_stage() -> Iterator[GatewayStage]:
    """The same on Digital-First: a simulated gateway in the place of CXone's REST API."""
    settings = read_settings({"CXONE_PLATFORM": "dfo"})
    looks_often = {**SOON_TAKEN_OVER, "KEEPER_REFRESH_SECONDS": "5"}
    with Stack(settings, as_newest=False, senders=2, keeper=looks_often) as running:
        yield GatewayStage(running)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A server's certificate, and where clients find it."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["plain", "tls"])
def wire(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Wire]:
    """One guest socket on a loop, and the peer that it will talk to."""
    made = Wire(certificates, tls=request.param == "tls")
    yield made
    made.close()


@pytest.fixture(scope="session")
def sdk_frames() -> dict[str, Frame]:
    """One frame of each event type, by event type, as NICE's SDK sends it, with names in the place of ids."""
    if not npm_can_run():
        pytest.skip(MISSING)
    with running_gateway() as control:
        return record_sdk_frames(control, installed(PROJECT))
