"""Images' names and manifests, and the command lines that make one."""

from __future__ import annotations

import pytest

from local.deploying.images import EcrImage, advice, build, ecr_image, first_usable, is_pinned, is_tag, processors

REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("uri", "image"),
    [
        (f"{REGISTRY}/a/b:1.0", EcrImage("123456789012", "eu-central-1", "a/b", "1.0", None)),
        (f"{REGISTRY}/b", EcrImage("123456789012", "eu-central-1", "b", None, None)),
        (f"{REGISTRY}/b:1@{DIGEST}", EcrImage("123456789012", "eu-central-1", "b", "1", DIGEST)),
        (f"{REGISTRY}.cn/b:1", EcrImage("123456789012", "eu-central-1", "b", "1", None)),
        ("public.ecr.aws/shop/keeper:1", None),
        ("ghcr.io/shop/keeper:1", None),
        (f"{REGISTRY}/A:1", None),
    ],
)
def test_a_uri_of_ecr_is_taken_apart(uri: str, image: EcrImage | None) -> None:
    assert ecr_image(uri) == image


def test_a_digest_says_more_than_a_tag() -> None:
    assert EcrImage("1", "r", "b", "1", DIGEST).id == {"imageDigest": DIGEST}


def test_an_index_names_processors_and_its_attestations_do_not_count() -> None:
    entries = [("arm64", "linux"), ("amd64", "linux"), ("unknown", "unknown")]
    manifest = {"manifests": [{"platform": {"architecture": a, "os": o}} for a, o in entries]}
    assert processors(manifest) == {"arm64", "amd64"}


@pytest.mark.parametrize(
    ("answers", "tool"),
    [
        ({"docker": True, "podman": True}, "docker"),
        ({"docker": False, "podman": True}, "podman"),
        ({"docker": None, "podman": None, "finch": True}, "finch"),
        ({"docker": False, "podman": None, "finch": None}, None),
    ],
)
def test_the_first_tool_that_answers_is_taken(answers: dict[str, bool | None], tool: str | None) -> None:
    assert first_usable(answers) == tool


def test_without_a_tool_ci_is_named_and_a_silent_daemon() -> None:
    told = advice({"docker": False, "podman": None, "finch": None})
    assert ("docker is installed, but does not answer" in told, ".github/workflows/image.yml" in told) == (True, True)


@pytest.mark.parametrize("tool", ["docker", "podman", "finch"])
def test_every_tool_gives_the_build_the_keepers_files_and_nothing_else(tool: str) -> None:
    """docker and finch read the Dockerfile's own .dockerignore by themselves; podman must be told of it."""
    command = build(tool, "keeper:1", "arm64", {"a": "b"})
    assert command[:4] == [tool, "build", "--platform", "linux/arm64"]
    assert ("--ignorefile" in command) == (tool == "podman")
    assert command[-3:] == ["--tag", "keeper:1", "."]


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        (f"python:3.13-slim-trixie@sha256:{'0a' * 32}", True),
        (f"registry.example/base/python@sha256:{'0a' * 32}", True),
        ("python:3.13-slim-trixie", False),
        ("python:3.13-slim-trixie@sha256:0a0a", False),
        (f"python@sha256:{'0a' * 32} --squash", False),
    ],
)
def test_a_base_is_pinned_by_its_digest_alone(text: str, pinned: bool) -> None:
    assert is_pinned(text) is pinned


@pytest.mark.parametrize(("text", "good"), [("0.1.0-8099c75", True), ("-1", False), ("a b", False), ("a" * 129, False)])
def test_a_tag_is_what_registries_take(text: str, good: bool) -> None:
    assert is_tag(text) == good
