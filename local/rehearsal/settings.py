"""From what the environment says to a plan. Pure; what makes no sense is refused with what to do."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from local.deploying.template_rules import FILL_IN
from local.rehearsal.ownership import is_run
from local.rehearsal.plan import DRY, PLATFORMS, Credentials, Plan, Tenant

MOST_VISITORS, MOST_MINUTES = 500, 15.0
#: The environment's variable for each of the template's parameters.
_NETWORK = {"KEEPER_IMAGE": "KeeperImage", "VPC_ID": "VpcId", "SUBNET_IDS": "SubnetIds"}
_V1 = {"CXONE_BASE_URL": "CxoneBaseUrl", "CXONE_ORG_ID": "CxoneOrgId"}
_V1_MORE = {"CXONE_SOCKET_HOST_SUFFIXES": "CxoneSocketHostSuffixes"}
_BRAND = {"DFO_BRAND_ID": "DfoBrandId", "DFO_CHANNEL_ID": "DfoChannelId"}
_URLS = {"DFO_GATEWAY_URL": "DfoGatewayUrl", "DFO_CHAT_URL": "DfoChatUrl", "DFO_AUTHORIZE_URL": "DfoAuthorizeUrl"}
#: On this machine the keepers are processes, so there is no network to name.
_ON_EMULATOR = {"KeeperImage": "guest-keeper:local"}


class BadSetting(Exception):
    """A setting makes no sense; the message says which, and what to do."""


def is_on_emulator(given: Mapping[str, str]) -> bool:
    """Whether ON says so. BadSetting."""
    on = given.get("ON") or "aws"
    if on not in ("aws", "emulator"):
        raise BadSetting(f"ON must be aws or emulator, not {on!r}")
    return on == "emulator"


def run_of(given: Mapping[str, str], setting: str, otherwise: str) -> str:
    """The run that ``setting`` (RUN or DELETE) names. BadSetting."""
    run = given.get(setting) or otherwise
    if not is_run(run):
        raise BadSetting(f"{setting} must be four hex digits such as 3fa2, on which the stacks' names end, not {run!r}")
    return run


def plan_of(
    given: Mapping[str, str],
    configured: Mapping[str, str],
    template: Mapping[str, Any],
    run: str,
    simulated: Mapping[str, Tenant] | None = None,
) -> Plan:
    """``configured``: the parameters of an environment of samconfig.toml, of which those of the network are taken;
    ``run``: where RUN names none; ``simulated``: the tenants of this machine. BadSetting.
    """
    platforms = _platforms(given)
    on_emulator = is_on_emulator(given)
    is_dry = _one_of(given, "TENANT", ("given", "dry"), "given") == "dry"
    tenants = {name: DRY[name] if is_dry else _tenant(name, given) for name in platforms}
    if on_emulator and not is_dry:  # nobody's real tenant meets what is tried on this machine
        tenants = {name: (simulated or DRY)[name] for name in platforms}
    return Plan(
        run=run_of(given, "RUN", run),
        platforms=platforms,
        tenants=tenants,
        network=_ON_EMULATOR if on_emulator else _network(given, configured),
        shift=_one_of(given, "CANARY", _shifts(template), "AllAtOnce"),
        visitors=round(_number(given, "VISITORS", 20, 1, MOST_VISITORS)),
        minutes=_number(given, "MINUTES", 1, 0.1, MOST_MINUTES),
        keeps=_one_of(given, "KEEP", ("0", "1"), "0") == "1",
        on_emulator=on_emulator,
    )


def _platforms(given: Mapping[str, str]) -> tuple[str, ...]:
    wished = (given.get("PLATFORMS") or ",".join(PLATFORMS)).split(",")
    if unknown := [name for name in wished if name not in PLATFORMS]:
        raise BadSetting(f"PLATFORMS must be v1, dfo or v1,dfo, not {unknown[0]!r}")
    return tuple(dict.fromkeys(wished))


def _shifts(template: Mapping[str, Any]) -> list[str]:
    return [str(kind) for kind in template["Parameters"]["DeploymentType"]["AllowedValues"]]


def _one_of(given: Mapping[str, str], name: str, allowed: list[str] | tuple[str, ...], default: str) -> str:
    value = given.get(name) or default
    if value not in allowed:
        raise BadSetting(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def _number(given: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = given.get(name) or str(default)
    with suppress(ValueError):
        if least <= float(text) <= most:
            return float(text)
    raise BadSetting(f"{name} must be a number from {least:g} to {most:g}, not {text!r}")


def _network(given: Mapping[str, str], configured: Mapping[str, str]) -> dict[str, str]:
    """Where the keepers run: as the environment says, and for the rest as samconfig.toml does."""
    if _one_of(given, "KEEPER", ("0", "1"), "1") == "0":
        return {}
    found = {name: given.get(variable) or _filled(configured, name) for variable, name in _NETWORK.items()}
    missing = [f"{variable} ({name})" for variable, name in _NETWORK.items() if not found[name]]
    if missing:
        raise BadSetting(
            f"where do the keepers run? Not given: {', '.join(missing)}. Fill them in in samconfig.toml or set them "
            "here (`make image` makes the image); or KEEPER=0, and all that needs a keeper is left out"
        )
    public = given.get("ASSIGN_PUBLIC_IP") or _filled(configured, "AssignPublicIp") or "DISABLED"
    return found | {"AssignPublicIp": public}


def _filled(configured: Mapping[str, str], name: str) -> str:
    value = configured.get(name, "")
    return "" if FILL_IN in value else value


def _tenant(platform: str, given: Mapping[str, str]) -> Tenant:
    return _webchat(given) if platform == "v1" else _gateway(given)


def _webchat(given: Mapping[str, str]) -> Tenant:
    parameters = _given(given, _V1)
    if not parameters:
        return DRY["v1"]
    if len(parameters) == len(_V1):
        raise BadSetting("CXONE_BASE_URL and CXONE_ORG_ID both name the tenant: take one of them out")
    names = ("CXONE_CLIENT_ID", "CXONE_CLIENT_SECRET", "CXONE_SECRET_ARN")
    client_id, client_secret, arn = (given.get(name, "") for name in names)
    if not arn and not (client_id and client_secret):
        raise BadSetting(
            "to sign in at that CXone, set CXONE_SECRET_ARN (a secret of your account with client_id and "
            "client_secret), or CXONE_CLIENT_ID and CXONE_CLIENT_SECRET"
        )
    return Tenant(parameters | _given(given, _V1_MORE), credentials=Credentials(client_id, client_secret, arn))


def _gateway(given: Mapping[str, str]) -> Tenant:
    brand, urls, environment = _given(given, _BRAND), _given(given, _URLS), given.get("DFO_ENVIRONMENT", "")
    if not (brand or urls or environment):
        return DRY["dfo"]
    if environment and urls:
        raise BadSetting("DFO_ENVIRONMENT names NICE's gateway, DFO_…_URL another one: take one of them out")
    where = {} if environment else _URLS
    if missing := [name for name in {**_BRAND, **where} if not given.get(name)]:
        more = "" if environment else ", or DFO_ENVIRONMENT in the place of the three URLs"
        raise BadSetting(f"a Digital-First tenant is named by DFO_…: set {', '.join(missing)} too{more}")
    contacts = _one_of(given, "CONTACTS", ("0", "1"), "0") == "1"
    return Tenant({"DfoEnvironment": environment or "custom", **urls, **brand}, contacts=contacts)


def _given(given: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {parameter: given[variable] for variable, parameter in names.items() if given.get(variable)}
