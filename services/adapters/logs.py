"""Logs: JSON lines on standard error, readable lines on a terminal. No secret ever reaches them."""

import logging
import sys
from collections.abc import Callable

import structlog

from services.core.errors import Stop


def configure_logs(service: str) -> None:
    """Once, in `__main__`; every line carries the service's name and a UTC time."""
    terminal = sys.stderr.isatty()
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)


def log_waits(service: str) -> Callable[[Stop, float], None]:
    """One line for each wait of a circuit breaker: the reason, the sentence and the seconds."""
    log = structlog.get_logger(service)

    def log_wait(why: Stop, seconds: float) -> None:
        log.error(f"{service}.waiting", reason=why.reason, why=why.message, seconds=seconds)

    return log_wait
