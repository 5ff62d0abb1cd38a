"""Seconds of fire. They stand still while a file exists that `FIRE_PAUSE_FILE` names, so that
somebody else can measure on the same machine."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

TICK_SECONDS = 0.2
PAUSE_FILE = "FIRE_PAUSE_FILE"


class Pace:
    def __init__(self) -> None:
        named = os.environ.get(PAUSE_FILE)
        self._file = Path(named) if named else None
        self._began = time.monotonic()
        self._stood = 0.0
        self._stands_at: float | None = None
        self._over = threading.Event()

    def reach(self, seconds: float) -> bool:
        """Wait for this second of fire. False if it was ended before."""
        while self.now() < seconds and not self._over.is_set():
            self._over.wait(TICK_SECONDS)
        return not self._over.is_set()

    @property
    def must_stand(self) -> bool:
        """Whether the file is there."""
        return self._file is not None and self._file.exists()

    def stand(self, meanwhile: Callable[[], None]) -> None:
        """Let time stand still until the file is gone."""
        began, self._stands_at = time.monotonic(), self.now()
        while self.must_stand:
            meanwhile()
            time.sleep(TICK_SECONDS)
        self._stood += time.monotonic() - began
        self._stands_at = None

    def now(self) -> float:
        if self._stands_at is not None:
            return self._stands_at
        return time.monotonic() - self._began - self._stood

    def end(self) -> None:
        self._over.set()
