"""What a developer may set for the local stack, and what is said when it cannot be used."""

import pytest

from local.stack.processes import StackError
from local.stack.settings import read_settings

EXTERNAL = {"CXONE_BASE_URL": "https://acme.example", "CXONE_CLIENT_ID": "id", "CXONE_CLIENT_SECRET": "secret"}


def test_without_any_the_built_in_simulator_is_meant() -> None:
    settings = read_settings({}, default_port=8080)
    assert (settings.console_port, settings.cxone_base_url) == (8080, None)
    assert settings.credentials["client_id"]


def test_another_cxone_is_taken_with_its_credentials() -> None:
    settings = read_settings(EXTERNAL, 8080)
    assert settings.cxone_base_url == "https://acme.example"
    assert settings.credentials == {"client_id": "id", "client_secret": "secret"}


def test_plain_http_is_taken_for_this_machine() -> None:
    assert (
        read_settings(EXTERNAL | {"CXONE_BASE_URL": "http://127.0.0.1:9000/"}, 8080).cxone_base_url
        == "http://127.0.0.1:9000"
    )


def test_plain_http_to_anywhere_else_is_refused_naming_the_variable() -> None:
    with pytest.raises(StackError, match="CXONE_BASE_URL must start with https://"):
        read_settings(EXTERNAL | {"CXONE_BASE_URL": "http://acme.example"})


@pytest.mark.parametrize("missing", ["CXONE_CLIENT_ID", "CXONE_CLIENT_SECRET"])
def test_another_cxone_without_credentials_is_refused_naming_what_lacks(missing: str) -> None:
    with pytest.raises(StackError, match=missing):
        read_settings({name: value for name, value in EXTERNAL.items() if name != missing}, 8080)


@pytest.mark.parametrize("port", ["http", "-1", "65536", "80 80"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(StackError, match="PORT must be a number"):
        read_settings({"PORT": port})
