"""PyJWT, without the half of its import time that HS256 never needs.

PyJWT imports `cryptography` whenever it is installed: 215 ms with it, 98 ms without (two slow cores), paid by
every cold start of the authorizer. Only RS256 and ES256 use it, and those come with VISITOR_JWKS_URL.
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
