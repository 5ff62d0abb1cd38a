"""What the system does: what runs here, how fast it is, what limits it."""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress

from rich.console import Console
from rich.live import Live
from rich.text import Text

from local.commands.on_servers import data_folder
from local.commands.options import Commands, seconds
from local.commands.output import CANNOT_START, FAILED, OK, Output
from local.commands.watching import AWAY_S, connected
from local.run.data_folder import RunningCopy
from local.servers.health import http_problem
from local.show.address import api_address
from local.show.addresses import table
from local.show.api import Answer, Api, ApiError, ApiUnavailableError
from local.show.system import System
from local.show.waits import waits

EVERY_S = 2.0
PATH = "/system"


def add_to(commands: Commands) -> None:
    """The commands that look at the whole system."""
    status = commands.add_client(
        "status", run_status, "show what is running and where, how fast it is and what limits it"
    )
    status.add_argument("--watch", action="store_true", help="show it again and again until Ctrl-C")
    top = "show the workers, the lag, the rates and what limits the speed until Ctrl-C"
    for command in (status, commands.add_client("top", run_top, top)):
        _add_every(command)


def _add_every(command: ArgumentParser) -> None:
    command.add_argument(
        "--every", type=seconds, default=EVERY_S, metavar="S", help="seconds between two looks"
    )


def run_top(args: Namespace, output: Output) -> int:
    """`top`: the whole screen, until Ctrl-C; where there is no terminal, a line for each look."""
    return _watch(connected(args), args, output)


def run_status(args: Namespace, output: Output) -> int:
    """`status`: what runs, where, whether it answers, and what the system does."""
    if args.watch:
        return _watch(connected(args), args, output)
    if args.api or os.environ.get("DRIVESTREAM_URL"):
        answer = connected(args).get(PATH)
        if args.json:
            output.result_json(answer.read(object))
        else:
            output.result(answer.read(System).page())
        return OK
    copy = data_folder().running()
    if copy:
        return _show_copy(copy, args, output)
    if args.json:
        output.result_json({"running": False})
    else:
        output.result(f"Nothing is running on {data_folder().path}.")
    return CANNOT_START


def _show_copy(copy: RunningCopy, args: Namespace, output: Output) -> int:
    url = copy.settings.get("API_URL")
    problem = http_problem("The API", f"{url}/health/ready") if url else "It is still starting."
    waiting = waits(url) if url and not problem else []
    answer = _asked(url) if url else None
    if args.json:
        state = {"running": True, "ready": not problem, "pid": copy.pid, "problem": problem}
        told = {"waits": waiting, "addresses": copy.addresses}
        system = answer.read(object) if answer else None
        output.result_json({**state, **told, "system": system})
    else:
        output.result(f"Process {copy.pid} is running. {problem or 'Everything is ready.'}")
        for sentence in waiting:
            output.result(sentence)
        output.result(table(copy.addresses))
        if answer:
            output.result(f"\n{answer.read(System).page()}")
    return FAILED if problem else OK


def _asked(url: str) -> Answer | None:
    """None if the API does not answer, which was said already."""
    with suppress(ApiError):
        return Api(api_address(url)).get(PATH)
    return None


def _watch(api: Api, args: Namespace, output: Output) -> int:
    """Until Ctrl-C, or until the API has been away for long."""
    answers = _answers(api, args.every, output)
    screen = Console(highlight=False)
    if args.json:
        for answer in answers:
            output.result_json(answer.read(object))
    elif not sys.stdout.isatty() or screen.is_dumb_terminal:
        for answer in answers:
            output.result(answer.read(System).line())
    else:
        with Live(console=screen, screen=args.word == "top", auto_refresh=False) as live:
            for answer in answers:
                said = answer.read(System).page(screen.width)
                page = Text(said, no_wrap=True, overflow="ellipsis")
                live.update(page, refresh=True)
    return OK


def _answers(api: Api, every_s: float, output: Output) -> Iterator[Answer]:
    """The first one must come: an address where no API is, is told without waiting."""
    answered_at: float | None = None
    away = False
    while True:
        try:
            yield api.get(PATH)
            answered_at, away = time.monotonic(), False
        except ApiUnavailableError as error:
            if answered_at is None or time.monotonic() - answered_at > AWAY_S:
                raise
            if not away:
                output.message(f"{error} Trying again.")
            away = True
        time.sleep(every_s)
