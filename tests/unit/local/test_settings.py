"""What a developer may set for the local stack, and what is said when it cannot be used."""

import pytest

from local.stack.processes import StackError
from local.stack.settings import Gateway, read_settings

SHOP = {"ALLOWED_ORIGINS": "https://shop.example"}
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


GATEWAY = {
    "CXONE_PLATFORM": "dfo",
    "DFO_GATEWAY_URL": "wss://chat-gw.example/",
    "DFO_CHAT_URL": "https://channels.example",
    "DFO_AUTHORIZE_URL": "https://oauth.example",
    "DFO_BRAND_ID": "7",
    "DFO_CHANNEL_ID": "chat_x",
}


def test_on_digital_first_the_built_in_gateway_is_meant_unless_another_is_named() -> None:
    settings = read_settings({"CXONE_PLATFORM": "dfo"}, 8080)
    assert (settings.platform, settings.gateway) == ("dfo", None)


def test_another_gateway_is_taken_whole() -> None:
    """A slash at the end of a URL does not matter."""
    urls = ("wss://chat-gw.example", "https://channels.example", "https://oauth.example")
    assert read_settings(GATEWAY, 8080).gateway == Gateway(*urls, "7", "chat_x")


def test_a_plain_gateway_is_taken_on_this_machine() -> None:
    plain = {"DFO_GATEWAY_URL": "ws://127.0.0.1:9", "DFO_CHAT_URL": "http://127.0.0.1:9"}
    gateway = read_settings(GATEWAY | plain, 8080).gateway
    assert gateway is not None
    assert (gateway.gateway_url, gateway.chat_url) == ("ws://127.0.0.1:9", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("DFO_GATEWAY_URL", "ws://chat-gw.example", "must start with wss://"),
        ("DFO_CHAT_URL", "http://channels.example", "must start with https://"),
        ("DFO_AUTHORIZE_URL", "http://oauth.example", "must start with https://"),
        ("DFO_BRAND_ID", "seven", "must be"),
        ("DFO_CHANNEL_ID", "chat x", "must be"),
    ],
)
def test_a_part_of_a_gateway_that_cannot_be_one_is_refused_naming_the_variable(
    variable: str, value: str, rule: str
) -> None:
    with pytest.raises(StackError, match=f"{variable} {rule}"):
        read_settings(GATEWAY | {variable: value})


@pytest.mark.parametrize("missing", [name for name in GATEWAY if name.startswith("DFO_")])
def test_a_gateway_named_in_part_is_refused_naming_what_lacks(missing: str) -> None:
    with pytest.raises(StackError, match=f"set {missing} too"):
        read_settings({name: value for name, value in GATEWAY.items() if name != missing})


def test_a_gateway_without_its_platform_is_refused() -> None:
    with pytest.raises(StackError, match="set CXONE_PLATFORM=dfo too"):
        read_settings({name: value for name, value in GATEWAY.items() if name != "CXONE_PLATFORM"})


def test_a_v1_cxone_on_digital_first_is_refused() -> None:
    with pytest.raises(StackError, match="CXONE_BASE_URL is for CXONE_PLATFORM=v1"):
        read_settings(EXTERNAL | {"CXONE_PLATFORM": "dfo"})


def test_a_platform_that_is_none_is_refused_naming_those_there_are() -> None:
    with pytest.raises(StackError, match="CXONE_PLATFORM must be v1 or dfo, not 'v2'"):
        read_settings({"CXONE_PLATFORM": "v2"})


def test_a_page_s_own_relay_has_the_same_address_each_time() -> None:
    assert read_settings({"PORT": "8080", "WS_PORT": "8090"}).ws_port == 8090


def test_a_port_for_visitors_that_is_none_is_refused_naming_the_variable() -> None:
    with pytest.raises(StackError, match="WS_PORT must be a number"):
        read_settings({"PORT": "8080", "WS_PORT": "ws"})


def test_whose_pages_may_connect_is_said_as_the_template_wants_it() -> None:
    assert read_settings({"PORT": "8080", **SHOP}).allowed_origins == "https://shop.example"
    with pytest.raises(StackError, match="ALLOWED_ORIGINS must be origins such as"):
        read_settings({"PORT": "8080", "ALLOWED_ORIGINS": "shop.example"})


def test_custom_fields_that_are_no_idents_are_named_with_what_is_wrong() -> None:
    with pytest.raises(StackError, match="CUSTOM_FIELDS must be idents such as"):
        read_settings({"PORT": "8080", "CUSTOM_FIELDS": "plan, order id"})
