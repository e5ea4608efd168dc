"""The process's logger, at the level that the deployment's parameter LogLevel names."""

from __future__ import annotations

import logging
import os

from aws_lambda_powertools.logging import Logger


def make_logger() -> Logger:
    """Powertools' logger of this service, at POWERTOOLS_LOG_LEVEL (INFO if it is not set).

    Its lines hold what somebody asks for: not the place in the code, nor (by Powertools' inject_lambda_context) the
    function's name, ARN and memory, which were half of each line. A failed invocation's own line has its request id.

    Powertools lets Lambda's own level win (AWS_LAMBDA_LOG_LEVEL, from ApplicationLogLevel). That one must stay at INFO:
    Lambda takes a line without a level for INFO, and metrics are such lines. So the level is set past Powertools.
    ValueError for a level that there is none of.
    """
    made = Logger(location=None, xray_trace_id=None)
    logging.getLogger(made.name).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL") or logging.INFO)
    return made
