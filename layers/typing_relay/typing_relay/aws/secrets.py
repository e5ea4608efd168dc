"""A secret in Secrets Manager."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


class Secret:
    """The secret of this ARN. ``client`` is ``services.SecretsManager``, or boto3's client."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client, self._arn = client, arn

    def value(self) -> str:
        """Its current value. Raises the client's errors."""
        return str(self._client.get_secret_value(SecretId=self._arn)["SecretString"])

    def previous_value(self) -> str | None:
        """Its value before the last rotation; None when it was never rotated. Raises the client's errors."""
        try:
            answer = self._client.get_secret_value(SecretId=self._arn, VersionStage="AWSPREVIOUS")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None
        return str(answer["SecretString"])
