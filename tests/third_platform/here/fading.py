"""The fading platform on one machine."""

from local.platforms.platform import Cxone, LocalPlatform, StartSimulator
from local.stack.settings import Settings


def _cxone(_settings: Settings, start: StartSimulator) -> Cxone:
    url = start("fading service", "local.platforms.fading_service")
    return Cxone({"CxonePlatform": "fading", "CxoneBaseUrl": url}, {"cxone_base_url": url}, None)


HERE = LocalPlatform(_cxone)
