"""For operators: compare the bucket with the rows, and remove objects that no row points to."""

from argparse import ArgumentTypeError, Namespace

from local.commands.on_servers import run_service, server_settings
from local.commands.options import Commands, add_json, count, identifier
from local.commands.output import Output

LONGEST_KEY, LONGEST_PLAN = 1024, 1024


def add_to(commands: Commands) -> None:
    """The commands on the bucket and on the database."""
    text = "compare the bucket with the database: what is missing, different or foreign"
    verify = commands.add("verify", run_verify, text)
    verify.add_argument(
        "--deep", action="store_true", help="read every object, and compare its checksums"
    )
    verify.add_argument(
        "--import",
        dest="only_import",
        type=identifier,
        metavar="ID",
        help="only what this import stored (default: all, and what no import stored)",
    )
    verify.add_argument(
        "--after", type=object_key, metavar="KEY", help="continue after this object"
    )
    add_json(verify)
    prune = commands.add("prune", run_prune, "plan to remove objects that no row points to; do it")
    prune.add_argument(
        "--plan", action="store_true", help="show what would be deleted (the default)"
    )
    prune.add_argument(
        "--yes", type=plan, metavar="PLAN", help="delete what the plan of this id has"
    )
    prune.add_argument(
        "--older-than",
        type=count,
        metavar="H",
        help="plan only objects older than H hours (default: 24)",
    )
    prune.add_argument(
        "--include-others",
        action="store_true",
        help="also plan objects that no import or replay of this database has stored",
    )
    add_json(prune)


def object_key(text: str) -> str:
    """Of any object in the bucket, ours or not."""
    if not 0 < len(text.encode("utf-8", "surrogateescape")) <= LONGEST_KEY:
        raise ArgumentTypeError(f"a key has 1 to {LONGEST_KEY} bytes")
    return text


def plan(text: str) -> str:
    """The id of a plan. An empty one, as of a variable that is not set, would plan again."""
    if not text.isascii() or not 0 < len(text) <= LONGEST_PLAN:
        raise ArgumentTypeError("that is not the id of a plan")
    return text


def run_verify(args: Namespace, output: Output) -> int:
    """`verify`: what `services.verifying` says goes to the terminal."""
    options = [f"--{name}" for name in ("deep", "json") if getattr(args, name)]
    options += [f"--import={args.only_import}"] if args.only_import else []
    options += [f"--after={args.after}"] if args.after else []
    return run_service("verifying", server_settings(["DATABASE_URL"]), *options)


def run_prune(args: Namespace, output: Output) -> int:
    """`prune`: the plan; with `--yes`, the deed."""
    if args.yes and (args.plan or args.older_than or args.include_others):
        raise ArgumentTypeError("--yes takes a plan as it is, without --plan or its options")
    options = ["--json"] if args.json else []
    options += [f"--yes={args.yes}"] if args.yes else []
    options += [f"--older-than={args.older_than}"] if args.older_than else []
    options += ["--include-others"] if args.include_others else []
    settings = server_settings(["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"])
    return run_service("verifying.prune", settings, *options)
