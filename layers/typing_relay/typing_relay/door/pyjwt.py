"""PyJWT, without the part of its import that HS256 never needs.

PyJWT imports `cryptography` whenever it is installed: 66 of the 353 ms of CPU that importing the authorizer takes
(best of seven), on each cold start. Only RS256 and ES256 need it, and only with VISITOR_JWKS_URL are they in use.
"""

import os
import sys

__all__ = ["jwt"]

if os.environ.get("VISITOR_JWKS_URL") or "cryptography" in sys.modules:
    import jwt
else:
    # None in sys.modules makes the import fail; PyJWT then does without the module.
    sys.modules["cryptography"] = None  # type: ignore[assignment]
    try:
        import jwt
    finally:
        del sys.modules["cryptography"]
