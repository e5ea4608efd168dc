"""What is derived from the visitor secret: keys and names that no table has, and never a reason to refuse a visitor."""

from typing_relay.door.derived_keys import DerivedKeys

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
    alice = {DerivedKeys(Source()).of_messages("alice", NOW) for _ in range(3)}
    assert len(alice) == 1
    assert alice != {DerivedKeys(Source()).of_messages("bob", NOW)}


def test_the_secret_is_not_in_it() -> None:
    """T13: nor can tokens be signed by it."""
    assert SECRET not in DerivedKeys(Source()).of_messages("alice", NOW)


def test_the_secret_is_read_once() -> None:
    """A handshake is not to wait for it."""
    source = Source()
    keys = DerivedKeys(source)
    for second in range(1000):
        keys.of_messages("alice", NOW + second)
    assert source.reads == 1


def test_while_the_secret_is_out_of_reach_there_is_no_key_and_it_is_asked_for_seldom() -> None:
    """T18: visitors come in all the same, and each at once."""
    source = Source(is_away=True)
    keys = DerivedKeys(source)
    assert {keys.of_messages("alice", NOW + second) for second in range(300)} == {""}
    assert source.reads == 1
    source.is_away = False
    assert keys.of_messages("alice", NOW + 300)


def test_an_address_has_one_name_a_day() -> None:
    """T13: refusals of one stranger are known as such, and nobody is followed for longer."""
    keys = DerivedKeys(Source())
    today = {keys.name_of("203.0.113.7", NOW + second) for second in (0, 60)}
    assert len(today) == 1
    assert today.isdisjoint({keys.name_of("203.0.113.8", NOW), keys.name_of("203.0.113.7", NOW + 86_400)})
    assert "203" not in today.pop()
