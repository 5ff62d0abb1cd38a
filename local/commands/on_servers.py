"""Commands on the servers themselves, without the API: those given, or those of a running copy."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from local.commands.output import CANNOT_START, FAILED, INTERRUPTED, NO_READER, OK
from local.paths import data_dir
from local.run.data_folder import DataFolder, RunningCopy
from local.servers.server import ServerError
from local.servers.services import service
from local.settings import over

STOP_TIMEOUT_S = 30.0
CODES = {0: OK, 2: CANNOT_START, 3: CANNOT_START, NO_READER: NO_READER}
"""Of a service that runs to its end; 2 is for its settings, 3 for servers that are away."""


def data_folder() -> DataFolder:
    """The data folder that the environment names."""
    return DataFolder(data_dir(os.environ))


def server_settings(needed: Sequence[str]) -> Mapping[str, str]:
    """The settings of a running copy, and over them the environment's; `ServerError` where one that
    is needed is in neither."""
    copy = data_folder().running() or RunningCopy(pid=0)
    settings = over(copy.settings, os.environ)
    missing = [name for name in needed if not settings.get(name)]
    if missing:
        raise ServerError(
            f"Drivestream is not running here, and {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set. Run `drivestream up`, or set the "
            "addresses of your servers."
        )
    return settings


def run_service(module: str, settings: Mapping[str, str], *options: str) -> int:
    """Run `python -m services.MODULE` here to its end; the exit code. If interrupted, let it end
    in order, and leave the last word to it, if it has one."""
    command = service(module, settings)
    argv = [*command.argv, *options]
    # The service does not hear Ctrl-C, which it could not end in order before it listens: we do,
    # once we know whom to end. Until then Ctrl-C waits.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with subprocess.Popen(argv, env=dict(command.env), cwd=command.cwd) as child:
            return _ended(child, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ended(child: subprocess.Popen[bytes], signals: set[int | signal.Signals]) -> int:
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        return CODES.get(child.wait(), FAILED)
    except KeyboardInterrupt:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            if child.wait(STOP_TIMEOUT_S) == INTERRUPTED:
                return INTERRUPTED
        raise
    finally:
        child.kill()
