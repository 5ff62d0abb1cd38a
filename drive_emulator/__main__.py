"""`python -m drive_emulator`: settings, then one server on one port, until it is told to stop."""

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from drive_emulator.access import KeyState
from drive_emulator.app import App
from drive_emulator.control import describe, painting
from drive_emulator.delays import KINDS, Asgi, Delayed, parse_delay
from drive_emulator.forest import Forest
from drive_emulator.trees import BadTree, parse_tree
from drive_emulator.world import World

USUAL_KEY = "emulator-key"
USUAL_PORT = 28085
_BACKLOG = 2048
_PATIENCE_S = 1  # for requests that are still being answered when it is told to stop


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 after SIGTERM or Ctrl-C, 2 for a setting or a port that cannot be used."""
    options = _parser().parse_args(arguments)
    forest = Forest(options.seed)
    try:
        for text in options.tree:
            forest.add(parse_tree(text))
        listener = _listen(options.host, options.port)
    except (BadTree, OSError) as why:
        print(f"drive_emulator: {_sentence(why, options)}", file=sys.stderr)
        return 2
    app = App(World(forest, {key: KeyState.OK for key in options.api_key or [USUAL_KEY]}))
    server = _server(Delayed(app, dict(options.delay)) if options.delay else app)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, server.handle_exit)
    _announce(forest, options.host, listener)
    if options.render_sample:
        works = painting(forest.trees[0])
        threading.Thread(target=app.beside.run_all, args=(works,), daemon=True).start()
    if options.stop_on_eof:
        threading.Thread(target=_stop_on_eof, daemon=True).start()
    server.run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drive_emulator",
        description="A Google Drive v3 server with generated files, for tests and demos.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=USUAL_PORT, help="0 takes a free one (%(default)s)")
    add("--seed", type=int, default=1, help="of ids and of which pictures are where (%(default)s)")
    add("--api-key", action="append", metavar="KEY", help=f"accepted key, repeatable ({USUAL_KEY})")
    add("--tree", action="append", default=[], metavar="JSON", help="a further tree, repeatable: "
        """'{"name": "bench", "pictures": 10000, "size": 102400}'""")  # fmt: skip
    add("--delay", action="append", default=[], type=_delay, metavar="KIND=MS",
        help=f"make answers ({', '.join(KINDS)}) wait, repeatable: list=400")  # fmt: skip
    add("--render-sample", action="store_true", help="paint the sample's pictures from the start "
        "on, beside the server, instead of each when it is first asked for")  # fmt: skip
    add("--stop-on-eof", action="store_true", help="stop when standard input ends, as it does "
        "when the process that started this one is gone")  # fmt: skip
    return parser


def _delay(text: str) -> tuple[str, float]:
    try:
        return parse_delay(text)
    except ValueError as why:
        raise argparse.ArgumentTypeError(str(why)) from None


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError(text)
    return port


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _sentence(why: Exception, options: argparse.Namespace) -> str:
    if isinstance(why, OSError):
        return f"cannot listen on {options.host} port {options.port}: {why.strerror or why}"
    return str(why)


def _announce(forest: Forest, host: str, listener: socket.socket) -> None:
    named = f"[{host}]" if ":" in host else host
    print(f"Drive emulator on http://{named}:{listener.getsockname()[1]}")
    for tree in forest.trees:
        facts = describe(forest, tree)
        print(f"{tree.name}: {facts['folderUrl']} ({facts['pictures']:,} pictures)")
    sys.stdout.flush()


class _Server(uvicorn.Server):
    """uvicorn's, but a signal to stop is an order carried out, not one to die of afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to do: `main` has had the signals since before anybody could send one."""
        yield


def _server(app: Asgi) -> _Server:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=240,
        timeout_graceful_shutdown=_PATIENCE_S,
    )
    return _Server(config)


def _stop_on_eof() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, would abort the exit.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
