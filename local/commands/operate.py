"""For operators: move a consumer group, and rebuild the tables from the topics."""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from local.commands.on_servers import run_service, server_settings
from local.commands.options import Commands, add_json, moment, plain_name
from local.commands.output import FAILED, OK, Output, fail
from local.servers.server import ServerError
from local.show.text import columns, counted

if TYPE_CHECKING:  # its library takes a moment to load
    from services.adapters.kafka.rewind import Move, Target

ENDS: tuple[Literal["earliest", "latest"], ...] = ("earliest", "latest")


def add_to(commands: Commands) -> None:
    """The commands on Kafka and on the database."""
    rewind = commands.add(
        "rewind", run_rewind, "show where a consumer group would resume reading, or move it there"
    )
    groups = "such as transfer, lister, lister-requests"
    rewind.add_argument("group", type=plain_name, metavar="GROUP", help=groups)
    rewind.add_argument(
        "--to",
        type=target,
        required=True,
        metavar="TIME|OFFSET|earliest|latest",
        help="2026-11-25T08:00Z, or 2h (ago), or an offset in every partition",
    )
    rewind.add_argument("--topic", type=plain_name, metavar="T", help="only in this topic")
    rewind.add_argument(
        "--execute", action="store_true", help="move the group; without it, only show the plan"
    )
    add_json(rewind)
    rebuild = "rebuild the tables from Kafka while the old ones stay in use"
    rebuilding = commands.add("rebuild-index", run_rebuild, rebuild)
    rebuilding.add_argument(
        "--discard", action="store_true", help="discard what an interrupted rebuild has built"
    )
    add_json(rebuilding)


def target(text: str) -> "Target":
    """Where to go on reading."""
    for end in ENDS:
        if text == end:
            return end
    if text.isascii() and text.isdigit():
        if int(text) > 2**63 - 1:
            raise ArgumentTypeError("that is not an offset")
        return int(text)
    return moment(text)


def run_rewind(args: Namespace, output: Output) -> int:
    """`rewind`: the plan; with `--execute`, also the deed."""
    from services.adapters.kafka.errors import KafkaUnavailableError
    from services.adapters.kafka.rewind import GroupRewind, RewindError
    from services.adapters.kafka.settings import KafkaSettings
    from services.core.settings import read_settings

    settings = read_settings(server_settings(["KAFKA_BOOTSTRAP_SERVERS"]), KafkaSettings.read)
    try:
        group = GroupRewind(settings, args.group)
        moves = group.plan(args.to, args.topic)
        if args.execute:
            group.execute(moves)
        members = group.members()
    except KafkaUnavailableError as why:
        raise ServerError(f"Kafka at {settings.bootstrap_servers}: {why}.") from None
    except RewindError as why:
        return fail(args, output, str(why), FAILED)
    if args.json:
        rows = [asdict(move) for move in moves]
        output.result_json({"executed": args.execute, "members": members, "moves": rows})
    else:
        output.result(_table(moves))
    output.message(_summary(args, moves, members))
    return OK


def _table(moves: Sequence["Move"]) -> str:
    return columns(
        ("topic", "partition", "now", "then", "to repeat", "to skip"),
        [(m.topic, m.partition, m.now, m.then, m.repeats, m.skips) for m in moves],
    )


def _summary(args: Namespace, moves: Sequence["Move"], members: int) -> str:
    repeated = counted(sum(move.repeats for move in moves), "message")
    skipped = sum(move.skips for move in moves)
    lost = f" {counted(skipped, 'message')} will be skipped." if skipped else ""
    if args.execute:
        return f"The group was moved: {repeated} will be read again.{lost}"
    stop = f" It has {counted(members, 'consumer')} now. Stop them first." if members else ""
    return f"Plan: {repeated} would be read again.{lost} Add --execute to move the group.{stop}"


def run_rebuild(args: Namespace, output: Output) -> int:
    """`rebuild-index`: what `services.indexer.rebuild` says goes to the terminal."""
    options = [f"--{name}" for name in ("discard", "json") if getattr(args, name)]
    settings = server_settings(["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"])
    return run_service("indexer.rebuild", settings, *options)
