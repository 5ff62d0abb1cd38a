"""`python -m drive_emulator`: one server, until it is stopped."""

import os
import signal
import sys
import threading
from pathlib import Path

from drive_emulator.app import App
from drive_emulator.control.state import State
from drive_emulator.control.trees import describe_tree, render_jobs
from drive_emulator.http.server import Server, url
from drive_emulator.options import (
    addresses,
    open_listener,
    parser,
    state_of,
    tls_listeners,
    write_service_account,
)
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.validation import InvalidInput


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 after SIGTERM or Ctrl-C, 2 for a setting or a port that cannot be used."""
    options = parser().parse_args(arguments)
    store = TreeStore(options.seed)
    try:
        for text in options.tree:
            store.add(parse_tree(text))
        listener = open_listener(options.host, options.port)
        tls = tls_listeners(options)
        state = state_of(store, options)
        state.addresses.update(addresses(listener, tls))
        if options.service_account:
            token_uri = f"{url('http', listener)}/token"
            path = Path(options.service_account)
            write_service_account(path, state.service_accounts, token_uri)
    except InvalidInput as why:
        return _refuse(str(why))
    except OSError as why:
        return _refuse(f"cannot write {why.filename}: {why.strerror}")
    server = Server(App(state), listener, App(state, control=False), tls)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    _announce(state)
    if options.render_sample:
        jobs = render_jobs(store.trees[0])
        threading.Thread(target=state.worker.run_all, args=(jobs,), daemon=True).start()
    if options.stop_on_eof:
        threading.Thread(target=_stop_on_eof, daemon=True).start()
    server.run()
    return 0


def _refuse(message: str) -> int:
    print(f"drive_emulator: {message}", file=sys.stderr)
    return 2


def _announce(state: State) -> None:
    where = state.addresses
    print(f"Drive emulator on {where['http']}")
    for tree in state.store.trees:
        about = describe_tree(tree)
        print(f"{tree.name}: {about['folderUrl']} ({about['pictures']:,} pictures)")
    if "https" in where:
        print(f"TLS on {where['https']}; the certificate to trust is {where['ca']}")
    if "proxy" in where:
        print(f"proxy for Google's hosts on {where['proxy']}")
    sys.stdout.flush()


def _stop_on_eof() -> None:
    # Not through sys.stdin: its lock, held by a waiting thread, would abort the exit.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
