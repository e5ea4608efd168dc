"""Digital-First on one machine."""

from dataclasses import asdict

from local.console.desk import Desk, gateway_call
from local.console.faults import GATEWAY
from local.console.gateway_events import as_console_events, changes_threads
from local.dfo_simulator.client import DfoControl, gateway_of, parse_ready
from local.platforms.platform import Cxone, LocalPlatform, StartSimulator
from local.playing.cxone_view import GatewayView
from local.stack.settings import Gateway, Settings


def _cxone(settings: Settings, start: StartSimulator) -> Cxone:
    gateway = settings.gateway or _simulated(start)
    parameters = {
        "CxonePlatform": "dfo",
        "DfoEnvironment": "custom",
        "DfoGatewayUrl": gateway.gateway_url,
        "DfoChatUrl": gateway.chat_url,
        "DfoAuthorizeUrl": gateway.authorize_url,
        "DfoBrandId": gateway.brand_id,
        "DfoChannelId": gateway.channel_id,
        "DfoChannelIds": settings.channel_ids,
        "DfoVisitorDetails": "off" if settings.gateway else "on",  # nobody is behind the simulated one
    }
    told = {f"dfo_{name}": value for name, value in asdict(gateway).items()}
    control = None if settings.gateway else f"{gateway.chat_url}/_control"
    return Cxone(parameters, {"cxone_base_url": gateway.chat_url, **told}, control)


def _simulated(start: StartSimulator) -> Gateway:
    said = parse_ready(start("dfo simulator", "local.dfo_simulator"))
    return Gateway(said.gateway_url, said.chat_url, said.authorize_url, str(said.brand_id), said.channel_id)


HERE = LocalPlatform(
    _cxone,
    lambda _aws, info: GatewayView(info),
    lambda info: DfoControl(gateway_of(info)),
    as_console_events,
    Desk(GATEWAY, gateway_call, changes_threads, keeps_messages=True),
)
