"""What happened, in order: one JSON object a line, with its time in seconds since the start.

The checks read it afterwards; so does whoever looks for what went wrong.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Entry = Mapping[str, Any]


class History:
    """Appends to a file, from any thread. `at` is the time since the epoch in milliseconds, as in
    Kafka's records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._began = time.time()
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._file = path.open("w", encoding="utf-8")

    def add(self, what: str, **told: Any) -> None:
        now = time.time()
        entry = {"t": round(now - self._began, 2), "at": int(now * 1000), "what": what, **told}
        with self._lock:
            self._entries.append(entry)
            self._file.write(json.dumps(entry, default=str) + "\n")
            self._file.flush()

    def of(self, *whats: str) -> Sequence[Entry]:
        with self._lock:
            return [entry for entry in self._entries if entry["what"] in whats]

    def close(self) -> None:
        self._file.close()
