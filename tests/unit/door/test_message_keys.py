"""The key of a session's messages: from a secret that no table has, and never a reason to refuse a visitor."""

from typing_relay.door.message_keys import MessageKeys

NOW = 1_800_000_000.0
SECRET = "a visitor secret of some length"


class Source:
    """Where the secret is."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away, self.reads = is_away, 0

    def __call__(self) -> str:
        self.reads += 1
        if self.is_away:
            raise OSError("no route")
        return SECRET


def test_each_session_has_a_key_of_its_own_and_always_the_same() -> None:
    """T13: in all processes."""
    alice = {MessageKeys(Source()).of("alice", NOW) for _ in range(3)}
    assert len(alice) == 1
    assert alice != {MessageKeys(Source()).of("bob", NOW)}


def test_the_secret_is_not_in_it() -> None:
    """T13: nor can tokens be signed by it."""
    assert SECRET not in MessageKeys(Source()).of("alice", NOW)


def test_the_secret_is_read_once() -> None:
    """A handshake is not to wait for it."""
    source = Source()
    keys = MessageKeys(source)
    for second in range(1000):
        keys.of("alice", NOW + second)
    assert source.reads == 1


def test_while_the_secret_is_out_of_reach_there_is_no_key_and_it_is_asked_for_seldom() -> None:
    """T18: visitors come in all the same, and each at once."""
    source = Source(is_away=True)
    keys = MessageKeys(source)
    assert {keys.of("alice", NOW + second) for second in range(300)} == {""}
    assert source.reads == 1
    source.is_away = False
    assert keys.of("alice", NOW + 300)
