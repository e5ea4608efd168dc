"""What Lambda tells a function about an invocation."""


class Invocation:
    """One with this much of its time left."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "test"

    def __init__(self, left_ms: int = 60_000) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        """Of Lambda's context."""
        return self._left_ms
