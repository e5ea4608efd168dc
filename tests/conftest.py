"""For all tests."""

import jwt  # noqa: F401 whole, before typing_relay.door.pyjwt can import it without public keys
