"""The log of a service: one line for each event, JSON unless somebody watches at a terminal.

Everything that a process says goes through it, libraries and threads included, since a line that
does not name its service is lost among those of ten others.
"""

import logging
import sys
import threading

import structlog

log = structlog.get_logger("library")


def configure_logs(service: str) -> None:
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=plain)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            lambda _logger, _method, event: {"service": service, **event},  # in any thread
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_ToStructlog()])
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed


class _ToStructlog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        log.log(record.levelno, said, logger=record.name, exc_info=record.exc_info)


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else None
    log.error("process.thread_failed", thread=name, exc_info=args.exc_value)
