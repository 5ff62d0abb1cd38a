"""`python -m drive_emulator`: settings, then one server on one port, until it is told to stop."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from drive_emulator.app import App
from drive_emulator.control.state import State
from drive_emulator.control.trees import describe, painting
from drive_emulator.http.server import Listeners, listen, url
from drive_emulator.options import DEFAULT_KEY as DEFAULT_KEY
from drive_emulator.options import add_flags as add_access_and_faults
from drive_emulator.options import state_of
from drive_emulator.secure import BadSetting, add_flags, addresses, secure, write_account
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore

DEFAULT_PORT = 28085


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 after SIGTERM or Ctrl-C, 2 for a setting or a port that cannot be used."""
    options = _parser().parse_args(arguments)
    store = TreeStore(options.seed)
    try:
        for text in options.tree:
            store.add(parse_tree(text))
        listener = listen(options.host, options.port)
        tls_listeners = secure(options)
        state = state_of(store, options)
        state.addresses.update(addresses(listener, tls_listeners))
        if options.service_account:
            token_uri = f"{url('http', listener)}/token"
            write_account(Path(options.service_account), state.service_accounts, token_uri)
    except (BadSetting, ValueError, OSError) as why:
        print(f"drive_emulator: {_sentence(why, options)}", file=sys.stderr)
        return 2
    app = App(state)
    serving = Listeners(app, listener, tls_listeners)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, serving.stop)
    _announce(state)
    if options.render_sample:
        works = painting(store.trees[0])
        threading.Thread(target=app.worker.run_all, args=(works,), daemon=True).start()
    if options.stop_on_eof:
        threading.Thread(target=_stop_on_eof, daemon=True).start()
    serving.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drive_emulator",
        usage="%(prog)s [flags]",
        description="A Google Drive v3 server with generated files, for tests and demos.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=DEFAULT_PORT, help="0 takes a free one (%(default)s)")
    add("--seed", type=int, default=1, help="of ids and of which pictures are where (%(default)s)")
    add("--tree", action="append", default=[], metavar="JSON", help="a further tree, repeatable: "
        """'{"name": "bench", "pictures": 10000, "size": 102400}'""")  # fmt: skip
    add("--render-sample", action="store_true", help="paint the sample's pictures from the start "
        "on, beside the server, instead of each when it is first asked for")  # fmt: skip
    add("--stop-on-eof", action="store_true", help="stop when standard input ends, as it does "
        "when the process that started this one is gone")  # fmt: skip
    add_access_and_faults(parser)
    add_flags(parser, _port)
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError(text)
    return port


def _sentence(why: Exception, options: argparse.Namespace) -> str:
    if isinstance(why, OSError):
        if why.filename:
            return f"cannot write {why.filename}: {why.strerror}"
        return f"cannot listen on {options.host} port {options.port}: {why.strerror or why}"
    return str(why)


def _announce(state: State) -> None:
    told = state.addresses
    print(f"Drive emulator on {told['http']}")
    for tree in state.store.trees:
        facts = describe(state.store, tree)
        print(f"{tree.name}: {facts['folderUrl']} ({facts['pictures']:,} pictures)")
    if "https" in told:
        print(f"TLS on {told['https']}, to be trusted by {told['ca']}")
    if "proxy" in told:
        print(f"proxy for Google's hosts on {told['proxy']}")
    sys.stdout.flush()


def _stop_on_eof() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, would abort the exit.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
