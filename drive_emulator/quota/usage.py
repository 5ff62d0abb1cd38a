"""What one user, or one project, has used and was refused: in all, and second by second."""

from typing import Any

from drive_emulator.quota.settings import CLASSES

KEPT_S = 600


class Usage:
    """Units used, requests let through and requests refused, each by class."""

    def __init__(self) -> None:
        self.used = dict.fromkeys(CLASSES, 0.0)
        self.requests = dict.fromkeys(CLASSES, 0)
        self.refused = dict.fromkeys(CLASSES, 0)
        self._seconds: dict[int, tuple[dict[str, float], dict[str, int]]] = {}

    def add(self, name: str, units: float, now: float) -> None:
        """One request let through."""
        self.used[name] += units
        self.requests[name] += 1
        used, _ = self._second(int(now))
        used[name] = used.get(name, 0.0) + units

    def refuse(self, name: str, now: float) -> None:
        """One request refused."""
        self.refused[name] += 1
        _, refused = self._second(int(now))
        refused[name] = refused.get(name, 0) + 1

    def _second(self, second: int) -> tuple[dict[str, float], dict[str, int]]:
        kept = self._seconds.get(second)
        if kept is None:
            kept = self._seconds[second] = ({}, {})
            while len(self._seconds) > KEPT_S:
                del self._seconds[next(iter(self._seconds))]
        return kept

    def describe(self, since: float) -> dict[str, Any]:
        """All of it; of the seconds those from `since` on in which anything was asked."""
        return {
            "used": self.used,
            "requests": self.requests,
            "refused": self.refused,
            "seconds": [
                {"at": second, "used": used, "refused": refused}
                for second, (used, refused) in self._seconds.items()
                if second >= since
            ],
        }
