"""`drivestream`, also as `python -m local`.

Loading the command line takes a moment, in which Ctrl-C must already end it in one line.
"""

import os
import sys
from _signal import (  # type: ignore[import-not-found] # built in; `signal` itself loads others
    SIG_IGN,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

INTERRUPTED = 130


def main() -> int:
    """Load the command line and run one command; its exit code."""
    if getsignal(SIGINT) is default_int_handler:  # else a script ignores it
        signal(SIGINT, _leave)
    from local.cli import main as run

    code = run()
    signal(SIGINT, SIG_IGN)  # the interpreter would end with a traceback
    return code


def _leave(*_signal: object) -> None:
    """Nothing has been started yet."""
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
