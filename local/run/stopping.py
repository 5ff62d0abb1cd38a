"""Requests to stop, by Ctrl-C or a signal: noted at once, obeyed at a safe point."""

import os
import signal
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked us to stop."""


class StopSignal:
    """A context in which a signal says one line and sets an event.

    An exception raised while a process is being started would lose that process. Further signals
    have no effect. `interrupted` after Ctrl-C.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._before: dict[signal.Signals, object] = {}
        self.interrupted = False

    def check(self) -> None:
        """Raise `Stopped` if a stop was requested."""
        if self._event.is_set():
            raise Stopped

    @property
    def asked(self) -> bool:
        """Whether somebody asked us to stop, which was said on standard error."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until the timeout or a request to stop; whether there was one."""
        return self._event.wait(timeout_s)

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
        if self._event.is_set():
            return
        self.interrupted = number == signal.SIGINT
        self._event.set()
        said = "Interrupted. Stopping everything." if self.interrupted else "Stopping everything."
        # Unbuffered: what is printing just now may have the stream. A terminal may be gone.
        with suppress(OSError):
            os.write(2, f"\n{said}\n".encode() if os.isatty(2) else f"{said}\n".encode())
