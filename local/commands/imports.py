"""Imports: start, watch, pause, resume, cancel, retry. All of it through the API."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from local.commands.options import (
    Commands,
    add_ids,
    add_limits,
    add_watch,
    identifier,
    key,
    link,
    reason,
)
from local.commands.output import Output
from local.commands.watching import code_of, connected, show, start, watch
from local.show.api import Api, segment
from local.show.reports import ImportReport, Preview, Retried, Started


def add_to(commands: Commands) -> None:
    """The commands about imports."""
    importing = commands.add_client("import", run_import, "import a Google Drive folder")
    importing.add_argument("link", type=link, metavar="LINK", help="the link of the folder")
    importing.add_argument(
        "--idempotency-key",
        type=key,
        metavar="KEY",
        help="repeating the command with the same KEY starts no second import",
    )
    importing.add_argument(
        "--priority",
        choices=("normal", "bulk"),
        default="normal",
        help="with `bulk`, all other imports go first (default: normal)",
    )
    add_watch(importing)
    previewing = commands.add_client("preview", run_preview, "show what a folder holds")
    previewing.add_argument("link", type=link, metavar="LINK", help="the link of the folder")
    previewing.add_argument(
        "--thumbnails",
        action="store_true",
        help="with --json, include small images as data URLs, some 8 kB each",
    )
    watching = commands.add_client("watch", run_watch, "show the progress of an import")
    add_limits(watching)
    pause = commands.add_client("pause", run_control, "pause an import")
    resume = commands.add_client("resume", run_control, "resume a paused import")
    cancel = commands.add_client("cancel", run_control, "cancel an import; stored files are kept")
    retry = commands.add_client("retry", run_retry, "retry what failed in an import")
    for command in (watching, pause, resume, cancel, retry):
        command.add_argument("id", type=identifier, metavar="ID", help="the import's id")
    which = retry.add_mutually_exclusive_group()
    which.add_argument(
        "--reason", type=reason, metavar="R", help="only what failed for this reason"
    )
    add_ids(which, "--files", "files", "only these files")
    add_ids(which, "--folders", "folders", "only these folders")
    add_watch(retry)


def run_import(args: Namespace, output: Output) -> int:
    """`import`: start it; with `--watch`, show its progress."""
    body = {"folderUrl": args.link}
    if args.priority != "normal":  # an older API knows no other
        body["priority"] = args.priority
    answer = start(args, "/import/google-drive", body)
    id = answer.read(Started).job_id
    if args.watch:
        output.message(f"Import {id} has started.")
        return _watch(connected(args), id, args, output)
    output.message(f"The import has started. `drivestream watch {id}` shows its progress.")
    return show(answer, id, args, output)


def run_preview(args: Namespace, output: Output) -> int:
    """`preview`: what a link holds; nothing is started."""
    answer = connected(args).post("/imports/preview", {"folderUrl": args.link})
    text = str(answer.read(Preview))
    if not args.thumbnails:
        answer = replace(answer, body=without_thumbnails(answer.read(dict[str, object])))
    return show(answer, text, args, output)


def without_thumbnails(preview: Mapping[str, object]) -> bytes:
    """What a terminal can show. Each thumbnail is thousands of characters."""
    samples = preview.get("samples")
    if not isinstance(samples, list):
        return msgspec.json.encode(preview)
    left = [
        {name: value for name, value in each.items() if name != "thumbnail"} for each in samples
    ]
    return msgspec.json.encode({**preview, "samples": left})


def run_watch(args: Namespace, output: Output) -> int:
    """`watch`: the progress of an import, then its outcome."""
    return _watch(connected(args), args.id, args, output)


def run_control(args: Namespace, output: Output) -> int:
    """`pause`, `resume` and `cancel`."""
    answer = connected(args).post(f"/imports/{segment(args.id)}/{args.word}")
    report = answer.read(ImportReport)
    return show(answer, report.line(), args, output)


def run_retry(args: Namespace, output: Output) -> int:
    """`retry`: all that failed, or what is named."""
    api = connected(args)
    named = {name: getattr(args, name) for name in ("reason", "files", "folders")}
    body = {name: value for name, value in named.items() if value is not None}
    answer = api.post(f"/imports/{segment(args.id)}/retry", body or None)
    retried = answer.read(Retried)
    if args.watch:
        output.message(str(retried))
        return _watch(api, args.id, args, output)
    return show(answer, str(retried), args, output)


def _watch(api: Api, id: str, args: Namespace, output: Output) -> int:
    goes_on = (
        f"The import continues. `drivestream watch {id}` shows it again; "
        f"`drivestream cancel {id}` ends it."
    )
    last = watch(lambda: api.get(f"/imports/{segment(id)}"), ImportReport, goes_on, args, output)
    if last.state == "completed_with_failures":
        output.message(f"`drivestream retry {id}` retries what failed.")
    return code_of(last)
