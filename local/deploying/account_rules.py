"""From what is known of an account to what would go wrong there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.deploying.facts import (
    Caller,
    Facts,
    Image,
    NoCaller,
    NoImage,
    NotEcr,
    OutOfReach,
    Subnet,
    Tools,
    Vpc,
)
from local.deploying.findings import Finding, out_of_reach, unseen, warned, well, wrong
from local.deploying.nat_rules import nat
from local.deploying.template_rules import FILL_IN, asked_for

#: What Lambda leaves to functions without a bound of their own, in any account.
_UNRESERVED = 100
#: Executions at the same time that 1,000 people typing need (docs/operations.md, "Before going live").
FOR_A_THOUSAND = 1000
#: A deployment runs the new keepers beside the old ones, each with an address.
_TASKS_AT_ONCE = 2
_PROCESSORS = {"ARM64": "arm64", "X86_64": "amd64"}
_NO_CALLER = {
    "absent": "sign in: `aws configure sso` or `aws configure`, then AWS_PROFILE=name make preflight",
    "expired": "sign in again: `aws sso login`, or get new keys",
    "refused": "the keys are wrong or withdrawn: `aws sts get-caller-identity` must answer",
    "no region": "AWS_DEFAULT_REGION=eu-central-1, or a region in the profile: `aws configure set region …`",
    "unreachable": "is there a way to AWS from here? A proxy, a VPN?",
}
_UNUSABLE_STACK = {
    "ROLLBACK_COMPLETE": "its first deployment failed: `sam delete --stack-name {name}`, then deploy again",
    "ROLLBACK_FAILED": "`sam delete --stack-name {name}`, then deploy again",
    "DELETE_FAILED": "`sam delete --stack-name {name}` again; the stack's events say what is in the way",
    "UPDATE_ROLLBACK_FAILED": "`aws cloudformation continue-update-rollback --stack-name {name}`",
}


def tools(found: Tools) -> list[Finding]:
    """What runs here."""
    about, lacking = "tools", []
    if not found.sam:
        todo = "install it, or use this checkout's: `make setup`, then PATH=$PATH:$PWD/.venv-sam/bin"
        lacking.append(wrong(about, "there is no SAM CLI on PATH", todo))
    if not found.python313:
        todo = "install Python 3.13, Lambda's version"
        lacking.append(wrong(about, "sam build needs python3.13 on PATH", todo))
    return lacking or [well(about, "sam and python3.13")]


def caller(found: Caller | NoCaller) -> list[Finding]:
    """Whether AWS knows who deploys."""
    about = "credentials"
    if isinstance(found, NoCaller):
        return [wrong(about, found.why, _NO_CALLER[found.kind])]
    return [well(about, f"{found.arn} in {found.region}")]


def account(
    facts: Facts, values: Mapping[str, str], where: Caller, stack_name: str, template: Mapping[str, Any]
) -> list[Finding]:
    """`values`: all parameters, defaults included."""
    return [
        *_stack(facts.stack, stack_name),
        *_network(facts, values),
        *nat(facts, values, stack_name),
        *_image(facts.image, values["KeeperImage"], where, processor_of(template)),
        *_ecs_role(facts.ecs_role),
        *_concurrency(facts.lambda_limit, values),
        *_certificate(values["ApiCertificateArn"], where.region),
    ]


def processor_of(template: Mapping[str, Any]) -> str:
    """What the keeper's task runs on, in the word that images use."""
    platform = template["Resources"]["KeeperTask"]["Properties"]["RuntimePlatform"]
    return _PROCESSORS[platform["CpuArchitecture"]]


def _stack(status: str | OutOfReach, name: str) -> Iterator[Finding]:
    about = "stack"
    if isinstance(status, OutOfReach):
        yield out_of_reach(about, status)
    elif status in _UNUSABLE_STACK:
        yield wrong(about, f"{name} is {status}: nothing can be deployed", _UNUSABLE_STACK[status].format(name=name))
    elif status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        yield wrong(about, f"{name} is {status}", "wait until it is over")
    elif status in ("", "REVIEW_IN_PROGRESS"):
        yield well(about, f"{name} will be made")
    else:
        yield well(about, f"{name} is {status} and will be updated")


def _network(facts: Facts, values: Mapping[str, str]) -> Iterator[Finding]:
    if facts.vpc_is_missing:
        todo = "VpcId: a VPC of this account and region (`aws ec2 describe-vpcs`)"
        yield wrong("vpc", f"{values['VpcId']} is not in this account and region", todo)
    elif isinstance(facts.vpc, OutOfReach):
        yield out_of_reach("vpc", facts.vpc)
    elif isinstance(facts.vpc, Vpc) and not facts.vpc.resolves_names:
        todo = f"`aws ec2 modify-vpc-attribute --vpc-id {facts.vpc.id} --enable-dns-support`"
        yield wrong("vpc", f"{facts.vpc.id} resolves no names: the keeper would not find CXone", todo)
    elif facts.vpc:
        yield well("vpc", f"{facts.vpc.id} is there")
    if isinstance(facts.subnets, OutOfReach):
        yield out_of_reach("subnets", facts.subnets)
    elif names := asked_for(values["SubnetIds"]):
        yield from _subnets(names, facts.subnets, values)


