"""How busy a thread is, by a clock that is set by hand, and for real."""

import threading
import time

import pytest

from services.adapters.cpu import WINDOW_SECONDS, ThreadLoad


def test_it_is_the_part_of_the_last_seconds() -> None:
    now, used = 0.0, 0.0
    load = ThreadLoad(lambda: used, lambda: now)
    assert load.busy() == 0.0
    for _ in range(30):
        now, used = now + 1, used + 0.25
        assert load.busy() == 0.25
    for _ in range(int(WINDOW_SECONDS) + 1):
        now, used = now + 1, used + 1
        load.busy()
    assert load.busy() == pytest.approx(1.0)


def test_it_is_never_more_than_all_or_less_than_nothing() -> None:
    used, now = 0.0, 0.0
    load = ThreadLoad(lambda: used, lambda: now)
    now, used = 1.0, 5.0
    assert load.busy() == 1.0
    now, used = 2.0, -5.0
    assert load.busy() == 0.0


def test_a_thread_that_sleeps_is_not_busy_whatever_others_do() -> None:
    load = ThreadLoad()
    ended = threading.Event()

    def compute() -> None:
        while not ended.is_set():
            pass

    other = threading.Thread(target=compute)
    other.start()
    time.sleep(0.2)
    ended.set()
    other.join()
    assert load.busy() < 0.7
