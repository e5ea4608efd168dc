"""From what is known of NAT gateways and routes to what they will cost, and how many guests they carry. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from local.deploying.facts import Facts, Nat, OutOfReach, RouteTable, Subnet, TablesEndpoint
from local.deploying.findings import Finding, out_of_reach, warned, well, wrong
from local.deploying.template_rules import asked_for

#: Connections of one address to one host and port (AWS: "NAT gateway basics"). CXone is one host, a guest a connection.
CONNECTIONS_OF_AN_ADDRESS = 55_000


def nat(facts: Facts, values: Mapping[str, str], stack_name: str) -> list[Finding]:
    """`values`: all parameters, defaults included. Nothing where no subnet is known."""
    if isinstance(facts.subnets, OutOfReach):
        return []
    subnets = [facts.subnets[id_] for id_ in asked_for(values["SubnetIds"]) if id_ in facts.subnets]
    by_nat = _by_nat(subnets)
    found = [*_nats(facts.nats, by_nat, values), *_endpoints(facts, subnets, values, stack_name)]
    if by_nat and not found:
        return [well("NAT", f"{', '.join(sorted(by_nat))}: enough connections, and none needed for DynamoDB")]
    return found


def _by_nat(subnets: Collection[Subnet]) -> dict[str, list[Subnet]]:
    """The subnets of each NAT gateway."""
    found = defaultdict(list)
    for subnet in subnets:
        if subnet.way_out and subnet.way_out.startswith("nat-") and not subnet.is_dead:
            found[subnet.way_out].append(subnet)
    return found


def _nats(
    nats: Mapping[str, Nat] | OutOfReach, by_nat: Mapping[str, list[Subnet]], values: Mapping[str, str]
) -> Iterator[Finding]:
    if isinstance(nats, OutOfReach):
        yield out_of_reach("NAT", nats)
        return
    used = [nats[id_] for id_ in sorted(by_nat) if id_ in nats]
    for gateway in used:
        zones = sorted({subnet.zone for subnet in by_nat[gateway.id]})
        if len(zones) > 1 and not gateway.is_regional:
            todo = "a NAT gateway in each zone, or a regional one; for a trial one will do"
            text = f"{gateway.id} is the way out of {' and '.join(zones)}: when its zone fails, no keeper gets out"
            yield warned("NAT", text, todo)
    yield from _connections(used, values)


def _connections(used: Collection[Nat], values: Mapping[str, str]) -> Iterator[Finding]:
    factors = values["KeeperMaxTasks"], values["KeeperMaxGuests"]
    if not used or any(gateway.adds_addresses for gateway in used) or not all(map(str.isdecimal, factors)):
        return
    guests = int(factors[0]) * int(factors[1])
    connections = CONNECTIONS_OF_AN_ADDRESS * sum(gateway.addresses for gateway in used)
    if guests > connections:
        todo = "`aws ec2 associate-nat-gateway-address` (8 addresses a gateway at most), or a lower KeeperMaxTasks"
        text = f"KeeperMaxTasks × KeeperMaxGuests are {guests:,} guests, each a connection; NAT has {connections:,}"
        yield warned("NAT", text, todo)


def _endpoints(
    facts: Facts, subnets: Collection[Subnet], values: Mapping[str, str], stack_name: str
) -> Iterator[Finding]:
    given = asked_for(values["RouteTableIds"])
    about = "DynamoDB"
    if isinstance(facts.endpoints, OutOfReach):
        yield out_of_reach(about, facts.endpoints)
        return
    others = [endpoint for endpoint in facts.endpoints if endpoint.stack != stack_name]
    for id_ in given if facts.route_tables else ():
        yield from _route_table(id_, facts.route_tables, others, {subnet.id for subnet in subnets})
    reached = {*given, *(id_ for endpoint in others for id_ in endpoint.route_tables)}
    charged = sorted({subnet.route_table for of_nat in _by_nat(subnets).values() for subnet in of_nat} - reached - {""})
    if charged:
        ids = ",".join(charged)
        todo = f"RouteTableIds={ids}, where only keepers' subnets go by them; else an endpoint of your own"
        text = "is reached through NAT, which charges by the byte; a gateway endpoint costs nothing"
        yield warned(about, text, todo)


def _route_table(
    id_: str, tables: Mapping[str, RouteTable], others: Collection[TablesEndpoint], keepers: set[str]
) -> Iterator[Finding]:
    """Of one that is to lead to the stack's endpoint."""
    about = "DynamoDB"
    if id_ not in tables:
        yield wrong(about, f"{id_} is not a route table of the subnets' VPC", "RouteTableIds: those of SubnetIds")
        return
    for endpoint in others:
        if id_ in endpoint.route_tables:
            todo = "RouteTableIds: leave it out; that endpoint does for the keepers, too, if its policy lets them"
            yield wrong(about, f"{id_} leads to DynamoDB by {endpoint.id} already, and takes no second endpoint", todo)
    strangers = sorted(tables[id_].subnets - keepers)
    if strangers or tables[id_].is_main:
        who = ", ".join(strangers) or "every subnet of the VPC that names no route table"
        todo = "a route table for the keepers' subnets alone: the endpoint refuses everybody but the keepers"
        yield wrong(about, f"{id_} is also that of {who}: DynamoDB would be out of reach there", todo)
