"""The client id and secret that the simulated CXone accepts."""

import os


def client_credentials() -> tuple[str, str]:
    """CXONE_CLIENT_ID and CXONE_CLIENT_SECRET of the environment, by default local-client and local-secret."""
    return os.environ.get("CXONE_CLIENT_ID", "local-client"), os.environ.get("CXONE_CLIENT_SECRET", "local-secret")
