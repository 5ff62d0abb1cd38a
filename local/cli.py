"""`drivestream`: the command line. Its commands are in `commands/`."""

import argparse
import os
import signal
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from types import FrameType

from local.commands import (
    comparing,
    images,
    imports,
    keys,
    machine,
    operate,
    replays,
    system,
)
from local.commands.options import Commands
from local.commands.output import (
    CANNOT_START,
    FAILED,
    INTERRUPTED,
    NO_PROGRESS,
    NO_READER,
    Output,
    OutputError,
    fail,
    flush_streams,
    open_streams,
)
from local.run.data_folder import DataFolderError
from local.run.stopping import Stopped
from local.servers.ports import PortError
from local.servers.server import ServerError
from local.settings import PORTS, refuse_control_characters
from local.show.api import ApiError, ApiUnavailableError
from local.show.follow import NoProgressError
from local.toolchains.fetching import FetchError
from services.core.settings import SettingsError

EPILOG = f"""\
examples:
  drivestream demo                    start everything and import the sample folder
  drivestream demo --once --json      the same, then stop and print one JSON object
  drivestream up                      start everything and run until Ctrl-C
  PORT=0 WEB_PORT=0 drivestream up    use any free ports for the API and the page
  drivestream down --purge            stop and delete all data
  drivestream top                     show the workers, the lag, the rates and the limit
  drivestream doctor LINK             find out why a folder cannot be imported
  drivestream preview LINK            show what a folder holds, and start nothing
  drivestream import LINK --watch     import a folder and show its progress
  drivestream retry ID --reason R     retry what failed for this reason
  drivestream failures ID             what failed in an import, why, and what to do
  drivestream images --name beach --order -size
  drivestream export --output images.csv
  drivestream replay plan --mode failed --since 2h --json > plan.json
  drivestream replay start - --name outage --why 'the store was full' < plan.json
  drivestream rewind transfer --to 2h show what the transfer would repeat
  drivestream key ci import           make an API key that may start imports

Results go to standard output, messages to standard error.

Commands about imports, images, replays and dead letters call the API of the instance on this
machine. --api or DRIVESTREAM_URL selects another. If the API has keys, set DRIVESTREAM_API_KEY.

To use your own servers instead of starting them, set KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL,
DRIVE_API_URL, or S3_ENDPOINT_URL with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. With
GOOGLE_API_KEY or GOOGLE_APPLICATION_CREDENTIALS, Google Drive is used instead of the emulator.

Ports (0 means any free port):
{textwrap.fill(", ".join(PORTS), 96, initial_indent="  ", subsequent_indent="  ")}
Data folder: DATA_DIR.

exit codes:
  0    success
  1    failed or refused; an import or replay did not store every file; or (doctor, verify) a
       problem was found
  2    wrong usage
  3    cannot start: a setting is wrong, a port is taken, another instance is running, or a server
       does not become ready; the API or Kafka does not answer; or (status, setup) nothing runs
  4    no progress, or the time limit was reached
  5    the import or replay being watched was cancelled
  130  interrupted by Ctrl-C; an import that has started keeps running
  141  the reader of the output closed it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    try:
        open_streams()
        args = parser().parse_args(arguments)
        return _run(args, Output())
    except BrokenPipeError:
        return NO_READER
    except OutputError as error:
        Output().message(str(error))
        return FAILED
    except KeyboardInterrupt:  # while the command line was read, or the last word was said
        with suppress(OSError):
            os.write(2, b"Interrupted.\n")
        return INTERRUPTED
    finally:
        flush_streams()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End in order. A second Ctrl-C must not break off what the first one cleans up."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(args: argparse.Namespace, output: Output) -> int:
    try:
        # Until there is something to stop in order, SIGTERM ends us as Ctrl-C does.
        signal.signal(signal.SIGTERM, _interrupt)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, _interrupt)
        refuse_control_characters(os.environ)
        return int(args.run(args, output))
    except argparse.ArgumentTypeError as error:
        args.parser.error(str(error))  # exits with 2
        raise
    except Stopped:  # it was said when the signal came
        return fail(args, output, "", INTERRUPTED)
    except KeyboardInterrupt as why:
        return fail(args, output, str(why) or "Interrupted.", INTERRUPTED)
    except (DataFolderError, SettingsError, PortError, ServerError, FetchError) as error:
        return fail(args, output, str(error), CANNOT_START)
    except ApiError as error:
        exit_code = CANNOT_START if isinstance(error, ApiUnavailableError) else FAILED
        return fail(args, output, str(error), exit_code, error.code)
    except NoProgressError as error:
        return fail(args, output, str(error), NO_PROGRESS)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="drivestream",
        description="Import Google Drive folders, and run all of Drivestream on one machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "-V", "--version", action="version", version=f"drivestream {version('drivestream')}"
    )
    commands = Commands(top)
    for group in (machine, system, imports, images, replays, comparing, operate, keys):
        group.add_to(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
