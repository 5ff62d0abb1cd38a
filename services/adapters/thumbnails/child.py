"""`python -m services.adapters.thumbnails.child MEGABYTES`: draws what it reads, one picture after
another, until its input ends.

The limits are the kernel's, so they hold whatever a decoder does. The process can open no file and
no socket, and none of our secrets is in its environment.
"""

import os
import resource
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from services.adapters.thumbnails.drawing import UndrawableError, thumbnail
from services.adapters.thumbnails.protocol import ANSWER, CPU_SECONDS, LENGTH, NEEDS_MEMORY, WIDTH

LEAN_MB = 96
"""A process that keeps more than this after a picture ends, and a new one takes its place."""


def main() -> None:
    warnings.simplefilter("ignore")
    memory = _limit(int(sys.argv[1]) * 1024 * 1024)
    while header := sys.stdin.buffer.read(WIDTH.size):
        (width,) = WIDTH.unpack(header)
        _more_cpu()
        drawn, body = _answer(sys.stdin.buffer, width)
        last = body == NEEDS_MEMORY or _is_heavy(memory)
        sys.stdout.buffer.write(ANSWER.pack(drawn, last, len(body)) + body)
        sys.stdout.buffer.flush()
        if last:
            return


def _answer(asked: BinaryIO, width: int) -> tuple[bool, bytes]:
    body = bytearray()
    try:
        while length := LENGTH.unpack(asked.read(LENGTH.size))[0]:
            body += asked.read(length)
        return True, thumbnail(body, width)
    except UndrawableError as why:
        return False, str(why).encode("utf-8", "replace")
    except MemoryError:
        return False, NEEDS_MEMORY


def _limit(memory: int) -> int | None:
    """Also opens what says how much memory is used, if the system has that."""
    os.nice(5)  # the requests that need no drawing come first
    with suppress(OSError):  # if memory runs out all the same, the kernel is to take this process
        Path("/proc/self/oom_score_adj").write_text("1000")
    statm = None
    with suppress(OSError):
        statm = os.open("/proc/self/statm", os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))  # those that it has
    with suppress(ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    return statm


def _more_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _is_heavy(statm: int | None) -> bool:
    if statm is None:
        return False
    resident = int(os.pread(statm, 200, 0).split()[1]) * resource.getpagesize()
    return resident > LEAN_MB * 1024 * 1024


if __name__ == "__main__":
    main()
