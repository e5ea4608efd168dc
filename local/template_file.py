"""Reads template.yaml as SAM does, by libyaml: its parser in Python takes eight times as long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "template.yaml"


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]  # yaml has no types
    """Takes `!Ref` and its like, too."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template as written, each intrinsic in its long form. What is returned is the caller's to change."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506  # it is a safe one
    return template
