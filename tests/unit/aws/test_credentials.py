"""Whose calls these are: Lambda's environment, or what botocore's chain finds; clear words where there is nobody."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_socket
from typing_relay.aws import credentials
from typing_relay.aws.credentials import Keys
from typing_relay.aws.settings import AwsSettingWrong


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine that knows of no credentials; returns the folder of its profiles."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "CREDENTIAL_EXPIRATION", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    return monkeypatch


def test_lambdas_keys_are_its_environments(in_lambda: pytest.MonkeyPatch):
    assert credentials.find().keys() == Keys("ASIA1", "secret", "token")


def test_keys_that_change_in_the_environment_are_used_from_then_on(in_lambda: pytest.MonkeyPatch):
    found = credentials.find()
    in_lambda.setenv("AWS_ACCESS_KEY_ID", "ASIA2")
    assert found.keys().access_key == "ASIA2"


def test_a_user_has_no_token(in_lambda: pytest.MonkeyPatch):
    in_lambda.delenv("AWS_SESSION_TOKEN")
    assert credentials.find().keys().token is None


def test_half_a_pair_of_keys_is_refused(in_lambda: pytest.MonkeyPatch):
    in_lambda.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsSettingWrong, match="AWS_SECRET_ACCESS_KEY is not"):
        credentials.find()


@pytest.mark.parametrize(("hours", "is_good"), [(-1, False), (1, True)])
def test_keys_that_say_when_they_expire_are_believed(in_lambda: pytest.MonkeyPatch, hours: int, is_good: bool):
    expiration = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    in_lambda.setenv("AWS_CREDENTIAL_EXPIRATION", expiration)
    if is_good:
        credentials.find()
    else:
        with pytest.raises(AwsSettingWrong, match=r"expired at .* Get new ones"):
            credentials.find()


def test_an_expiry_that_cannot_be_read_is_left_to_aws(in_lambda: pytest.MonkeyPatch):
    in_lambda.setenv("AWS_CREDENTIAL_EXPIRATION", "soon")
    assert credentials.find().keys().access_key == "ASIA1"


def test_without_credentials_the_message_says_how_to_give_them():
    with pytest.raises(AwsSettingWrong, match="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID"):
        credentials.find()


def test_a_profiles_keys_are_found(nobody: Path, monkeypatch: pytest.MonkeyPatch):
    (nobody / "credentials").write_text("[relay]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_PROFILE", "relay")
    assert credentials.find().keys() == Keys("AKIA1", "s", None)


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AwsSettingWrong, match="nobody"):
        credentials.find()


def test_a_profile_that_was_signed_in_again_is_read_again(nobody: Path, monkeypatch: pytest.MonkeyPatch):
    """AWS has said that the keys have expired."""
    monkeypatch.setenv("AWS_PROFILE", "relay")
    for access_key in ("AKIA1", "AKIA2"):
        (nobody / "credentials").write_text(f"[relay]\naws_access_key_id = {access_key}\naws_secret_access_key = s\n")
        if access_key == "AKIA1":
            found = credentials.find()
    assert found.keys().access_key == "AKIA1"
    assert found.forget()
    assert found.keys().access_key == "AKIA2"


def test_an_sso_session_that_is_over_says_what_to_do(nobody: Path, monkeypatch: pytest.MonkeyPatch):
    (nobody / "config").write_text(
        "[profile relay]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = dev\n"
        "[sso-session corp]\nsso_start_url = https://corp.example\nsso_region = eu-central-1\n"
    )
    monkeypatch.setenv("HOME", str(nobody))
    monkeypatch.setenv("AWS_PROFILE", "relay")
    with pytest.raises(AwsSettingWrong, match="aws sso login"):
        credentials.find()


class TaskRole(http.server.BaseHTTPRequestHandler):
    """ECS's endpoint: other keys each time, the first ones about to expire."""

    served = 0

    def do_GET(self) -> None:
        TaskRole.served += 1
        expiration = datetime.now(UTC) + timedelta(seconds=30 if TaskRole.served == 1 else 3600)
        answer = {
            "AccessKeyId": f"ASIA{TaskRole.served}",
            "SecretAccessKey": "s",
            "Token": "t",
            "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def in_a_task(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    TaskRole.served = 0
    server = http.server.HTTPServer(("127.0.0.1", 0), TaskRole)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/role")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("in_a_task")
def test_a_tasks_role_is_found_and_renewed_before_it_runs_out():
    """ECS: the container's endpoint."""
    found = credentials.find()
    assert found.keys().access_key == "ASIA2"
    assert found.keys().access_key == "ASIA2"
