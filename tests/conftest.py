"""For all tests."""

import jwt  # noqa: F401 whole, before typing_relay.pyjwt can import it without public keys
