"""template.yaml as written, and as SAM expands it."""

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from samtranslator.translator.transform import transform

from local.template_file import read_template

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "template.yaml").read_text()
TEMPLATE = read_template()
RESOURCES = TEMPLATE["Resources"]
PARAMETERS = TEMPLATE["Parameters"]
STATE_MACHINE = json.loads((ROOT / "functions/typing_burst.asl.json").read_text())

FUNCTIONS = ["Authorizer", "Connection", "KeeperLine", "Keystroke", "Sender", "Sweeper"]


def properties(name: str) -> dict[str, Any]:
    return RESOURCES[name]["Properties"]


def of_type(type_name: str) -> dict[str, dict[str, Any]]:
    return {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == type_name}


def variables(name: str) -> dict[str, Any]:
    return properties(name)["Environment"]["Variables"]


def keeper_container() -> dict[str, Any]:
    return properties("KeeperTask")["ContainerDefinitions"][0]


@cache
def expanded(layer: str = "layer", **parameters: str) -> dict[str, Any]:
    """The template as SAM hands it to CloudFormation, with the roles SAM makes. `layer`: the key of the layer in S3."""
    return expand(deepcopy(TEMPLATE), parameters, layer)


def expand(template: dict[str, Any], parameters: Mapping[str, str], layer: str = "layer") -> dict[str, Any]:
    """`template`, parsed, as SAM hands it to CloudFormation. It is changed in place."""
    for resource in template["Resources"].values():
        for key, packed in (("CodeUri", "code"), ("ContentUri", layer), ("DefinitionUri", "definition")):
            if key in resource.get("Properties", {}):
                resource["Properties"][key] = {"Bucket": "bucket", "Key": packed}
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="us-east-1"):
        return transform(template, dict(parameters), SimpleNamespace(load=dict))
