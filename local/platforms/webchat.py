"""webchat v1 on one machine."""

from local.console.desk import Desk, webchat_call
from local.console.faults import WEBCHAT
from local.cxone_simulator.client import SimulatorControl
from local.platforms.platform import Cxone, LocalPlatform, StartSimulator
from local.playing.cxone_view import WebchatView
from local.stack.settings import Settings


def _cxone(settings: Settings, start: StartSimulator) -> Cxone:
    if settings.cxone_base_url:
        return _at(settings.cxone_base_url, None)
    names = {"client_id": "CXONE_CLIENT_ID", "client_secret": "CXONE_CLIENT_SECRET"}
    credentials = {variable: settings.credentials[name] for name, variable in names.items()}
    base_url = start("cxone simulator", "local.cxone_simulator", credentials)
    return _at(base_url, f"{base_url}/_control")


def _at(base_url: str, control_url: str | None) -> Cxone:
    return Cxone({"CxoneBaseUrl": base_url}, {"cxone_base_url": base_url}, control_url)


HERE = LocalPlatform(
    _cxone,
    WebchatView,
    lambda info: SimulatorControl(info["cxone_base_url"]),
    desk=Desk(WEBCHAT, webchat_call),
)
