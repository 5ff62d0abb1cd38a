"""Everything on one machine: start it, stop it, see what runs, find out what is wrong."""

import os
import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress

from local.commands.on_servers import data_folder, run_service, server_settings
from local.commands.options import Commands, add_json, link, seconds
from local.commands.output import FAILED, INTERRUPTED, OK, Output
from local.demo import Stopwatch, run_import
from local.run.data_folder import LOCK, POLL_S, DataFolder, DataFolderError
from local.run.stack import running_stack
from local.servers.server import ServerError
from local.show.addresses import table
from local.show.follow import Limits

# A copy needs less than this to stop its services, then its servers.
STOP_TIMEOUT_S = 45.0
CREDENTIALS = ("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS")
SET_UP = ("KAFKA_BOOTSTRAP_SERVERS", "S3_ENDPOINT_URL", "DATABASE_URL")
STOP_HINT = "Press Ctrl-C to stop everything. The data is kept."


def add_to(commands: Commands) -> None:
    """The commands about this machine."""
    up = commands.add("up", run_up, "start everything and run until Ctrl-C")
    demo = commands.add("demo", run_demo, "start everything and import the sample folder")
    for starting in (up, demo):
        starting.add_argument(
            "--no-web", dest="web", action="store_false", help="start without the web page"
        )
    _add_demo_options(demo)
    down = commands.add("down", run_down, "stop the running instance")
    down.add_argument("--purge", action="store_true", help="also delete all of its data")
    down.add_argument("--yes", action="store_true", help="do not ask before deleting")
    doctor = commands.add("doctor", run_doctor, "find out what is wrong and how to fix it")
    doctor.add_argument("link", nargs="?", metavar="LINK", help="also check this Drive folder")
    add_json(doctor)
    commands.add("setup", run_setup, "create missing topics, bucket and tables")
    commands.add("fetch", run_fetch, "download what the servers and the web page need")


def _add_demo_options(demo: ArgumentParser) -> None:
    demo.add_argument("--once", action="store_true", help="stop everything after the import")
    add_json(demo)
    demo.add_argument(
        "--folder", type=link, metavar="URL", help="import this folder instead of the sample"
    )
    demo.add_argument(
        "--limit", type=seconds, default=3600.0, metavar="S", help="give up after S seconds"
    )
    demo.add_argument(
        "--no-progress",
        type=seconds,
        default=120.0,
        metavar="S",
        help="give up after S seconds without any change",
    )


def run_up(args: Namespace, output: Output) -> int:
    """`up`: start everything and run until Ctrl-C."""
    with running_stack(os.environ, data_folder(), output.message, args.web) as stack:
        output.result(table(stack.addresses))
        output.message(STOP_HINT)
        stack.run_until_stopped()
    return INTERRUPTED if stack.stop.interrupted else OK


def run_demo(args: Namespace, output: Output) -> int:
    """`demo`: start everything and import the sample folder."""
    stopwatch = Stopwatch()
    limits = Limits(no_progress_s=args.no_progress, overall_s=args.limit)
    google = next((name for name in CREDENTIALS if os.environ.get(name)), None)
    if google and not args.folder and not os.environ.get("DRIVE_API_URL"):
        raise ServerError(
            f"{google} is set, so the demo uses Google Drive. Choose a folder with --folder URL."
        )
    with running_stack(os.environ, data_folder(), output.message, args.web) as stack:
        outcome = run_import(stack, args.folder, limits, stopwatch, output.console)
        if not args.json:
            output.result(outcome.sentences())
        if not args.once:
            if args.json:
                output.result_json(outcome.document(stopwatch.seconds()))
            else:
                output.result(table(stack.addresses))
            output.message(STOP_HINT)
            stack.run_until_stopped()
    if stack.stop.interrupted:
        return INTERRUPTED
    if args.once and args.json:
        output.result_json(outcome.document(stopwatch.seconds()))
    return OK if outcome.good else FAILED


def run_down(args: Namespace, output: Output) -> int:
    """`down`: stop the running copy; with `--purge`, remove its data."""
    folder = data_folder()
    if args.purge and not args.yes and not _sure(folder):
        output.message("Nothing was deleted.")
        return FAILED
    _stop(folder, output)
    if args.purge:
        removed = folder.purge()
        output.message(f"Deleted {folder.path}." if removed else f"{folder.path} does not exist.")
    return OK


def _sure(folder: DataFolder) -> bool:
    """Whether whoever sits at the terminal agrees to remove all data."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ArgumentTypeError(
            f"--purge deletes {folder.path} and everything imported into it. There is no terminal "
            "to confirm at, so add --yes to go ahead"
        )
    try:
        answer = input(f"Delete {folder.path} and everything imported into it? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


def _stop(folder: DataFolder, output: Output) -> None:
    """Ask the copy to stop, and wait until none of its processes is left."""
    asked: int | None = None
    deadline = time.monotonic() + STOP_TIMEOUT_S
    if not folder.in_use():
        output.message(f"Nothing is running on {folder.path}.")
        return
    while folder.in_use():
        copy = folder.running()
        if copy and copy.pid != asked:
            output.message(f"Stopping process {copy.pid} and everything it started.")
            asked = copy.pid
            with suppress(ProcessLookupError):
                os.kill(copy.pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise DataFolderError(
                f"A process is still running after {STOP_TIMEOUT_S:.0f} s. "
                f"`fuser {folder.path / LOCK}` shows which one."
            )
        time.sleep(POLL_S)


def run_setup(args: Namespace, output: Output) -> int:
    """`setup`: create topics, bucket and tables, on the servers given or those of a copy."""
    return run_service("setup", server_settings(SET_UP))


def run_doctor(args: Namespace, output: Output) -> int:
    """`doctor`: what is wrong and what to do about it, in a report without secrets."""
    from local.doctor.command import examine
    from local.doctor.configured import configuration
    from local.doctor.report import text
    from local.doctor.secrets import Secrets, resource_keys

    found = configuration(os.environ, data_folder())
    secrets = Secrets({**found.running, **os.environ})
    secrets.add(*resource_keys(args.link or ""))
    report = examine(args.link, found, output.message)
    if args.json:
        output.result_json(report.document(secrets.hide))
    else:
        output.result(text(report, secrets.hide))
    return FAILED if any(report.wrong()) else OK


def run_fetch(args: Namespace, output: Output) -> int:
    """`fetch`: find or download what the servers and the web page need, one thing after the "
    "other."""
    from local.servers.postgres import postgres_programs
    from local.toolchains.java import java
    from local.toolchains.kafka_jars import kafka_jars
    from local.toolchains.minio_binary import minio_binary
    from local.toolchains.page import built_page

    for name, find in (
        ("Java", java),
        ("Kafka", kafka_jars),
        ("PostgreSQL", postgres_programs),
        ("MinIO", minio_binary),
        ("Page, built with Node", lambda env: built_page(env).program),
    ):
        output.message(f"{name}: {find(os.environ)}")
    return OK
