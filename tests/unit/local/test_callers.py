"""Who may call the local stack's servers."""

import pytest

from local.stack.callers import comes_from_a_page, is_own_host, is_own_origin


@pytest.mark.parametrize("host", [None, "127.0.0.1:4566", "localhost", "[::1]:80", "bucket.s3.localhost:4566"])
def test_a_host_header_of_this_machine_is_taken(host: str | None) -> None:
    assert is_own_host(host)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:4566", "127.0.0.1.evil.example", "[", ""])
def test_a_host_header_of_another_site_is_refused(host: str) -> None:
    assert not is_own_host(host)


@pytest.mark.parametrize("origin", [None, "http://localhost:5173", "http://127.0.0.1:8080", "https://localhost"])
def test_an_origin_of_this_machine_is_taken(origin: str | None) -> None:
    assert is_own_origin(origin)


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://localhost.evil.example", "http://[", ""])
def test_an_origin_of_another_site_is_refused(origin: str) -> None:
    assert not is_own_origin(origin)


@pytest.mark.parametrize("headers", [{"origin": "null"}, {"sec-fetch-site": "cross-site"}])
def test_a_browser_gives_away_that_a_page_calls(headers: dict[str, str]) -> None:
    assert comes_from_a_page(headers)


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "none"}])
def test_a_program_is_no_page(headers: dict[str, str]) -> None:
    assert not comes_from_a_page(headers)
