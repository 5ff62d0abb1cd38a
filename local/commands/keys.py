"""`drivestream key`: make an API key."""

from argparse import ArgumentTypeError, Namespace

from local.commands.options import Commands, add_json
from local.commands.output import OK, Output
from services.core.api_keys import NAME, SCOPES, new_key

THEN = (
    "The key is not stored and cannot be shown again. Add the entry to API_KEYS (commas separate "
    "entries) and restart the API. Commands send the key in DRIVESTREAM_API_KEY, other programs as "
    "`Authorization: Bearer KEY`."
)


def add_to(commands: Commands) -> None:
    """The command that makes keys. It asks no server for anything."""
    key = commands.add("key", run_key, "make an API key, and show it once")
    key.add_argument("name", type=key_name, metavar="NAME", help="who uses it, such as ci")
    scopes = f"{', '.join(SCOPES)}: each includes those before it"
    key.add_argument("scope", choices=SCOPES, metavar="SCOPE", help=scopes)
    add_json(key)


def key_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ArgumentTypeError(
            "a name is 1 to 64 letters, digits, dots, dashes and underscores, such as ci"
        )
    return text


def run_key(args: Namespace, output: Output) -> int:
    """`key`: the key, and the entry of the setting that knows it."""
    key, known = new_key(args.name, args.scope)
    if args.json:
        output.result_json({"key": key, "setting": known.setting()})
    else:
        output.result(f"Key:     {key}\nSetting: API_KEYS={known.setting()}")
        output.message(THEN)
    return OK
