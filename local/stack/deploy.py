"""Deploys the project's own template.yaml into the emulator, as `sam deploy` does into AWS.

Code, layer and state machine go to S3, the template through CloudFormation. What the emulator does not take is left out
(left_out.py), and where it differs from AWS that is put right: permissions and the address of @connections before, TTL
afterwards.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from local.stack import left_out
from local.stack.aws import Aws
from local.stack.processes import StackError
from local.template_file import TEMPLATE, read_template

ROOT = Path(__file__).resolve().parents[2]
STACK_NAME = "typing-relay"
_FUNCTION = "AWS::Serverless::Function"
_ALSO_IN_BATCHES = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage")


@dataclass(frozen=True)
class Deployment:
    """What came of a deployment: the stack's outputs and the physical id of each resource by logical id."""

    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    functions: Mapping[str, str]  # name with alias, as callers call it, by logical id
    websocket_url: str  # ws://, without a token
    connections_url: str  # where @connections is, stage included
    keeper_environment: Mapping[str, str]  # as the task definition says


def deploy(
    aws: Aws, parameters: Mapping[str, str], credentials: Mapping[str, str], stack_name: str = STACK_NAME
) -> Deployment:
    """Deploy template.yaml under this name, with these parameters, and put CXone's credentials in their secret.

    `credentials`: {"client_id", "client_secret"}. StackError with CloudFormation's own reason when it fails.
    """
    template = as_the_emulator_takes_it(TEMPLATE, aws.endpoint_url)
    bucket = f"{stack_name}-artifacts"
    _upload_artifacts(aws, template, bucket)
    _create_stack(aws, stack_name, template, bucket, parameters)
    return put_right(aws, stack_name, credentials)


def as_the_emulator_takes_it(path: Path, endpoint_url: str) -> dict[str, Any]:
    """The template at `path` without what the emulator at `endpoint_url` does not take, and with what it wants."""
    template = read_template(path)
    left_out.take_out_all(template)
    _permit_batches(template)
    _set_connections_url(template, endpoint_url)
    return template


def put_right(aws: Aws, stack_name: str, credentials: Mapping[str, str]) -> Deployment:
    """Once template.yaml is deployed under this name: CXone's credentials, and TTL, which the emulator does not set."""
    resources = _resources(aws, stack_name)
    template = read_template()
    api = resources["WebSocketApi"]
    connections_url = f"{aws.endpoint_url}/_aws/execute-api/{api}/live"
    template["Resources"] = {name: made for name, made in template["Resources"].items() if name in resources}
    alias = template["Globals"]["Function"]["AutoPublishAlias"]
    functions = {n: f"{resources[n]}:{alias}" for n, r in template["Resources"].items() if r["Type"] == _FUNCTION}
    _set_ttl(aws, template, resources)
    aws.client("secretsmanager").put_secret_value(
        SecretId=resources["CxoneSecret"], SecretString=json.dumps(dict(credentials))
    )
    return Deployment(
        outputs=_outputs(aws, stack_name),
        resources=resources,
        functions=functions,
        websocket_url=connections_url.replace("http://", "ws://", 1),
        connections_url=connections_url,
        keeper_environment=_keeper_environment(aws, resources),
    )


def _set_connections_url(template: dict[str, Any], endpoint_url: str) -> None:
    """The APIs' addresses are others than on AWS."""
    for scheme, api in (("https", "WebSocketApi"), ("https", "KeeperApi"), ("wss", "KeeperApi")):
        aws_address = {"Fn::Sub": f"{scheme}://${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/live"}
        here = endpoint_url if scheme == "https" else endpoint_url.replace("http", "ws", 1)
        left_out.point(template, aws_address, {"Fn::Sub": f"{here}/_aws/execute-api/${{{api}}}/live"})


def _permit_batches(part: Any) -> None:
    """Permit each batch call of SQS beside the single one: on AWS one action covers both, here each has its own."""
    if isinstance(part, dict) and part.get("Action") in _ALSO_IN_BATCHES:
        part["Action"] = [part["Action"], f"{part['Action']}Batch"]
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _permit_batches(inner)


def _upload_artifacts(aws: Aws, template: dict[str, Any], bucket: str) -> None:
    """Replace each local path in the template by where it now is in S3."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for key, pack in (("CodeUri", _zip_code), ("ContentUri", _zip_layer), ("DefinitionUri", Path.read_bytes)):
            if key in properties:
                s3.put_object(Bucket=bucket, Key=name, Body=pack(ROOT / properties[key]))
                properties[key] = {"Bucket": bucket, "Key": name}


def _zip_code(folder: Path) -> bytes:
    return _zip(folder, prefix="")


def _zip_layer(folder: Path) -> bytes:
    """The project's own package. The libraries beside it are those of this Python, locked by the same uv.lock."""
    return _zip(folder / "typing_relay", prefix="python/typing_relay/")


def _zip(folder: Path, prefix: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.write(path, prefix + str(path.relative_to(folder)))
    return packed.getvalue()


def _create_stack(
    aws: Aws, stack_name: str, template: dict[str, Any], bucket: str, parameters: Mapping[str, str]
) -> None:
    cloudformation = aws.client("cloudformation")
    aws.client("s3").put_object(Bucket=bucket, Key="template.json", Body=json.dumps(template))
    cloudformation.create_stack(
        StackName=stack_name,
        TemplateURL=f"{aws.endpoint_url}/{bucket}/template.json",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=stack_name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
        )
    except WaiterError:
        raise StackError(f"the template could not be deployed: {_failure(aws, stack_name)}") from None


def _failure(aws: Aws, stack_name: str) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName=stack_name)["StackEvents"]
    failed = [e for e in events if e["ResourceStatus"].endswith("FAILED") and e.get("ResourceStatusReason")]
    return "; ".join(f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}" for e in failed) or "no reason given"


def _outputs(aws: Aws, stack_name: str) -> dict[str, str]:
    stack = aws.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _resources(aws: Aws, stack_name: str) -> dict[str, str]:
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }


def _keeper_environment(aws: Aws, resources: Mapping[str, str]) -> dict[str, str]:
    task = aws.client("ecs").describe_task_definition(taskDefinition=resources["KeeperTask"])["taskDefinition"]
    return {variable["name"]: variable["value"] for variable in task["containerDefinitions"][0]["environment"]}


def _set_ttl(aws: Aws, template: dict[str, Any], resources: Mapping[str, str]) -> None:
    """The emulator's CloudFormation does not set it."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if "TimeToLiveSpecification" in properties:
            aws.client("dynamodb").update_time_to_live(
                TableName=resources[name], TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )
