"""Handles of librdkafka that nobody uses any more."""

import subprocess
import sys

HANDLES = """
import gc, time
from services.adapters.kafka import handles
config = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
makes = handles.AdminClient, handles.Producer, lambda c: handles.Consumer(c | {"group.id": "g"})
def forgotten():
    for make in makes:
        make(dict(config))
    gc.collect()
    return len(handles._kept)
print(forgotten())
handles.keep_all()
print(forgotten())
"""


def test_they_end_at_once_but_not_while_their_process_ends() -> None:
    """Not in this process, which would keep those of all tests that follow."""
    program = HANDLES + "\nimport os, sys; sys.stdout.flush(); os._exit(0)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["0", "3"]
