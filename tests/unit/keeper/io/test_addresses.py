"""Where a host can be reached: all its addresses, in turns, those without a way behind."""

from __future__ import annotations

import errno
import socket

import pytest
from typing_relay.keeper.io.addresses import BEHIND_S, REMEMBER_S, Addresses
from typing_relay.keeper.io.sockets import Address

from tests.support.keeper_fakes import ManualJobs, ManualLoop

URL = "wss://cxone.example/socket?secret=1"
SIX: Address = (socket.AF_INET6, ("2001:db8::1", 443, 0, 0))
ONE: Address = (socket.AF_INET, ("192.0.2.1", 443))
TWO: Address = (socket.AF_INET, ("192.0.2.2", 443))


class Names:
    """Addresses, and a resolver that knows one host."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Address) -> None:
        self.loop, self.jobs, self.answers = ManualLoop(), ManualJobs(), list(answers)
        #: What was looked up: hosts with ports.
        self.asked: list[tuple[str, int]] = []
        self.addresses = Addresses(self.jobs, self.loop)  # type: ignore[arg-type]
        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)

    def _getaddrinfo(self, host: str, port: int, *, type: int) -> list[tuple[object, ...]]:
        assert (host, type) == ("cxone.example", socket.SOCK_STREAM)
        self.asked.append((host, port))
        if not self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, socket.SOCK_STREAM, 6, "", sockaddr) for family, sockaddr in self.answers]

    @property
    def lookups(self) -> int:
        return len(self.asked)

    def resolve(self, url: str = URL) -> list[Address] | str:
        results: list[list[Address] | str] = []
        self.addresses.resolve(url, lambda found: results.append(list(found)), lambda e: results.append(str(e)))
        self.jobs.run()
        [result] = results
        return result


def test_every_address_is_given_and_each_is_the_first_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, SIX, ONE, TWO)
    assert [names.resolve() for _ in range(4)] == [[SIX, ONE, TWO], [ONE, TWO, SIX], [TWO, SIX, ONE], [SIX, ONE, TWO]]


def test_a_url_without_a_port_uses_the_default_of_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, ONE)
    for place in ("wss://cxone.example/socket", "ws://cxone.example/socket", "ws://cxone.example:8080/socket"):
        names.resolve(place)
    assert [port for _, port in names.asked] == [443, 80, 8080]


def test_a_name_is_looked_up_again_after_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, ONE)
    names.resolve()
    names.loop.advance(REMEMBER_S - 1)
    names.resolve()
    assert names.lookups == 1
    names.loop.advance(1)
    names.resolve()
    assert names.lookups == 2


def test_what_is_known_is_given_without_a_worker_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of sockets reopen at the same time."""
    names = Names(monkeypatch, ONE)
    names.resolve()
    found: list[object] = []
    names.addresses.resolve(URL, found.append, found.append)
    assert (found, len(names.jobs)) == ([[ONE]], 0)


def test_two_that_ask_at_the_same_time_make_one_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, ONE, TWO)
    found: list[object] = []
    for _ in range(2):
        names.addresses.resolve(URL, found.append, found.append)
    names.jobs.run()
    assert (found, names.lookups) == ([[ONE, TWO], [TWO, ONE]], 1)


@pytest.mark.parametrize(
    "error", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ETIMEDOUT]
)
def test_a_family_without_a_way_is_tried_last_for_a_while(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """A task without IPv6 egress pays one try in five minutes for the AAAA answers, not one an opening."""
    names = Names(monkeypatch, SIX, ONE)
    names.resolve()
    names.addresses.not_reached(SIX, error)
    assert [names.resolve() for _ in range(3)] == [[ONE, SIX]] * 3
    names.loop.advance(BEHIND_S)
    assert names.resolve() in ([SIX, ONE], [ONE, SIX])
    assert names.resolve() != names.resolve()


def test_an_address_that_refuses_keeps_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a way to it: another connection may be taken."""
    names = Names(monkeypatch, SIX, ONE)
    names.resolve()
    names.addresses.not_reached(ONE, errno.ECONNREFUSED)
    assert names.resolve() == [ONE, SIX]


def test_when_no_family_has_a_way_all_are_tried_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, SIX, ONE)
    for address in (SIX, ONE):
        names.addresses.not_reached(address, errno.ENETUNREACH)
    assert names.resolve() == [SIX, ONE]


def test_a_name_that_does_not_resolve_says_so_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)
    assert "Name or service not known" in str(names.resolve())
    names.answers.append(ONE)
    assert names.resolve() == [ONE]
