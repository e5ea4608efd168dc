"""`make image`: the guest keeper's image, built by docker, podman or finch, and pushed to the account's own registry.

The repository is made when it is not there: outside any stack, so that one deployment brings keeper and all, and every
stack of the account runs the same image. Its tags cannot be moved. Prints the URI for KeeperImage.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tomllib
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse

from local.deploying import images
from local.deploying.account import Account
from local.deploying.account_rules import caller, processor_of
from local.deploying.facts import Caller
from local.stack.deploy import ROOT, TEMPLATE

USAGE = """\
make image                      builds it, pushes it to the account and region of your AWS profile, prints its URI
make image TAG=mine             under another tag than release-commit
make image REPOSITORY=ghcr.io/shop/guest-keeper    to another registry, where you have signed in"""
#: Of what goes into the image.
_SOURCES = ("functions/guest_keeper", "layers/typing_relay/typing_relay")
_EMULATE = "docker run --privileged --rm tonistiigi/binfmt --install"


class CannotBuild(Exception):
    """No image can be made; the message says why and what to do."""


def main() -> int:
    """0: the image is in the registry; 1: it is not; 2: TAG is none, or there is no tool to build with."""
    try:
        wished = os.environ.get("TAG", "")
        tag = _tag(wished)
        tool = _tool()
    except CannotBuild as error:
        print(f"error: {error}\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        repository = os.environ.get("REPOSITORY", "")
        uri = (
            _to(tool, f"{repository}:{tag}")
            if repository
            else _to_ecr(tool, tag, is_of_commit=not wished and bool(_git("rev-parse", "HEAD")))
        )
    except CannotBuild as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS: {error}", file=sys.stderr)
        return 1
    print(f"\nsamconfig.toml: KeeperImage={uri}")
    return 0


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def _tag(wished: str) -> str:
    if wished:
        if not images.is_tag(wished):
            raise CannotBuild(f"TAG must be letters, digits, '_', '.' or '-', 128 at most, not {wished!r}")
        return wished
    if _git("status", "--porcelain", "--", *_SOURCES):
        raise CannotBuild("what goes into the image has changes that no commit has: commit them, or give TAG=name")
    return images.tag_of(_version(), _git("rev-parse", "--short=10", "HEAD"))


def _git(*args: str) -> str:
    """What git says; nothing where there is no git, or no repository, as in a downloaded archive."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if not done.returncode else ""


def _tool() -> str:
    """The first program that is installed and whose daemon, if it has one, answers."""
    answers = {tool: _answers(tool) for tool in images.TOOLS}
    tool = images.first_usable(answers)
    if not tool:
        raise CannotBuild(images.advice(answers))
    return tool


def _answers(tool: str) -> bool | None:
    if not shutil.which(tool):
        return None
    return not subprocess.run([tool, "info"], capture_output=True, check=False).returncode


def _to_ecr(tool: str, tag: str, *, is_of_commit: bool) -> str:
    """Into the account's own registry; the image's URI. CannotBuild, or what AWS refuses.

    What is there under a tag ``is_of_commit`` is this code; under another it may be any.
    """
    account = Account()
    who = account.caller()
    if not isinstance(who, Caller):
        [finding] = caller(who)
        raise CannotBuild(f"{finding.text}\n{finding.todo}")
    ecr = account.client("ecr")
    uri = f"{_repository(ecr)}:{tag}"
    if _is_there(ecr, tag):
        if not is_of_commit:
            raise CannotBuild(f"{uri} is there already, and a tag cannot be moved to a new image: give another TAG")
        print(f"{uri} is there already.")
        return uri
    _build(tool, uri)
    _log_in(tool, ecr)
    _run(images.push(tool, uri))
    return uri


def _to(tool: str, uri: str) -> str:
    """Into a registry where somebody has signed in."""
    _build(tool, uri)
    _run(images.push(tool, uri))
    return uri


def _build(tool: str, uri: str) -> None:
    template: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    labels = {
        "org.opencontainers.image.version": _version(),
        "org.opencontainers.image.revision": _git("rev-parse", "HEAD") or "unknown",
    }
    processor = processor_of(template)
    hint = f'Where it says "exec format error", this machine cannot run {processor} yet: {_EMULATE} {processor}'
    _run(images.build(tool, uri, processor, labels), hint=hint)


def _repository(ecr: Any) -> str:
    """Its URI; it is made where there is none."""
    try:
        [found] = ecr.describe_repositories(repositoryNames=[images.REPOSITORY])["repositories"]
        return str(found["repositoryUri"])
    except ecr.exceptions.RepositoryNotFoundException:
        print(f"Making the repository {images.REPOSITORY} in ECR …", flush=True)
    made = ecr.create_repository(
        repositoryName=images.REPOSITORY,
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
    )
    return str(made["repository"]["repositoryUri"])


def _is_there(ecr: Any, tag: str) -> bool:
    answer = ecr.batch_get_image(repositoryName=images.REPOSITORY, imageIds=[{"imageTag": tag}])
    return bool(answer["images"])


def _log_in(tool: str, ecr: Any) -> None:
    [given] = ecr.get_authorization_token()["authorizationData"]
    password = base64.b64decode(given["authorizationToken"]).decode().partition(":")[2]
    _run(images.log_in(tool, given["proxyEndpoint"].removeprefix("https://")), password)


def _run(command: list[str], stdin: str | None = None, hint: str = "") -> None:
    print(" ".join(command), flush=True)
    done = subprocess.run(command, cwd=ROOT, input=stdin, text=True, check=False)
    if done.returncode:
        failed = f"`{' '.join(command[:2])}` failed ({done.returncode}); its own words are above"
        raise CannotBuild(f"{failed}. {hint}" if hint else failed)


if __name__ == "__main__":
    sys.exit(main())
