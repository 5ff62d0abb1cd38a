"""Replays: work on files again that the log knows. A plan first, then what it planned."""

import sys
from argparse import ArgumentTypeError, Namespace, _ArgumentGroup
from collections.abc import Callable
from typing import TypeVar

import msgspec

from local.commands.options import (
    Commands,
    add_ids,
    add_limits,
    add_watch,
    count,
    identifier,
    key,
    moment,
    plain_name,
    reason,
)
from local.commands.output import OK, Output
from local.commands.watching import code_of, connected, show, start, watch
from local.show.api import Answer, Api, segment, shaped
from local.show.replays import (
    DeadLetter,
    Plan,
    ReplayReport,
    ReplayStarted,
    dead_letter_table,
    replay_table,
)

T = TypeVar("T")
PLAN_TIMEOUT_S = 120.0
MODES = {
    "missing": "files without an outcome",
    "failed": "files that failed",
    "all": "every file",
    "verify": "compare stored files with what Drive listed, without calling Drive",
}
OUTCOMES = ("stored", "unchanged", "failed", "none")
SELECTION = ("imports", "folders", "files", "outcomes", "reasons", "since", "until", "dead_letters")


def add_to(commands: Commands) -> None:
    """The commands about replays and dead letters."""
    group = commands.group("replay", "process files from the log again")
    _add_plan(group)
    _add_start(group)
    watching = group.add_client("watch", run_watch, "show the progress of a replay")
    add_limits(watching)
    rate = group.add_client("rate", run_rate, "change the rate of a replay")
    pause = group.add_client("pause", run_control, "pause a replay")
    resume = group.add_client("resume", run_control, "resume a paused replay")
    cancel = group.add_client("cancel", run_control, "end a replay")
    for command in (watching, rate, pause, resume, cancel):
        command.add_argument("id", type=identifier, metavar="ID", help="the replay's id")
    rate.add_argument(
        "rate", type=rate_of, metavar="N", help="files per second, or none for no limit"
    )
    letters = "list the records that could not be read; --json includes their bytes"
    for command in (
        group.add_client("list", run_list, "list the replays, newest first"),
        commands.add_client("dead-letters", run_dead_letters, letters),
    ):
        command.add_argument(
            "--most", type=count, default=100, metavar="N", help="list at most N (default: 100)"
        )


def _add_plan(group: Commands) -> None:
    plan = group.add_client("plan", run_plan, "show what a replay would do, without starting it")
    plan.add_argument(
        "--mode",
        required=True,
        choices=MODES,
        help="; ".join(f"{mode}: {text}" for mode, text in MODES.items()),
    )
    plan.add_argument(
        "--transfer",
        choices=("check", "force"),
        default="check",
        help="check skips stored files; force downloads them again (default: check)",
    )
    plan.add_argument(
        "--to",
        type=plain_name,
        metavar="NAME",
        help="copy the outcomes to the topic feeds.NAME, for one consumer, and do nothing else",
    )
    _add_selection(
        plan.add_argument_group("which files to replay (at least one option is required)")
    )


def _add_selection(select: _ArgumentGroup) -> None:
    add_ids(select, "--import", "imports", "files of these imports")
    add_ids(select, "--folder", "folders", "files in these folders")
    add_ids(select, "--file", "files", "these files")
    select.add_argument(
        "--outcome",
        dest="outcomes",
        nargs="+",
        action="extend",
        choices=OUTCOMES,
        help="files with these outcomes",
    )
    select.add_argument(
        "--reason",
        dest="reasons",
        nargs="+",
        action="extend",
        type=reason,
        metavar="R",
        help="files that failed for these reasons",
    )
    for name, text in (
        ("--since", "outcomes at or after this time"),
        ("--until", "outcomes before this time"),
    ):
        when = f"{text}: 2026-11-25T08:00Z, or 2h (ago)"
        select.add_argument(name, type=moment, metavar="TIME", help=when)
    select.add_argument(
        "--dead-letters",
        action="store_true",
        help="records that could not be read, instead of files",
    )


