"""The API that a command speaks to, and watching what it does."""

import math
import os
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar
from uuid import uuid4

from local.commands.on_servers import data_folder
from local.commands.output import CANCELLED, FAILED, OK, Output
from local.show.address import api_key, find_api
from local.show.api import Answer, Api, ApiUnavailableError
from local.show.bar import Bar
from local.show.follow import Limits, follow
from local.show.reports import Report

POLL_S = 0.5
AWAY_S = 120.0
R = TypeVar("R", bound=Report)


def connected(args: Namespace) -> Api:
    """The API that `--api` or DRIVESTREAM_URL names, else that of the copy that runs here. It gets
    the key in DRIVESTREAM_API_KEY."""
    return Api(find_api(args.api, os.environ, data_folder()), api_key(os.environ))


def start(args: Namespace, path: str, body: Mapping[str, object]) -> Answer:
    """Ask for something new with a key, so that a request whose end is unknown can be repeated."""
    key = args.idempotency_key or str(uuid4())
    try:
        return connected(args).post(path, body, key=key)
    except ApiUnavailableError as error:
        if error.code is None:
            raise
        again = f"Run it again with --idempotency-key {key}, and it starts only once."
        raise ApiUnavailableError(f"{error} {again}", error.code) from None


def show(answer: Answer, text: str, args: Namespace, output: Output) -> int:
    """Print what the API answered, as JSON or as this text; the exit code."""
    if args.json:
        output.result_json(answer.read(object))
    else:
        output.result(text)
    return OK


def watch(
    ask: Callable[[], Answer], kind: type[R], goes_on: str, args: Namespace, output: Output
) -> R:
    """Show the progress to the end, then the outcome.

    `goes_on` is said if it is interrupted, or if the API stays away.
    """
    watched = _Watched(ask, kind, output.message)
    limits = Limits(
        no_progress_s=args.no_progress or math.inf,
        overall_s=args.limit or math.inf,
        away_s=AWAY_S,
    )
    try:
        with Bar(output.console) as bar:
            last = follow(watched.report, lambda: time.sleep(POLL_S), bar.show, limits)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted. {goes_on}") from None
    show(watched.answer, last.sentences(), args, output)
    return last


class _Watched(Generic[R]):
    """Asks for reports, and keeps the last answer. The first request is made at once and must be
    answered: what does not exist, or an address where no API is, is told without waiting."""

    def __init__(
        self, ask: Callable[[], Answer], kind: type[R], say: Callable[[str], None]
    ) -> None:
        self._ask, self._kind, self._say = ask, kind, say
        self.answer = ask()
        self._fresh = True
        self._away = False

    def report(self) -> R:
        """Raises `ApiUnavailableError`; says so once until the API answers again."""
        try:
            self.answer = self.answer if self._fresh else self._ask()
        except ApiUnavailableError as error:
            if not self._away:
                self._say(f"{error} Trying again.")
            self._away = True
            raise
        self._fresh = self._away = False
        return self.answer.read(self._kind)


def code_of(report: Report) -> int:
    """How what was watched has ended, as an exit code."""
    if report.state == "cancelled":
        return CANCELLED
    return OK if report.good else FAILED
