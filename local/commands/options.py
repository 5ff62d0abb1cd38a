"""Making commands, and what their arguments may be."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, _ActionsContainer
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from local.commands.output import Output
from local.show.address import api_address
from services.core.folder_link import NotAFolderLinkError, parse_folder_link

Run = Callable[[Namespace, Output], int]
AGO = re.compile(r"(\d{1,6})([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
REASON = re.compile(r"[a-z0-9_]{1,64}")
LONGEST_ID = 256


class Commands:
    """The commands of a parser. Each is run by a function of its arguments, among them its own
    `word`, and the output."""

    def __init__(self, parser: ArgumentParser) -> None:
        self._made = parser.add_subparsers(
            title="commands", metavar="COMMAND", required=True, dest="word"
        )

    def group(self, name: str, text: str) -> "Commands":
        """A command that only has commands of its own."""
        return Commands(self._made.add_parser(name, help=text, description=sentence(text)))

    def add(self, name: str, run: Run, text: str) -> ArgumentParser:
        """A command, without options yet. Raise `ArgumentTypeError` to refuse its arguments."""
        codes = "`drivestream --help` lists the exit codes."
        made = self._made.add_parser(name, help=text, description=sentence(text), epilog=codes)
        made.set_defaults(run=run, parser=made)
        return made

    def add_client(self, name: str, run: Run, text: str) -> ArgumentParser:
        """A command that speaks to the API."""
        made = self.add(name, run, text)
        made.add_argument(
            "--api", type=address, metavar="URL", help="the API to call, if not the local one"
        )
        add_json(made)
        return made


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def add_json(command: ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")


def add_watch(command: ArgumentParser) -> None:
    """`--watch`, and how long."""
    command.add_argument("--watch", action="store_true", help="show the progress until it ends")
    add_limits(command)


def add_limits(command: ArgumentParser) -> None:
    command.add_argument(
        "--limit", type=seconds, metavar="S", help="give up watching after S seconds"
    )
    command.add_argument(
        "--no-progress",
        type=seconds,
        metavar="S",
        help="give up watching after S seconds without a change",
    )


def add_ids(to: _ActionsContainer, name: str, dest: str, text: str) -> None:
    """An option with ids; it may be repeated."""
    to.add_argument(
        name, dest=dest, nargs="+", action="extend", type=identifier, metavar="ID", help=text
    )


def link(text: str) -> str:
    """The link of a Drive folder."""
    try:
        parse_folder_link(text)
    except NotAFolderLinkError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def identifier(text: str) -> str:
    """An id of an import, a file, a folder or a replay."""
    if not text.isprintable() or not 0 < len(text) <= LONGEST_ID or " " in text:
        raise ArgumentTypeError(f"{text[:40]!r} is not an id")
    return text


def plain_name(text: str) -> str:
    """The name of a group, a topic or a consumer. An empty one, such as that of a shell's variable
    that is not set, must not act as if the option were not given."""
    if not text.isprintable() or not 0 < len(text) < LONGEST_ID or " " in text:
        raise ArgumentTypeError(f"{text[:40]!r} is not a name")
    return text


def reason(text: str) -> str:
    """The code of a failure."""
    if not REASON.fullmatch(text):
        raise ArgumentTypeError(f"{text[:40]!r} is not a reason such as not_found")
    return text


def key(text: str) -> str:
    """An Idempotency-Key."""
    if not text.isascii() or not text.isprintable() or not 0 < len(text) < 256:
        raise ArgumentTypeError("a key must be 1 to 255 printable ASCII characters")
    return text


def address(text: str) -> str:
    """The API's."""
    try:
        return api_address(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of seconds up to a day")
    return value


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 10 or int(text) < 1:
        raise ArgumentTypeError(f"{text[:40]!r} is not a whole number of at least 1")
    return int(text)


def moment(text: str) -> datetime:
    """A time in UTC: `2026-11-25T08:00Z`, or `2h` for two hours ago. Local without a zone."""
    if ago := AGO.fullmatch(text):
        try:
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            raise ArgumentTypeError(f"that is too long ago: {text}") from None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f"{text[:40]!r} is not a time such as 2026-11-25T08:00Z or 2h (ago)"
        ) from None
