"""`make image`: builds the guest keeper's image with docker, podman or finch, and pushes it to the account's ECR.

Creates the repository if it does not exist. It belongs to no stack: the image must be there before the first
deployment, and every stack of the account can use it. Its tags are immutable. Prints the URI for KeeperImage.
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

from local.deploying import images
from local.deploying.account import Account
from local.deploying.account_rules import caller, processor_of
from local.deploying.facts import Caller
from local.stack.deploy import ROOT
from local.template_file import read_template

USAGE = """\
make image                      builds it, pushes it to the account and region of your AWS profile, prints its URI
make image TAG=mine             uses this tag instead of release-commit
make image REPOSITORY=ghcr.io/shop/guest-keeper    pushes to another registry, where you have signed in
make image BASE=python:3.13-slim-trixie@sha256:…   builds on exactly this image of Python, which you have looked at"""
#: The folders that go into the image.
_SOURCES = ("functions/guest_keeper", "layers/typing_relay/typing_relay")
_EMULATE = "docker run --privileged --rm tonistiigi/binfmt --install"


class CannotBuild(Exception):
    """The image cannot be built. The message says why and what to do."""


def main() -> int:
    """0: the image is in the registry; 1: it is not; 2: TAG or BASE is malformed, or no tool builds images here."""
    try:
        wished = os.environ.get("TAG", "")
        tag = _tag(wished)
        _base()
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
            raise CannotBuild(f"TAG must be at most 128 letters, digits, '_', '.' or '-', not {wished!r}")
        return wished
    if _git("status", "--porcelain", "--", *_SOURCES):
        raise CannotBuild("the image's sources have uncommitted changes: commit them, or set TAG=name")
    return images.tag_of(_version(), _git("rev-parse", "--short=10", "HEAD"))


def _base() -> str:
    base = os.environ.get("BASE", "")
    if base and not images.is_pinned(base):
        found = "docker buildx imagetools inspect python:3.13-slim-trixie --format '{{.Manifest.Digest}}'"
        raise CannotBuild(f"BASE must name an image with its digest, …@sha256:… ({found}), not {base!r}")
    return base


def _git(*args: str) -> str:
    """git's output; "" without git or outside a repository, as in a downloaded archive."""
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
    """Push to the account's ECR. Returns the image's URI. Raises CannotBuild or AWS's errors.

    ``is_of_commit``: the tag names a commit, so an image that has it already is this code. Otherwise it may be any.
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
            raise CannotBuild(f"{uri} already exists, and tags are immutable: set another TAG")
        print(f"{uri} already exists.")
        return uri
    _build(tool, uri)
    _log_in(tool, ecr)
    _run(images.push(tool, uri))
    return uri


def _to(tool: str, uri: str) -> str:
    """Push to a registry where the user has signed in. Returns the image's URI."""
    _build(tool, uri)
    _run(images.push(tool, uri))
    return uri


def _build(tool: str, uri: str) -> None:
    template = read_template()
    labels = {
        "org.opencontainers.image.version": _version(),
        "org.opencontainers.image.revision": _git("rev-parse", "HEAD") or "unknown",
    }
    if base := _base():
        labels["org.opencontainers.image.base.name"] = base
    processor = processor_of(template)
    hint = f'Where it says "exec format error", this machine cannot run {processor} yet: {_EMULATE} {processor}'
    _run(images.build(tool, uri, processor, labels, base), hint=hint)


def _repository(ecr: Any) -> str:
    """The repository's URI; creates the repository if it does not exist."""
    try:
        [found] = ecr.describe_repositories(repositoryNames=[images.REPOSITORY])["repositories"]
        return str(found["repositoryUri"])
    except ecr.exceptions.RepositoryNotFoundException:
        print(f"Creating the repository {images.REPOSITORY} in ECR …", flush=True)
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
        failed = f"`{' '.join(command[:2])}` failed ({done.returncode}); its output is above"
        raise CannotBuild(f"{failed}. {hint}" if hint else failed)


if __name__ == "__main__":
    sys.exit(main())
