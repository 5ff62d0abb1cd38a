"""`drivestream`: run everything on one machine, from the command line."""

import argparse
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence

from local.commands import (
    CANNOT_START,
    FAILED,
    INTERRUPTED,
    NO_PROGRESS,
    Output,
    run_demo,
    run_doctor,
    run_down,
    run_fetch,
    run_setup,
    run_status,
    run_up,
)
from local.run.data_folder import DataFolderError
from local.run.stopping import Stopped
from local.servers.ports import PortError
from local.servers.server import ServerError
from local.settings import PORTS, refuse_control_characters
from local.show.api import ApiError, ApiUnavailableError
from local.show.follow import NoProgressError
from local.toolchains.fetching import FetchError
from services.core.folder_link import NotAFolderLinkError, parse_folder_link
from services.core.settings import SettingsError

Run = Callable[[argparse.Namespace, Output], int]
EPILOG = f"""\
examples:
  drivestream demo                    start everything, and import the sample folder
  drivestream demo --once --json      the same, then stop; print one JSON object
  drivestream up                      start everything, and stay until Ctrl-C
  PORT=0 WEB_PORT=0 drivestream up    use any free ports for the API and the page
  drivestream down --purge            stop, and remove all data
  drivestream doctor LINK             find out why this folder cannot be imported

A server is used instead of started if the environment names it: KAFKA_BOOTSTRAP_SERVERS,
S3_ENDPOINT_URL (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), DATABASE_URL, DRIVE_API_URL.
With GOOGLE_API_KEY or GOOGLE_APPLICATION_CREDENTIALS, Google Drive is used instead of the emulator.

Ports (0 means any free port):
{textwrap.fill(", ".join(PORTS), 96, initial_indent="  ", subsequent_indent="  ")}
Data folder: DATA_DIR.

exit codes:
  0    done
  1    failed; an import did not store every file; or (doctor) something is wrong
  2    wrong usage
  3    cannot start: a setting is wrong, a port is taken, another copy runs, or a server does not
       become ready; or (status, setup) nothing runs
  4    an import makes no progress, or takes longer than its limit
  130  interrupted before it was done
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    args = parser().parse_args(arguments)
    output = Output()
    # Until there is something to stop in order, SIGTERM ends us as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run: Run = args.run
    try:
        refuse_control_characters(os.environ)
        return run(args, output)
    except (Stopped, KeyboardInterrupt):
        return fail(args, output, "Interrupted.", INTERRUPTED)
    except (DataFolderError, SettingsError, PortError, ServerError, FetchError) as error:
        return fail(args, output, str(error), CANNOT_START)
    except (ApiError, ApiUnavailableError) as error:
        return fail(args, output, str(error), FAILED)
    except NoProgressError as error:
        return fail(args, output, str(error), NO_PROGRESS)


def fail(args: argparse.Namespace, output: Output, sentence: str, code: int) -> int:
    """Say what went wrong, with `--json` also as one object; returns the exit code."""
    output.message(sentence)
    if getattr(args, "json", False):
        output.result_json({"state": "error", "error": sentence})
    return code


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="drivestream",
        description="Run everything that Drivestream needs on one machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Run, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        made.set_defaults(run=run)
        return made

    up = command("up", run_up, "start everything, and stay until Ctrl-C")
    demo = command("demo", run_demo, "start everything, and import the sample folder")
    for starting in (up, demo):
        starting.add_argument(
            "--no-web", dest="web", action="store_false", help="start without the web page"
        )
    _demo_options(demo)
    down = command("down", run_down, "stop a running copy")
    down.add_argument("--purge", action="store_true", help="also remove all of its data")
    down.add_argument("--yes", action="store_true", help="do not ask before removing")
    status = command("status", run_status, "show what runs, and where")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    doctor = command("doctor", run_doctor, "find out what is wrong, and what to do about it")
    doctor.add_argument("link", nargs="?", metavar="LINK", help="also look at this Drive folder")
    doctor.add_argument("--json", action="store_true", help="as one JSON object")
    command("setup", run_setup, "create topics, bucket and tables that do not exist yet")
    command("fetch", run_fetch, "download what the servers and the page need")
    return top


def _demo_options(demo: argparse.ArgumentParser) -> None:
    demo.add_argument("--once", action="store_true", help="stop everything after the import")
    demo.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    demo.add_argument("--folder", type=_link, metavar="URL", help="import this folder instead")
    demo.add_argument(
        "--limit", type=_seconds, default=3600.0, metavar="S", help="give up after S seconds"
    )
    demo.add_argument(
        "--no-progress",
        type=_seconds,
        default=120.0,
        metavar="S",
        help="give up after S seconds without any change",
    )


def _link(text: str) -> str:
    try:
        parse_folder_link(text)
    except NotAFolderLinkError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"not a number of seconds up to a day: {text[:40]!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())
