"""What the store does to requests while it has a bad time, by way of `tests.store_proxy`."""

import random
import time
from threading import Lock

from tests.fakes.s3_server import Answer
from tests.store_proxy import RESET, SILENT, Asked, StoreProxy

ONE_IN = 4
SLOW_SECONDS = 1.5
ERRORS = (
    Answer(500, "InternalError", "Please try again."),
    Answer(503, "SlowDown", "Please try again."),
    Answer(503, "ServiceUnavailable", "Please try again."),
    Answer(429, "TooManyRequests", "Please try again."),
    RESET,
    SILENT,
)


class StoreMoods:
    """Several may hold at once. Which requests are hit is drawn, as they come."""

    def __init__(self, proxy: StoreProxy, seed: int) -> None:
        self._draw = random.Random(f"store/{seed}")
        self._lock = Lock()
        self._moods: set[str] = set()
        self.hits = 0
        proxy.answer, proxy.lose = self._answer, self._lose

    def begin(self, mood: str) -> None:
        self._moods.add(mood)

    def end(self, mood: str) -> None:
        self._moods.discard(mood)

    def _answer(self, _asked: Asked) -> Answer | None:
        if "down" in self._moods:
            return self._hit(RESET)
        if "errors" in self._moods and self._one_in(ONE_IN):
            with self._lock:
                return self._hit(self._draw.choice(ERRORS))
        if "slow" in self._moods:
            time.sleep(SLOW_SECONDS)
        return None

    def _lose(self, asked: Asked) -> Answer | None:
        """The store has done what was asked; nobody hears of it."""
        writes = asked.method in ("PUT", "POST", "DELETE")
        if "loses answers" in self._moods and writes and self._one_in(ONE_IN):
            return self._hit(ERRORS[0])
        return None

    def _one_in(self, number: int) -> bool:
        with self._lock:
            return self._draw.randrange(number) == 0

    def _hit(self, answer: Answer) -> Answer:
        self.hits += 1
        return answer
