"""librdkafka's handles, which need not end before their process does.

Whoever forgets a handle ends it, and all Python in the process waits until its threads have ended,
too. One of them may be asking a name server that does not answer, for 5 seconds or 10 a handle.
"""

from threading import Event

import confluent_kafka as ck
from confluent_kafka import admin

_ending = Event()
_kept: list[object] = []


def keep_all() -> None:
    """From now on: the process ends, and its handles with it."""
    _ending.set()


class _Kept:
    def __del__(self) -> None:
        if _ending.is_set():
            _kept.append(self)


class Consumer(_Kept, ck.Consumer):
    pass


class Producer(_Kept, ck.Producer):
    pass


class AdminClient(_Kept, admin.AdminClient):
    pass
