"""What is known of the account that a deployment goes to: `account.py` collects it, `account_rules.py` judges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """Could not be asked. `why` is AWS's own word for it; `needs` the permission that would show it."""

    why: str
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as STS says."""

    account: str
    arn: str
    region: str


@dataclass(frozen=True, slots=True)
class NoCaller:
    """Nobody can ask. `kind`: "absent", "expired", "refused", "no region" or "unreachable"; `why`: the SDK's words."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Vpc:
    """`resolves_names`: enableDnsSupport."""

    id: str
    resolves_names: bool


@dataclass(frozen=True, slots=True)
class Subnet:
    """`way_out`: where 0.0.0.0/0 goes, such as nat-… or igw-…; None: nowhere. `is_dead`: what it goes to is gone.

    `route_table`: the id of the table that its traffic goes by.
    """

    id: str
    vpc: str
    zone: str
    free_addresses: int
    way_out: str | None
    is_dead: bool = False
    route_table: str = ""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """`subnets`: those that name it. `is_main`: all subnets of the VPC that name none go by it, too."""

    id: str
    is_main: bool
    subnets: frozenset[str]


@dataclass(frozen=True, slots=True)
class Nat:
    """A NAT gateway. `is_regional`: it is in every zone. `adds_addresses`: by itself, when connections need them."""

    id: str
    addresses: int
    is_regional: bool = False
    adds_addresses: bool = False


@dataclass(frozen=True, slots=True)
class TablesEndpoint:
    """A gateway endpoint for DynamoDB. `stack`: which stack made it; "": none did."""

    id: str
    route_tables: frozenset[str]
    stack: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image in ECR, and for which processors it is, as its manifest says ("arm64", "amd64")."""

    processors: frozenset[str]


@dataclass(frozen=True, slots=True)
class NoImage:
    """`what` is not there: "repository" or "image"."""

    what: str


@dataclass(frozen=True, slots=True)
class NotEcr:
    """A registry that is not asked."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was asked. None: there was no need to ask, as the parameter is not given.

    `stack`: its status; "" if there is none. `subnets`: those found. `ecs_role`: whether ECS has its role in the
    account. `lambda_limit`: how many functions may run at the same time. `route_tables`: those of the subnets' VPCs.
    `nats`: the NAT gateways that the subnets' routes lead to. `endpoints`: those of the VPC.
    """

    stack: str | OutOfReach
    ecs_role: bool | OutOfReach
    lambda_limit: int | OutOfReach
    image: Image | NoImage | NotEcr | OutOfReach | None = None
    vpc: Vpc | OutOfReach | None = None
    vpc_is_missing: bool = False
    subnets: Mapping[str, Subnet] | OutOfReach = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    nats: Mapping[str, Nat] | OutOfReach = field(default_factory=dict)
    endpoints: tuple[TablesEndpoint, ...] | OutOfReach = ()


@dataclass(frozen=True, slots=True)
class Tools:
    """Programs on PATH that a deployment needs."""

    sam: bool
    python313: bool
