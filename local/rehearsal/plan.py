"""What a rehearsal deploys under which names, and the steps it takes, in their order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.deploying.template_rules import complete, holds

#: Every stack of a rehearsal is named so, and nothing else is touched.
PREFIX = "typing-relay-rehearsal"
#: The tag that a rehearsal puts on its stacks; the value is the run.
TAG = "typing-relay-rehearsal"
PLATFORMS = ("v1", "dfo")
FUNCTION, ALARM = "AWS::Serverless::Function", "AWS::CloudWatch::Alarm"
#: The parameter that the update changes (ms): a visitor reads its value in the welcome.
CHANGED = "DebounceMs"
BEFORE_MS, AFTER_MS = 2000, 2500
#: A function that is told of it, and the environment variable by which.
TOLD, TOLD_BY = "Keystroke", "DEBOUNCE_MS"


@dataclass(frozen=True, slots=True)
class Credentials:
    """CXone's, of v1: themselves, or the ARN of a secret of the account that holds them."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    secret_arn: str = ""


@dataclass(frozen=True, slots=True)
class Tenant:
    """The CXone that a stack talks to: the template's parameters for it.

    ``refuses``: nobody listens at its address, so no guest can open. ``contacts``: visitors open contacts there.
    """

    parameters: Mapping[str, str]
    refuses: bool = False
    credentials: Credentials | None = None
    contacts: bool = False


#: Nothing listens on port 9 of a function's or a task's loopback host: each call is refused, and nobody is bothered.
DRY = {
    "v1": Tenant({"CxoneBaseUrl": "http://127.0.0.1:9"}, refuses=True),
    "dfo": Tenant(
        {
            "DfoEnvironment": "custom",
            "DfoGatewayUrl": "ws://127.0.0.1:9",
            "DfoChatUrl": "http://127.0.0.1:9",
            "DfoAuthorizeUrl": "http://127.0.0.1:9",
            "DfoBrandId": "1",
            "DfoChannelId": "chat_rehearsal",
        },
        refuses=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One rehearsal.

    ``run``: four hex digits that its stacks end on. ``network``: where the keepers run, as the template's parameters;
    empty: no keeper. ``shift``: the DeploymentType of the update. ``minutes`` and ``visitors``: of the load.
    """

    run: str
    platforms: tuple[str, ...]
    tenants: Mapping[str, Tenant]
    network: Mapping[str, str]
    shift: str = "AllAtOnce"
    visitors: int = 20
    minutes: float = 1.0
    keeps: bool = False
    on_emulator: bool = False

    @property
    def has_keeper(self) -> bool:
        """Whether keepers run."""
        return bool(self.network)

    def stack(self, platform: str) -> str:
        """The name of this platform's stack."""
        return f"{PREFIX}-{platform}-{self.run}"

    def parameters(self, platform: str, *, changed: bool = False) -> dict[str, str]:
        """Of the deployment, or of the update of it. A roll back deploys the former again, all at once."""
        return {
            "CxonePlatform": platform,
            **self.tenants[platform].parameters,
            **self.network,
            "KeeperMinTasks": "1",
            "KeeperMaxTasks": "2",
            "LogRetentionDays": "1",
            CHANGED: str(AFTER_MS if changed else BEFORE_MS),
            "DeploymentType": self.shift if changed else "AllAtOnce",
        }

    @property
    def tags(self) -> dict[str, str]:
        """Of its stacks; CloudFormation puts them on what the stacks are made of."""
        return {"application": "typing-relay", TAG: self.run}


@dataclass(frozen=True, slots=True)
class Step:
    """``needs``: steps of the same platform without which this one makes no sense."""

    name: str
    platform: str = ""
    needs: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """As it is shown."""
        return f"{self.platform}: {self.name}" if self.platform else self.name


PREFLIGHT, BUILD = Step("preflight"), Step("build")
DEPLOY, ALARMS, SMOKE, REFUSAL, LOAD = "deploy", "alarms", "smoke", "refusal", "load"
UPDATE, SMOKE_UPDATED, ROLL_BACK, SMOKE_BACK, FIRING = (
    "update",
    "smoke of the update",
    "roll back",
    "smoke after it",
    "alarms that fire",
)
DELETE, LEFT = "delete", "what is left"


def steps_of(plan: Plan) -> list[Step]:
    """All steps before the stacks are deleted."""
    return [PREFLIGHT, BUILD, *(step for platform in plan.platforms for step in _of_platform(plan, platform))]


def _of_platform(plan: Plan, platform: str) -> list[Step]:
    after = {
        DEPLOY: (),
        ALARMS: (DEPLOY,),
        SMOKE: (DEPLOY,),
        **({REFUSAL: (DEPLOY, SMOKE)} if plan.tenants[platform].refuses else {LOAD: (DEPLOY, SMOKE)}),
        UPDATE: (DEPLOY,),
        SMOKE_UPDATED: (DEPLOY, UPDATE),
        ROLL_BACK: (DEPLOY, UPDATE),
        SMOKE_BACK: (DEPLOY, UPDATE, ROLL_BACK),
        FIRING: (DEPLOY,),
    }
    return [Step(name, platform, needs) for name, needs in after.items()]


def ends_of(plan: Plan, made: Collection[str]) -> list[Step]:
    """The steps that end a rehearsal, however it went, of the platforms whose stacks were begun."""
    kinds = (DELETE, LEFT) if not plan.keeps else (LEFT,)
    return [Step(kind, platform) for kind in kinds for platform in plan.platforms if platform in made]


def standing(template: Mapping[str, Any], given: Mapping[str, str], kind: str) -> set[str]:
    """The logical ids of the template's resources of this type that are made with these parameters."""
    values = complete(template, given)
    conditions = template["Conditions"]
    return {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
        and ("Condition" not in resource or holds(_whole(resource["Condition"], conditions), values))
    }


def _whole(expression: Any, conditions: Mapping[str, Any]) -> Any:
    """A condition with those that it names in their place."""
    if isinstance(expression, str):
        return _whole(conditions[expression], conditions)
    [(function, operands)] = expression.items()
    if function == "Condition":
        return _whole(conditions[operands], conditions)
    if function in ("Fn::And", "Fn::Or", "Fn::Not"):
        return {function: [_whole(operand, conditions) for operand in operands]}
    return expression


def told(template: Mapping[str, Any], parameter: str) -> set[str]:
    """Functions whose environment holds this parameter: a new value is a new version of each."""
    return {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == FUNCTION and _mentions(resource["Properties"].get("Environment", {}), parameter)
    }


def _mentions(part: Any, parameter: str) -> bool:
    if isinstance(part, dict):
        return part.get("Ref") == parameter or any(_mentions(inner, parameter) for inner in part.values())
    if isinstance(part, list):
        return any(_mentions(inner, parameter) for inner in part)
    return isinstance(part, str) and f"${{{parameter}}}" in part
