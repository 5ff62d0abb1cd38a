"""What each command of `drivestream` does; parsing and exit codes are in `cli`."""

import json
import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress

from rich.console import Console

from local.demo import Start, run_import
from local.run.data_folder import Copy, Home, HomeError
from local.run.up import up
from local.servers.health import answers
from local.servers.server import ServerError
from local.servers.services import module
from local.show.addresses import table
from local.show.follow import Limits
from services.core.settings import data_dir

OK, FAILED, USAGE, NOT_RUNNING, STANDSTILL, INTERRUPTED = 0, 1, 2, 3, 4, 130
# Longer than a copy may take to stop its services, then its servers.
DOWN_LIMIT_S = 45.0
KEYS = ("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS")
NEEDED = ("KAFKA_BOOTSTRAP_SERVERS", "S3_ENDPOINT_URL", "DATABASE_URL")


class Face:
    """Where words go: sentences to standard error, what was asked for to standard output."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A sentence about what happens."""
        self.console.print(text, markup=False)

    def give(self, text: str) -> None:
        """What was asked for."""
        print(text, flush=True)

    def give_json(self, document: Mapping[str, object]) -> None:
        """What was asked for, as one JSON object."""
        self.give(json.dumps(document, ensure_ascii=False))


def home() -> Home:
    """The data folder that the environment names."""
    return Home(data_dir(os.environ))


def run_up(args: Namespace, face: Face) -> int:
    """`up`: everything, until Ctrl-C."""
    with up(os.environ, home(), face.say, args.web) as running:
        face.give(table(running.rows))
        face.say("Ctrl-C stops everything; the data stays.")
        running.stack.stay()
    return OK


def run_demo(args: Namespace, face: Face) -> int:
    """`demo`: everything, and an import of the sample folder."""
    start = Start()
    limits = Limits(standstill_s=args.standstill, overall_s=args.limit)
    google = next((name for name in KEYS if os.environ.get(name)), None)
    if google and not args.folder and not os.environ.get("DRIVE_API_URL"):
        raise ServerError(f"{google} is set, so no emulator: name a folder with --folder URL.")
    with up(os.environ, home(), face.say, args.web) as running:
        outcome = run_import(running, args.folder, limits, start, face.console)
        if not args.json:
            face.give(outcome.sentences())
        if not args.once:
            if args.json:
                face.give_json(outcome.document(start.seconds()))
            else:
                face.give(table(running.rows))
            face.say("Ctrl-C stops everything; the data stays.")
            running.stack.stay()
    if args.once and args.json:
        face.give_json(outcome.document(start.seconds()))
    return OK if outcome.good else FAILED


def run_down(args: Namespace, face: Face) -> int:
    """`down`: end the running copy; with `--purge` remove its data."""
    here = home()
    copy = here.running()
    if copy:
        face.say(f"Stopping process {copy.pid} and all that it started.")
        with suppress(ProcessLookupError):
            os.kill(copy.pid, signal.SIGTERM)
    if not here.wait_until_free(DOWN_LIMIT_S):
        raise HomeError(f"A copy still runs on {here.path} after {DOWN_LIMIT_S:.0f} s.")
    if not copy:
        face.say(f"Nothing runs on {here.path}.")
    if args.purge:
        return _purge(here, args.yes, face)
    return OK


def _purge(here: Home, sure: bool, face: Face) -> int:
    if not sure and sys.stdin.isatty():
        answer = input(f"Remove {here.path} and all that was imported into it? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            face.say("Nothing was removed.")
            return FAILED
    removed = here.purge()
    face.say(f"Removed {here.path}." if removed else f"There is no {here.path}.")
    return OK


def run_status(args: Namespace, face: Face) -> int:
    """`status`: what runs, where, and whether it answers."""
    copy = home().running()
    if not copy:
        return _not_running(args, face)
    url = copy.settings.get("API_URL")
    trouble = answers("The API", f"{url}/health/ready") if url else "It is still starting."
    if args.json:
        document = {"running": True, "ready": not trouble, "pid": copy.pid, "trouble": trouble}
        face.give_json({**document, "addresses": copy.addresses})
    else:
        face.give(f"Process {copy.pid} runs. {trouble or 'Everything answers.'}")
        face.give(table(copy.addresses))
    return FAILED if trouble else OK


def _not_running(args: Namespace, face: Face) -> int:
    if args.json:
        face.give_json({"running": False})
    else:
        face.give(f"Nothing runs on {home().path}.")
    return NOT_RUNNING


def run_setup(args: Namespace, face: Face) -> int:
    """`setup`: topics, bucket and tables, on the servers given or on the running copy's."""
    copy = home().running() or Copy(pid=0)
    known = {**copy.settings, **{key: value for key, value in os.environ.items() if value}}
    missing = [name for name in NEEDED if not known.get(name)]
    if missing:
        face.say(f"Nothing runs here, and {', '.join(missing)} is not set: start `drivestream up`.")
        return NOT_RUNNING
    command = module("setup", known)
    return OK if subprocess.call(command.argv, env=dict(command.env), cwd=command.cwd) == 0 else 1


def run_doctor(args: Namespace, face: Face) -> int:
    """`doctor`: what is wrong and what to do about it, as a report that holds no secret."""
    from local.doctor.around import surroundings
    from local.doctor.command import examined
    from local.doctor.secrets import Secrets, keys_in
    from local.doctor.shown import text

    around = surroundings(os.environ, home())
    secrets = Secrets({**around.copy, **os.environ})
    secrets.add(*keys_in(args.link or ""))
    report = examined(args.link, around, face.say)
    if args.json:
        face.give_json(report.document(secrets.hide))
    else:
        face.give(text(report, secrets.hide))
    return FAILED if any(report.wrong()) else OK


def run_fetch(args: Namespace, face: Face) -> int:
    """`fetch`: all that the servers and the page are made of."""
    from local.fetch import fetched

    for what, where in fetched(os.environ):
        face.say(f"{what}: {where}")
    return OK
