"""Where a command writes, and how it ends."""

import json
import os
import sys
from argparse import Namespace
from io import TextIOWrapper

from rich.console import Console

OK, FAILED, CANNOT_START, NO_PROGRESS, CANCELLED = 0, 1, 3, 4, 5
INTERRUPTED, NO_READER = 130, 141
"""As a shell numbers them: 128 and the signal, SIGINT or SIGPIPE."""


class OutputError(Exception):
    """The result could not be written."""


def open_streams() -> None:
    """Give the process the streams that its caller closed (`>&-`): the next file that it opened
    would take their place. A character that the terminal's encoding lacks must not end it."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def flush_streams() -> None:
    """Write what is left. Python would complain, when it exits, that it could not be written."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        for number in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """rich would end with 1."""
        raise BrokenPipeError


class Output:
    """Messages go to standard error, results to standard output."""

    def __init__(self) -> None:
        # With FORCE_COLOR, which is common in CI, rich would draw a live bar into a file.
        watched = sys.stderr.isatty()
        self.console = _Console(
            stderr=True, highlight=False, soft_wrap=True, force_terminal=watched
        )

    def message(self, text: str) -> None:
        """A sentence about what happens."""
        self.console.print(text, markup=False)

    def result(self, text: str) -> None:
        """What was asked for."""
        try:
            print(text, flush=True)
        except BrokenPipeError:
            raise
        except OSError as why:
            raise OutputError(f"The result could not be written: {why.strerror}.") from why

    def result_json(self, document: object) -> None:
        """What was asked for, as one line of JSON."""
        is_plain = (sys.stdout.encoding or "utf-8").lower() != "utf-8"
        self.result(json.dumps(document, ensure_ascii=is_plain))


def fail(
    args: Namespace, output: Output, sentence: str, exit_code: int, code: str | None = None
) -> int:
    """Say what went wrong, with `--json` also as one object; returns the exit code.

    `code` is the API's, for scripts. An empty sentence was said already: "Interrupted.".
    """
    if sentence:
        output.message(sentence)
    if getattr(args, "json", False):
        told = {"state": "error", "error": sentence or "Interrupted."}
        output.result_json(told if code is None else {**told, "code": code})
    return exit_code
