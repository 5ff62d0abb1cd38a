"""Being asked to stop, by Ctrl-C or a signal: noted at once, acted on at a safe point."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked us to stop."""


class StopSignal:
    """A context in which signals only leave a note: an exception in the middle of starting a
    process would lose that process. More of them while stopping change nothing."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._before: dict[signal.Signals, object] = {}

    @property
    def asked(self) -> bool:
        """Whether we are to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Stopped` if we are to stop."""
        if self.asked:
            raise Stopped

    def wait(self, limit_s: float) -> bool:
        """Sleep, but not on once asked to stop; whether we are."""
        return self._event.wait(limit_s)

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before if callable(before) else signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._event.set()
