"""`drivestream`: everything on one machine, from the command line."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from local.commands import (
    FAILED,
    INTERRUPTED,
    NOT_RUNNING,
    STANDSTILL,
    Face,
    run_demo,
    run_doctor,
    run_down,
    run_fetch,
    run_setup,
    run_status,
    run_up,
)
from local.run.data_folder import HomeError
from local.run.stop_signal import Stopped
from local.servers.ports import PortError
from local.servers.server import ServerError
from local.show.api import ApiError, Unreachable
from local.show.follow import StandstillError
from local.toolchains.fetching import FetchError
from services.core.folder_link import NotAFolderLinkError, parse_folder_link

EPILOG = """\
examples:
  drivestream demo                    everything up, and the sample folder imported
  drivestream demo --once --json      the same, then stop; one JSON object on standard output
  drivestream up                      everything up, until Ctrl-C
  PORT=0 WEB_PORT=0 drivestream up    on any free ports
  drivestream down --purge            stop, and remove all data
  drivestream doctor LINK             why does this folder not come over? (holds no secret)

A server whose address is in the environment is used instead of started: KAFKA_BOOTSTRAP_SERVERS,
S3_ENDPOINT_URL (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), DATABASE_URL, DRIVE_API_URL.
With GOOGLE_API_KEY set, Google Drive itself is read instead of the emulator.
Ports: PORT, WEB_PORT, KAFKA_PORT, KAFKA_CONTROLLER_PORT, MINIO_PORT, MINIO_CONSOLE_PORT,
POSTGRES_PORT, EMULATOR_PORT (0: any free one). Data: DATA_DIR.

exit codes:
  0    done
  1    failed, or an import did not bring every file over; or (doctor) something is wrong
  2    wrong usage
  3    cannot start: a port is taken, another copy runs, a server does not come up; or (status,
       setup) nothing runs
  4    an import stands still, or takes longer than its limit
  130  interrupted before it was done
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    args = parser().parse_args(arguments)
    face = Face()
    # Until there is something to stop in order, SIGTERM ends us just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run: Callable[[argparse.Namespace, Face], int] = args.run
    try:
        return run(args, face)
    except (Stopped, KeyboardInterrupt):
        return told(args, face, "Interrupted.", INTERRUPTED)
    except (HomeError, PortError, ServerError, FetchError) as error:
        return told(args, face, str(error), NOT_RUNNING)
    except (ApiError, Unreachable) as error:
        return told(args, face, str(error), FAILED)
    except StandstillError as error:
        return told(args, face, str(error), STANDSTILL)


def told(args: argparse.Namespace, face: Face, sentence: str, code: int) -> int:
    """Say what was wrong; to a reader of JSON as one object, too."""
    face.say(sentence)
    if getattr(args, "json", False):
        face.give_json({"state": "error", "error": sentence})
    return code


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="drivestream",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace, Face], int], text: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    up = command("up", run_up, "start everything, and stay until Ctrl-C")
    demo = command("demo", run_demo, "start everything, and import the sample folder")
    for starting in (up, demo):
        starting.add_argument(
            "--no-web", dest="web", action="store_false", help="do without the web page"
        )
    _demo_options(demo)
    down = command("down", run_down, "stop a running copy")
    down.add_argument("--purge", action="store_true", help="also remove all of its data")
    down.add_argument("--yes", action="store_true", help="do not ask before removing")
    status = command("status", run_status, "say what runs, and where")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    doctor = command("doctor", run_doctor, "find out what is wrong, and what to do about it")
    doctor.add_argument("link", nargs="?", metavar="LINK", help="also look at this folder of Drive")
    doctor.add_argument("--json", action="store_true", help="as one JSON object")
    command("setup", run_setup, "make topics, bucket and tables where they are missing")
    command("fetch", run_fetch, "fetch what the servers and the page are made of")
    return top


def _demo_options(demo: argparse.ArgumentParser) -> None:
    demo.add_argument("--once", action="store_true", help="stop everything after the import")
    demo.add_argument("--json", action="store_true", help="the outcome as one JSON object")
    demo.add_argument("--folder", type=_link, metavar="URL", help="import this folder instead")
    demo.add_argument(
        "--limit", type=_seconds, default=3600.0, metavar="S", help="give up after S seconds"
    )
    demo.add_argument(
        "--standstill",
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