def _subnets(names: list[str], found: Mapping[str, Subnet], values: Mapping[str, str]) -> Iterator[Finding]:
    about, here = "subnets", [found[name] for name in names if name in found]
    problems = [
        wrong(about, f"{name} is not in this account and region", "SubnetIds: subnets of VpcId")
        for name in names
        if name not in found
    ]
    problems += [problem for subnet in here for problem in _subnet(subnet, values)]
    if len({subnet.zone for subnet in here}) < 2 and len(here) == len(names):
        todo = "SubnetIds: two or more, in different zones; one zone's loss would be the keepers' end"
        problems.append(wrong(about, "all in one zone" if len(names) > 1 else "only one is given", todo))
    needed, least = sum(subnet.free_addresses for subnet in here), values["KeeperMinTasks"]
    if len(here) == len(names) and least.isdecimal() and needed < int(least) * _TASKS_AT_ONCE:
        todo = "larger subnets, or fewer keepers: a deployment runs the new ones beside the old ones"
        problems.append(wrong(about, f"{needed} free addresses for {least} keepers, old and new", todo))
    ways = ", ".join(f"{subnet.id} by {subnet.way_out}" for subnet in here)
    yield from problems or [well(about, ways)]


def _subnet(subnet: Subnet, values: Mapping[str, str]) -> Iterator[Finding]:
    about = "subnets"
    if values["VpcId"] and FILL_IN not in values["VpcId"] and subnet.vpc != values["VpcId"]:
        todo = f"SubnetIds: subnets of {values['VpcId']}, or VpcId={subnet.vpc}"
        yield wrong(about, f"{subnet.id} is in {subnet.vpc}, not in VpcId", todo)
    if subnet.way_out is None:
        todo = "a route 0.0.0.0/0 to a NAT gateway, or to an internet gateway with AssignPublicIp=ENABLED"
        yield wrong(about, f"{subnet.id} has no way out: the keeper could reach neither CXone nor its image", todo)
    elif subnet.is_dead:
        todo = f"its route 0.0.0.0/0 goes to {subnet.way_out}, which is gone: make a new one"
        yield wrong(about, f"{subnet.id}'s way out leads nowhere", todo)
    elif subnet.way_out.startswith("igw-") and values["AssignPublicIp"] != "ENABLED":
        todo = "AssignPublicIp=ENABLED, or subnets whose route goes to a NAT gateway"
        yield wrong(about, f"{subnet.id} is a public subnet, where only tasks with a public address get out", todo)


def _image(
    found: Image | NoImage | NotEcr | OutOfReach | None, uri: str, where: Caller, processor: str
) -> Iterator[Finding]:
    about = "image"
    match found:
        case None:
            return
        case NotEcr():
            yield unseen(about, f"{uri} is not in ECR: not looked at", f"it must be for {processor}, and pulled freely")
        case OutOfReach():
            yield out_of_reach(about, found)
        case NoImage():
            todo = f"`make image`, with AWS_DEFAULT_REGION={where.region}; or fix KeeperImage"
            yield wrong(about, f"{uri}: there is no such {found.what}", todo)
        case Image() if processor not in found.processors:
            listed = ", ".join(sorted(found.processors)) or "nothing known"
            todo = f"`make image` builds for {processor}; with other tools: --platform linux/{processor}"
            yield wrong(about, f"{uri} is for {listed}; the keeper runs on {processor}", todo)
        case Image():
            yield well(about, f"{uri} is there, for {processor}")


def _ecs_role(found: bool | OutOfReach) -> Iterator[Finding]:
    about = "ECS"
    if isinstance(found, OutOfReach):
        yield out_of_reach(about, found)
    elif found:
        yield well(about, "has its role in this account")
    else:
        todo = "`aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com`, once for the account"
        yield wrong(about, "was never used in this account: its role is missing, and the first service may fail", todo)


def _concurrency(limit: int | OutOfReach, values: Mapping[str, str]) -> Iterator[Finding]:
    about = "concurrency"
    bounds = [values["KeystrokeConcurrency"], values["HandshakeConcurrency"], values["HandshakeConcurrency"]]
    reserved = sum(int(bound) for bound in bounds if bound.isdecimal())
    if isinstance(limit, OutOfReach):
        yield out_of_reach(about, limit)
    elif reserved and limit - reserved < _UNRESERVED:
        todo = f"Lambda keeps {_UNRESERVED} unreserved: lower the two, or raise the account's limit (Service Quotas)"
        text = f"KeystrokeConcurrency and twice HandshakeConcurrency are {reserved} of the account's {limit}"
        yield wrong(about, text, todo)
    elif limit < FOR_A_THOUSAND:
        text = f"{limit} functions may run at the same time: enough to try it; with more calls typing is shown late"
        todo = f"Service Quotas, Lambda, Concurrent executions: {FOR_A_THOUSAND} for 1,000 people typing"
        yield warned(about, text, todo)
    else:
        yield well(about, f"{limit} functions may run at the same time")


def _certificate(arn: str, region: str) -> Iterator[Finding]:
    parts = arn.split(":")
    if len(parts) > 3 and parts[3] != region:
        todo = f"a certificate in {region}: API Gateway takes no other"
        yield wrong("certificate", f"ApiCertificateArn is in {parts[3]}", todo)
