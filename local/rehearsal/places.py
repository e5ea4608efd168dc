"""Where a rehearsal is played: in an AWS account. ``emulated`` is the other place."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from local.rehearsal.account import Stacks
from local.rehearsal.plan import Credentials, Plan
from local.stack.aws import HasClients, OwnAccount


class Place(Protocol):
    """What a deployment goes to."""

    #: How often a stack that is being deleted is looked at (s).
    poll_s: float

    @property
    def aws(self) -> HasClients:
        """Its clients."""

    def environment(self) -> dict[str, str]:
        """Of the programs that deploy."""

    def template(self, built: Path) -> tuple[Path, Collection[str]]:
        """What to deploy, of what ``sam build`` made, and the logical ids that are taken out of it."""

    def after_deployment(self, plan: Plan, platform: str, outputs: Mapping[str, str]) -> str:
        """What is to be done once a stack stands, or stands again; the URL that visitors connect to."""

    def before_deletion(self, platform: str) -> None:
        """What is to be ended before the stack goes."""


class AwsAccount:
    """The account and region that profile and environment name."""

    poll_s = 5.0

    def __init__(self) -> None:
        self.aws: HasClients = OwnAccount()

    def environment(self) -> dict[str, str]:
        """This process's, without a word to SAM's makers."""
        return os.environ | {"SAM_CLI_TELEMETRY": "0"}

    def template(self, built: Path) -> tuple[Path, Collection[str]]:
        """As it was built, all of it."""
        return built / "template.yaml", ()

    def after_deployment(self, plan: Plan, platform: str, outputs: Mapping[str, str]) -> str:
        """CXone's credentials go into their secret, where a tenant wants some."""
        credentials = plan.tenants[platform].credentials or Credentials()
        if credentials != Credentials():
            Stacks(self.aws, plan.run, self.poll_s).put_credentials(outputs["CxoneSecretArn"], credentials)
        return outputs["WebSocketUrl"]

    def before_deletion(self, platform: str) -> None:
        """Nothing: the keepers are the stack's own."""
