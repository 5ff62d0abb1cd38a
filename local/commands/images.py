"""Images: list them, export all of them, and see what failed. All of it through the API."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from local.commands.exporting import FORMATS, export
from local.commands.options import Commands, count, identifier, moment
from local.commands.output import OK, Output
from local.commands.watching import connected
from local.show.api import segment, shaped
from local.show.images import FailedFile, ListedImage, failures_of, image_table
from local.show.reports import ImportReport
from local.show.text import counted

ORDERS = ("id", "google_drive_id", "name", "size", "created_at", "imported_at")
MOST_EXAMPLES = 1_000


def add_to(commands: Commands) -> None:
    """The commands about images."""
    images = commands.add_client("images", run_images, "list the stored images")
    _add_filters(images)
    images.add_argument(
        "--most", type=count, default=100, metavar="N", help="list at most N (default: 100)"
    )
    text = "write every stored image to a file, as CSV or JSON Lines; the file is whole or absent"
    exporting = commands.add_client("export", run_export, text)
    _add_filters(exporting)
    exporting.add_argument(
        "--format", choices=FORMATS, help="default: as the file is called, else csv"
    )
    exporting.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="default: standard output"
    )
    failures = commands.add_client(
        "failures", run_failures, "show what failed in an import, why, and what to do"
    )
    failures.add_argument("id", type=identifier, metavar="ID", help="the import's id")


def _add_filters(command: ArgumentParser) -> None:
    which = command.add_argument_group("which images (options combine)")
    which.add_argument("--import", dest="import", type=identifier, metavar="ID", help="its images")
    which.add_argument("--folder", type=identifier, metavar="ID", help="directly in this folder")
    which.add_argument(
        "--below", action="store_const", const="true", help="and below --folder, with --import"
    )
    which.add_argument("--name", metavar="TEXT", help="names that begin with this, in any case")
    which.add_argument("--type", metavar="TYPE", help="such as image/jpeg")
    which.add_argument("--min-size", type=size, metavar="BYTES", help="at least so many bytes")
    which.add_argument("--max-size", type=size, metavar="BYTES", help="at most so many bytes")
    when = "2026-11-25T08:00Z, or 2h (ago)"
    which.add_argument(
        "--since", type=moment, metavar="TIME", help=f"stored at or after this time: {when}"
    )
    which.add_argument("--until", type=moment, metavar="TIME", help="stored before this time")
    signed = [*ORDERS, *(f"-{order}" for order in ORDERS)]
    command.add_argument(
        "--order",
        choices=signed,
        metavar="ORDER",
        help=f"one of {', '.join(ORDERS)}; --order=-size reverses it",
    )


def size(text: str) -> int:
    """Bytes."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of bytes")
    return int(text)


def _path(args: Namespace) -> str:
    """The list with its filters."""
    of_all = ("import", "folder", "below", "name", "type", "min_size", "max_size")
    names = (*of_all, "since", "until", "order")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    if any(value == "" for value in given.values()):
        raise ArgumentTypeError("a filter is empty; leave it out if there is none")
    for name in ("since", "until"):
        if name in given:
            given[name] = f"{given[name]:%Y-%m-%dT%H:%M:%S.%fZ}"
    return "/images" + (f"?{urlencode(given)}" if given else "")


def run_images(args: Namespace, output: Output) -> int:
    """`images`: those that match, as a table."""
    path = _path(args)
    entries = list(connected(args).items(path, args.most))
    if args.json:
        output.result_json(entries)
    elif entries:
        output.result(image_table(shaped(entries, list[ListedImage], path)))
    else:
        output.message("There are none.")
    return OK


def run_export(args: Namespace, output: Output) -> int:
    """`export`: all that match, in a file or on standard output."""
    target = None if args.output == "-" else Path(args.output)
    if target is None and args.json:
        raise ArgumentTypeError("--json tells of a file; name it with --output")
    if target is not None and target.is_dir():
        raise ArgumentTypeError(f"{target} is a directory; name a file in it")
    by_name = target is not None and target.suffix in (".jsonl", ".ndjson")
    chosen = args.format or ("jsonl" if by_name else "csv")
    number = export(connected(args), _path(args), chosen, target)
    output.message(f"{counted(number, 'image')} exported.")
    if args.json:
        output.result_json({"images": number, "file": str(target), "format": chosen})
    return OK


def run_failures(args: Namespace, output: Output) -> int:
    """`failures`: by reason, with what to do."""
    api, path = connected(args), f"/imports/{segment(args.id)}"
    report = api.get(path).read(ImportReport)
    files = f"{path}/files?state=failed"
    some = shaped(list(api.items(files, MOST_EXAMPLES)), list[FailedFile], files)
    failures = failures_of(args.id, report.failures, some)
    if args.json:
        told = {
            "import_id": args.id,
            "state": report.state,
            "failed": report.failed,
            "failures": failures,
            "folders_failed": report.folders_failed,
            "failed_folders": report.failed_folders,
        }
        output.result_json(msgspec.to_builtins(told))
        return OK
    folders = report.folder_notes()
    if not failures and not folders:
        output.message("Nothing has failed.")
        return OK
    output.result("\n\n".join([*map(str, failures), *(["\n".join(folders)] if folders else [])]))
    if folders:
        output.message(f"`drivestream retry {args.id}` lists those folders again.")
    return OK
