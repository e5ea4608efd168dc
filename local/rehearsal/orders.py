"""The command lines of SAM that a rehearsal runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.rehearsal.plan import Plan


def build(sam: Path, into: Path) -> list[str]:
    """Packs functions and layer, for every stack alike."""
    return [str(sam), "build", "--build-dir", str(into)]


def deploy(sam: Path, plan: Plan, platform: str, template: Path, config: Path, *, changed: bool = False) -> list[str]:
    """Makes the stack, updates it (``changed``) or rolls it back (not ``changed``, later): always whole and unasked.

    ``config``: an empty file in the place of the project's samconfig.toml, whose values are another stack's.
    """
    stack = plan.stack(platform)
    return [
        str(sam),
        "deploy",
        *("--template-file", str(template)),
        *("--config-file", str(config)),
        *("--stack-name", stack),
        *("--resolve-s3", "--s3-prefix", stack),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *("--tags", *_pairs(plan.tags)),
        *("--parameter-overrides", *_pairs(plan.parameters(platform, changed=changed))),
    ]


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]
