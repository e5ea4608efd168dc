"""Which release this is. `pyproject.toml` says it; a test keeps this, the template and the front-end module equal."""

VERSION = "0.1.0"
