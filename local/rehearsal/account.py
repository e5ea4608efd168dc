"""Asks AWS about the stacks of a rehearsal, and deletes them; the rules of ``ownership`` stand before each change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.rehearsal.facts import Alarm, Event, Left, Resource, Stack, Versions
from local.rehearsal.ownership import Way, must_be_ours, way_out
from local.rehearsal.plan import ALARM, TAG, Credentials
from local.stack.aws import HasClients

_FUNCTION = "AWS::Lambda::Function"
_SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 a type
_ALIAS = "live"
#: The stack that SAM makes once for an account, for packed code.
_SAMS_STACK = "aws-sam-cli-managed-default"
#: An ECS service drains, and an API, its domain and roles go one after the other.
DELETION_S = 2400.0


class Stacks:
    """The account's, seen by one run. ``poll_s``: how often a deletion is looked at.

    Every method may raise what boto3 raises.
    """

    def __init__(self, aws: HasClients, run: str, poll_s: float) -> None:
        self._aws, self._run, self._poll_s = aws, run, poll_s

    def find(self, name: str) -> Stack | None:
        """The stack of this name or id; None where there is none."""
        try:
            [found] = self._aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return Stack(
            name=found["StackName"],
            id=found["StackId"],
            status=found["StackStatus"],
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
            outputs={output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())},
        )

    def ours(self, name: str) -> Stack | None:
        """The stack of this name; None where there is none. NotOurs where another one has the name."""
        found = self.find(name)
        if found:
            is_empty = found.status == "REVIEW_IN_PROGRESS"  # a change set that nobody executed: it has no tags yet
            must_be_ours(found.name, {TAG: self._run} if is_empty else found.tags, self._run)
        return found

    def resources(self, name: str) -> dict[str, Resource]:
        """The stack's parts by logical id."""
        pages = self._aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        return {
            one["LogicalResourceId"]: Resource(one["ResourceType"], one.get("PhysicalResourceId", ""))
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def events(self, id_: str) -> list[Event]:
        """All of the stack's events, newest first; none where it is not known any more."""
        pages = self._aws.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=id_)
        try:
            return [
                Event(
                    event["LogicalResourceId"],
                    event["ResourceType"],
                    event.get("PhysicalResourceId", ""),
                    event["ResourceStatus"],
                    event.get("ResourceStatusReason", ""),
                )
                for page in pages
                for event in page["StackEvents"]
            ]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return []
            raise

    def versions(self, resources: Mapping[str, Resource]) -> Versions:
        """Of the stack's functions."""
        client = self._aws.client("lambda")
        functions = {name: part.id for name, part in resources.items() if part.kind == _FUNCTION}
        live, kept = {}, {}
        for name, function in functions.items():
            pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
            listed = [one["Version"] for page in pages for one in page["Versions"]]
            kept[name] = frozenset(int(version) for version in listed if version.isdecimal())
            version = _alias(client, function)
            if version.isdecimal():
                live[name] = int(version)
        return Versions(live, kept)

    def alarms(self, resources: Mapping[str, Resource]) -> dict[str, Alarm]:
        """The stack's alarms by logical id, of those that CloudWatch has."""
        names = {part.id: name for name, part in resources.items() if part.kind == ALARM}
        client, found = self._aws.client("cloudwatch"), {}
        for page in client.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"]):
            for alarm in page["MetricAlarms"]:
                if alarm["AlarmName"] in names:
                    acts = bool(alarm.get("ActionsEnabled", True) and alarm.get("AlarmActions"))
                    found[names[alarm["AlarmName"]]] = Alarm(alarm["StateValue"] == "ALARM", acts)
        return found

    def put_credentials(self, secret_arn: str, credentials: Credentials) -> None:
        """Into the stack's secret. They are printed nowhere."""
        client = self._aws.client("secretsmanager")
        value = json.dumps({"client_id": credentials.client_id, "client_secret": credentials.client_secret})
        if credentials.secret_arn:
            value = client.get_secret_value(SecretId=credentials.secret_arn)["SecretString"]
        client.put_secret_value(SecretId=secret_arn, SecretString=value)

    def logged(self, group: str, since: int) -> list[str]:
        """The ``message`` of each JSON line of a log group since a time (epoch ms)."""
        filtered = self._aws.client("logs").get_paginator("filter_log_events")
        pages = filtered.paginate(logGroupName=group, startTime=since)
        return [message for page in pages for event in page["events"] if (message := _message(event["message"]))]

    def setting(self, function: str, name: str) -> str:
        """An environment variable of the version that the alias of a function names; empty: it has none."""
        found = self._aws.client("lambda").get_function_configuration(FunctionName=f"{function}:{_ALIAS}")
        return str(found.get("Environment", {}).get("Variables", {}).get(name, ""))

    # --- the end

    def delete(self, name: str, waiting: Callable[[str], None]) -> Stack | None:
        """Delete the stack of this name from wherever it stands and wait until that has ended; what is then there.

        ``waiting`` hears its status now and then. NotOurs, before anything is changed.
        """
        found = self.ours(name)
        if found is None:
            return None
        client, until = self._aws.client("cloudformation"), time.monotonic() + DELETION_S
        done: set[Way] = set()
        while (way := way_out(found.status)) is not Way.GONE and time.monotonic() < until:
            if Way.DELETE in done and found.status == "DELETE_FAILED":
                break
            if way is Way.CANCEL_UPDATE and way not in done:
                with suppress(ClientError):  # it ended meanwhile, which the next look shows
                    client.cancel_update_stack(StackName=found.id)
            elif way is Way.DELETE and way not in done:
                client.delete_stack(StackName=found.id)
            done.add(way)
            waiting(found.status)
            time.sleep(self._poll_s)
            found = self.find(found.id)
            if found is None:
                return None
        return found

    def left(self, stack: Stack, resources: Mapping[str, Resource]) -> Left:
        """What is still there of a stack whose parts were ``resources``. What cannot be asked is noted, not raised."""
        unasked: dict[str, str] = {}

        def ask(what: str, question: Callable[[], Any], otherwise: Any) -> Any:
            try:
                return question()
            except ClientError as error:
                unasked[what] = str(error.response["Error"]["Code"])
            except BotoCoreError as error:
                unasked[what] = type(error).__name__
            return otherwise

        def ids(kind: str) -> list[str]:
            return [part.id for part in resources.values() if part.kind == kind]

        bucket, objects = ask("SAM's bucket", lambda: self._objects(stack.name), ("", 0))
        now = ask("the stack", lambda: self.find(stack.id), None)
        return Left(
            status=now.status if now else "",
            parts=tuple(ask("retained parts", lambda: self._retained(stack.id), ())),
            functions=tuple(ask("functions", lambda: self._functions(ids(_FUNCTION)), ())),
            layers=tuple(ask("layers", lambda: self._layers(f"{stack.name}-typing-relay"), ())),
            log_groups=tuple(ask("log groups", lambda: self._log_groups(stack.name), ())),
            secrets=ask("secrets", lambda: self._secrets(ids(_SECRET)), {}),
            task_definitions=ask("task definitions", lambda: self._tasks(f"{stack.name}-guest-keeper"), {}),
            bucket=bucket,
            objects=objects,
            unasked=unasked,
        )

    def _retained(self, id_: str) -> list[Event]:
        return [event for event in self.events(id_) if event.status == "DELETE_SKIPPED"]

    def _functions(self, names: Sequence[str]) -> list[str]:
        client = self._aws.client("lambda")
        return [name for name in names if _is_there(partial(client.get_function_configuration, FunctionName=name))]

    def _layers(self, name: str) -> list[str]:
        client = self._aws.client("lambda")
        pages = client.get_paginator("list_layer_versions").paginate(LayerName=name)
        try:
            return [f"{name}:{one['Version']}" for page in pages for one in page["LayerVersions"]]
        except client.exceptions.ResourceNotFoundException:
            return []

    def _log_groups(self, stack: str) -> list[str]:
        client, found = self._aws.client("logs"), []
        for prefix in (f"/aws/lambda/{stack}-", f"/ecs/{stack}-", f"/aws/vendedlogs/states/{stack}-"):
            pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
            found += [group["logGroupName"] for page in pages for group in page["logGroups"]]
        return found

    def _secrets(self, arns: Sequence[str]) -> dict[str, str]:
        client, found = self._aws.client("secretsmanager"), {}
        for arn in arns:
            try:
                secret = client.describe_secret(SecretId=arn)
            except client.exceptions.ResourceNotFoundException:
                continue
            found[arn] = f"{secret['DeletedDate']:%Y-%m-%d}" if secret.get("DeletedDate") else ""
        return found

    def _tasks(self, family: str) -> dict[str, bool]:
        client = self._aws.client("ecs")
        found: dict[str, bool] = {}
        for status in ("ACTIVE", "INACTIVE"):
            pages = client.get_paginator("list_task_definitions").paginate(familyPrefix=family, status=status)
            arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
            found |= {arn.rpartition("/")[2]: status == "ACTIVE" for arn in arns}
        return found

    def _objects(self, prefix: str) -> tuple[str, int]:
        sam = self.find(_SAMS_STACK)
        bucket = sam.outputs.get("SourceBucket", "") if sam else ""
        if not bucket:
            return "", 0
        pages = self._aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        return bucket, sum(len(page.get("Contents", ())) for page in pages)


def _alias(client: Any, function: str) -> str:
    try:
        return str(client.get_alias(FunctionName=function, Name=_ALIAS)["FunctionVersion"])
    except client.exceptions.ResourceNotFoundException:
        return ""


def _is_there(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return True


def _message(text: str) -> str:
    try:
        line = json.loads(text)
    except ValueError:
        return ""
    return str(line.get("message", "")) if isinstance(line, dict) else ""
