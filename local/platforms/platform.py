"""What a stack on one machine needs of a chat platform."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from typing_relay.platforms.registry import FOLDERS

from local.console.desk import NO_DESK, Desk
from local.playing.cxone_view import CxoneView
from local.simulating.client import Control, Event
from local.stack.aws import Aws
from local.stack.processes import StackError
from local.stack.settings import Settings


class StartSimulator(Protocol):
    """Starts `python -m module` as a part of the stack, once it listens: it prints `NAME ready …`."""

    def __call__(self, name: str, module: str, environment: Mapping[str, str] = ...) -> str:
        """What it says after that. `environment`: variables of its own. Raises StackError."""


@dataclass(frozen=True)
class Cxone:
    """As the template's parameters name it, as stack.json tells of it, and a simulated one's controls."""

    parameters: Mapping[str, str]
    told: Mapping[str, str]
    control_url: str | None


@dataclass(frozen=True)
class LocalPlatform:
    """`cxone`: the one that the settings name, or a simulator, started.

    What else there may be goes by the stack's stack.json. `view`: what `make demo` sees of CXone. `control`: the
    controls of a simulator, for `make load`; `events`: its events as the console and that command read them; `desk`:
    the rest that the console has for it.
    """

    cxone: Callable[[Settings, StartSimulator], Cxone]
    view: Callable[[Aws, Mapping[str, Any]], CxoneView] | None = None
    control: Callable[[Mapping[str, Any]], Control] | None = None
    events: Callable[[Iterable[Event]], Iterable[Event]] = iter
    desk: Desk = NO_DESK


def local_platform(name: str) -> LocalPlatform:
    """Of the platform of this name (`v1`, `dfo`). Raises KeyError."""
    here: LocalPlatform = import_module(f"local.platforms.{FOLDERS[name]}").HERE
    return here


def view_of(aws: Aws, info: Mapping[str, Any]) -> CxoneView:
    """Of the stack that ``info`` (its stack.json) describes. Raises StackError where its platform has none."""
    view = local_platform(info["platform"]).view
    if view is None:
        raise StackError(f"there is nothing here that sees what {info['platform']} is told")
    return view(aws, info)
