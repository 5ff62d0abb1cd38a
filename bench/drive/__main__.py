"""`python -m bench.drive CA_DIR`: prints a line of JSON, then serves until standard input ends."""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path

import uvloop

from bench.drive.server import Connection, Drive
from drive_emulator.http import tls


async def serve(folder: Path) -> None:
    ca, context = tls.install(folder, tls.DEFAULT_UNIVERSE)
    loop, drive = asyncio.get_running_loop(), Drive()
    server = await loop.create_server(partial(Connection, drive, context), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"port": port, "ca": str(ca)}) + "\n")
    sys.stdout.flush()
    # When the process that started this one is gone, its end of the pipe is closed.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1])))
