"""The product's own AWS client against moto: what it would send over a socket goes to moto as it is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import requests
from typing_relay.aws.answers import Answer
from typing_relay.aws.connection import Connection


def send_to_moto(monkeypatch: pytest.MonkeyPatch, calls: list[str] | None = None) -> None:
    """Inside `mock_aws`, moto answers every connection to AWS. `calls` gets the operation of each request."""

    def exchange(self: Connection, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if calls is not None:
            calls.append(headers.get("X-Amz-Target", f"{method} {path}").rpartition(".")[2])
        url = f"https://{headers['Host']}{path}"
        answer = requests.request(method, url, headers=dict(headers), data=body, timeout=5)
        said_headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, said_headers, answer.content)

    monkeypatch.setattr(Connection, "exchange", exchange)
