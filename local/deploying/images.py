"""Names of images, and the command lines that build and push one. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REPOSITORY = "typing-relay/guest-keeper"
#: In the order in which they are tried. All take the same words, save where said.
TOOLS = ("docker", "podman", "finch")
DOCKERFILE = "functions/guest_keeper/Dockerfile"
_ECR = re.compile(
    r"(?P<registry>(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws))"
    r"/(?P<repository>[a-z0-9._/-]+)(:(?P<tag>[\w.-]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_PINNED = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class EcrImage:
    """A URI of ECR in its parts."""

    account: str
    region: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def id(self) -> dict[str, str]:
        """As ECR's calls name it: by digest if there is one."""
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag or "latest"}


def ecr_image(uri: str) -> EcrImage | None:
    """What the URI names in ECR; None: it is of another registry."""
    found = _ECR.fullmatch(uri)
    return EcrImage(*(found[part] for part in ("account", "region", "repository", "tag", "digest"))) if found else None


def processors(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Those that an index of manifests names; of one image's own manifest, which does not say, nothing.

    Beside images an index may hold attestations, which are for "unknown".
    """
    platforms = [entry.get("platform", {}) for entry in manifest.get("manifests", [])]
    return frozenset(p["architecture"] for p in platforms if p.get("architecture", "unknown") != "unknown")


def config_of(manifest: Mapping[str, Any]) -> str | None:
    """The digest of one image's description, where its processor is."""
    digest = manifest.get("config", {}).get("digest")
    return digest if isinstance(digest, str) else None


def tag_of(version: str, commit: str) -> str:
    """Which code is in it: the release, and the commit where there is one."""
    return f"{version}-{commit}" if commit else version


def is_tag(text: str) -> bool:
    """Whether registries take it for a tag."""
    return bool(_TAG.fullmatch(text))


def is_pinned(text: str) -> bool:
    """Whether an image is named with its digest, so that it is the same each time."""
    return bool(_PINNED.fullmatch(text))


def build(tool: str, image: str, processor: str, labels: Mapping[str, str], base: str = "") -> list[str]:
    """The command line that builds the keeper's image, from the top of the checkout.

    ``base``: the image that it is built on; '': the Dockerfile's own, which moves with its tag.
    """
    # docker and finch find the Dockerfile's own .dockerignore beside it; podman is told.
    ignore = ["--ignorefile", f"{DOCKERFILE}.dockerignore"] if tool == "podman" else []
    labelled = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    return [
        tool,
        "build",
        "--platform",
        f"linux/{processor}",
        "--file",
        DOCKERFILE,
        *ignore,
        *(["--build-arg", f"PYTHON_IMAGE={base}"] if base else []),
        *labelled,
        "--tag",
        image,
        ".",
    ]


def log_in(tool: str, registry: str) -> list[str]:
    """The command line that signs in; the password comes by stdin, so that no list of processes shows it."""
    return [tool, "login", "--username", "AWS", "--password-stdin", registry]


def push(tool: str, image: str) -> list[str]:
    """The command line that pushes it."""
    return [tool, "push", image]


def first_usable(answers: Mapping[str, bool | None]) -> str | None:
    """`answers`: of each tool whether it works; None: it is not installed. The first that does."""
    return next((tool for tool in TOOLS if answers.get(tool)), None)


def advice(answers: Mapping[str, bool | None]) -> str:
    """What to do where no tool works."""
    idle = [tool for tool in TOOLS if answers.get(tool) is False]
    hint = "".join(f"{tool} is installed, but does not answer (`{tool} info`): start it.\n" for tool in idle)
    return (
        f"no program that builds images works here: {', '.join(TOOLS)}.\n{hint}"
        "Install one of them, or let GitHub do it: the workflow .github/workflows/image.yml runs this same command.\n"
        'docs/operations.md, "The keeper\'s image", says what it needs.'
    )
