"""samconfig.toml, read for `make preflight` as SAM reads it for `sam deploy`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from local.deploying.environments import NoSuchEnvironment, read

ROOT = Path(__file__).resolve().parents[4]
SAMCONFIG = ROOT / "samconfig.toml"
SAM_PYTHON = ROOT / ".venv-sam/bin/python"
#: SAM's own reading of an environment, printed.
BY_SAM = """
import json, sys
from pathlib import Path
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
path = Path(sys.argv[1])
settings = SamConfig(path.parent, path.name).get_all(["deploy"], "parameters", env=sys.argv[2])
print(json.dumps(CfnParameterOverridesType().convert(tuple(settings["parameter_overrides"]), None, None)))
"""


def written(folder: Path, overrides: str) -> Path:
    path = folder / "samconfig.toml"
    path.write_text(f'[default.deploy.parameters]\nstack_name = "shop"\nparameter_overrides = {overrides}\n')
    return path


@pytest.mark.parametrize(
    "overrides",
    [
        '["CxoneOrgId=acme", "SubnetIds=subnet-1,subnet-2"]',
        '"CxoneOrgId=acme SubnetIds=subnet-1,subnet-2"',
        '"CxoneOrgId=\\"acme\\" SubnetIds=\\"subnet-1,subnet-2\\""',
        '["ParameterKey=CxoneOrgId,ParameterValue=acme", "SubnetIds=subnet-1,subnet-2"]',
        '{ CxoneOrgId = "acme", SubnetIds = ["subnet-1", "subnet-2"] }',
    ],
)
def test_every_form_of_parameters_that_sam_takes_is_understood(tmp_path: Path, overrides: str) -> None:
    given = read(written(tmp_path, overrides), "default").parameters
    assert given == {"CxoneOrgId": "acme", "SubnetIds": "subnet-1,subnet-2"}


@pytest.mark.parametrize("environment", ["default", "production"])
def test_sam_reads_the_projects_own_file_in_the_same_way(environment: str) -> None:
    if not SAM_PYTHON.exists():
        pytest.skip("no SAM CLI: make setup")
    command = [SAM_PYTHON, "-c", BY_SAM, SAMCONFIG, environment]
    by_sam = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(by_sam) == read(SAMCONFIG, environment).parameters


def test_profile_and_region_are_those_of_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text(
        '[live.global.parameters]\nregion = "eu-west-1"\nstack_name = "shop"\n'
        '[live.deploy.parameters]\nprofile = "shop-admin"\n'
    )
    live = read(path, "live")
    assert (live.stack_name, live.region, live.profile) == ("shop", "eu-west-1", "shop-admin")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version = 0.1\n", "has no environment 'default'"),
        ("[default.deploy.parameters]\n", "has no stack_name"),
        ("[default.deploy", "is no TOML"),
        ('[default.deploy.parameters]\nstack_name = "a"\nparameter_overrides = ["CxoneOrgId"]\n', "not Key=Value"),
        (
            '[default.deploy.parameters]\nstack_name = "a"\nparameter_overrides = ["SubnetIds=subnet-0a, subnet-0b"]\n',
            "SubnetIds has a blank after a comma: SubnetIds=subnet-0a,subnet-0b",
        ),
    ],
)
def test_a_file_that_says_no_deployment_is_an_error_that_names_it(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text(text)
    with pytest.raises(NoSuchEnvironment, match=told):
        read(path, "default")


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(NoSuchEnvironment, match=r"no samconfig\.toml"):
        read(tmp_path / "samconfig.toml", "default")