def _add_start(group: Commands) -> None:
    start = group.add_client("start", run_start, "start a planned replay")
    start.add_argument(
        "plan", metavar="PLAN", help="the plan's id, or - to read the output of `plan --json`"
    )
    start.add_argument("--name", required=True, help="a short name, such as the incident")
    start.add_argument("--why", required=True, help="why it is needed; kept permanently")
    start.add_argument("--rate", type=count, metavar="N", help="files a second")
    start.add_argument("--most", type=count, metavar="N", help="the highest number of files")
    start.add_argument(
        "--idempotency-key",
        type=key,
        metavar="KEY",
        help="repeating the command with the same KEY starts no second replay",
    )
    add_watch(start)


def rate_of(text: str) -> int | None:
    """Files a second; None is as fast as possible."""
    return None if text == "none" else count(text)


def run_plan(args: Namespace, output: Output) -> int:
    """`replay plan`: what a replay would do, and the id to start it with."""
    select = {name: value for name in SELECTION if (value := getattr(args, name))}
    if not select:
        raise ArgumentTypeError("select files with at least one option, such as --since")
    if args.since and args.until and args.since >= args.until:
        raise ArgumentTypeError("--since must be before --until")
    body = {"select": select, "mode": args.mode, "transfer": args.transfer}
    body |= {"target": args.to} if args.to else {}
    answer = connected(args).post("/replays/plan", body, timeout_s=PLAN_TIMEOUT_S)
    plan = answer.read(Plan)
    if plan.files and not args.json:
        output.message("`drivestream replay start PLAN --name … --why …` starts it.")
    return show(answer, f"{plan.sentences()}\nplan {plan.plan_id}", args, output)


def run_start(args: Namespace, output: Output) -> int:
    """`replay start`: start what was planned; with `--watch`, show its progress."""
    body = {"plan_id": _plan_id(args), "name": args.name, "why": args.why}
    options = {"files_per_second": args.rate, "most": args.most}
    body |= {name: value for name, value in options.items() if value}
    answer = start(args, "/replays", body)
    id = answer.read(ReplayStarted).replay_id
    if args.watch:
        output.message(f"Replay {id} has started.")
        return _watch(connected(args), id, args, output)
    output.message(f"The replay has started. `drivestream replay watch {id}` shows its progress.")
    return show(answer, id, args, output)


def _plan_id(args: Namespace) -> str:
    """The id given, or that of the plan on standard input."""
    if args.plan != "-":
        return str(args.plan)
    try:
        return msgspec.json.decode(sys.stdin.buffer.read(), type=Plan).plan_id
    except msgspec.DecodeError:
        raise ArgumentTypeError("the input is not the output of `replay plan --json`") from None


def run_watch(args: Namespace, output: Output) -> int:
    """`replay watch`: the progress of a replay, then its outcome."""
    return _watch(connected(args), args.id, args, output)


def run_control(args: Namespace, output: Output) -> int:
    """`replay pause`, `resume` and `cancel`."""
    return _changed(connected(args).post(f"{_path(args.id)}/{args.word}"), args, output)


def run_rate(args: Namespace, output: Output) -> int:
    """`replay rate`: change how many files a second."""
    body = {"files_per_second": args.rate}
    return _changed(connected(args).post(_path(args.id), body, method="PATCH"), args, output)


def run_list(args: Namespace, output: Output) -> int:
    """`replay list`: the newest ones."""
    return _list("/replays", list[ReplayReport], replay_table, args, output)


def run_dead_letters(args: Namespace, output: Output) -> int:
    """`dead-letters`: where they lay, and why they could not be read."""
    return _list("/dead-letters", list[DeadLetter], dead_letter_table, args, output)


def _list(
    path: str,
    kind: type[list[T]],
    table: Callable[[list[T]], str],
    args: Namespace,
    output: Output,
) -> int:
    entries = list(connected(args).items(path, args.most))
    if args.json:
        output.result_json(entries)
    elif entries:
        output.result(table(shaped(entries, kind, path)))
    else:
        output.message("There are none.")
    return OK


def _changed(answer: Answer, args: Namespace, output: Output) -> int:
    report = answer.read(ReplayReport)
    return show(answer, report.line(), args, output)


def _path(id: str) -> str:
    return f"/replays/{segment(id)}"


def _watch(api: Api, id: str, args: Namespace, output: Output) -> int:
    goes_on = (
        f"The replay continues. `drivestream replay watch {id}` shows it again; "
        f"`drivestream replay cancel {id}` ends it."
    )
    return code_of(watch(lambda: api.get(_path(id)), ReplayReport, goes_on, args, output))
