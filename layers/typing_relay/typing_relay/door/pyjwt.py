"""PyJWT, without the part of its import that HS256 never needs.

PyJWT imports `cryptography` whenever it is installed, 66 of the 353 ms of CPU that importing the authorizer takes
(best of seven), and each cold start would pay them. Only RS256 and ES256 use it: they come with VISITOR_JWKS_URL.
"""

import os
import sys

__all__ = ["jwt"]

if os.environ.get("VISITOR_JWKS_URL") or "cryptography" in sys.modules:
    import jwt
else:
    # Python's import system takes None for "there is no such module", and PyJWT then leaves it out.
    sys.modules["cryptography"] = None  # type: ignore[assignment]
    try:
        import jwt
    finally:
        del sys.modules["cryptography"]
