"""An event, and where in the log it lies."""

from typing import NamedTuple

from services.core.events import Message


class LogRecord(NamedTuple):
    """One decoded record."""

    event: Message
    topic: str
    partition: int
    offset: int
