"""How hard the fuzz tests try: the same 300 examples each by default; FUZZ_EXAMPLES=50000 tries new ones."""

import os

from hypothesis import settings
from hypothesis import strategies as st

_EXAMPLES = os.environ.get("FUZZ_EXAMPLES")

fuzz = settings(max_examples=int(_EXAMPLES or 300), derandomize=_EXAMPLES is None)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
