"""The api as a process, and a proxy that can cut it off from a server."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.system import free_port


@dataclass
class Running:
    """A started process, its client, and the lines that it has logged."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    lines: list[dict[str, object]] = field(default_factory=list)

    async def until(self, status: int, address: str = "/health/ready") -> httpx.Response:
        """Ask until the answer has this status."""
        for _ in range(900):
            answer = await self.client.get(address)
            if answer.status_code == status:
                return answer
            await asyncio.sleep(0.1)
        raise AssertionError(f"{address} still answers {answer.status_code}: {answer.text}")

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 60)

    def said(self, event: str) -> list[dict[str, object]]:
        """The log lines of this event."""
        return [line for line in self.lines if line.get("event") == event]

    def memory_mb(self) -> float:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024


async def start(env: Mapping[str, str], port: int = 0) -> asyncio.subprocess.Process:
    """`python -m services.api` on loopback, at any free port unless one is given."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.api",
        env={**os.environ, **env, "HOST": "127.0.0.1", "PORT": str(port)},
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def running(env: Mapping[str, str]) -> AsyncIterator[Running]:
    """A process that listens; it must end well when it is told to."""
    process = await start(env)
    async with httpx.AsyncClient(timeout=60) as client:
        api = Running(process, client)
        reading = asyncio.create_task(_read(process, api.lines))
        try:
            await until(lambda: api.said("api.listening"))
            client.base_url = httpx.URL(f"http://127.0.0.1:{api.said('api.listening')[0]['port']}")
            yield api
        finally:
            assert await api.stop() == 0
            await reading


async def _read(process: asyncio.subprocess.Process, lines: list[dict[str, object]]) -> None:
    assert process.stderr
    while line := await process.stderr.readline():
        lines.append(json.loads(line))


async def until(condition: Callable[[], object]) -> None:
    """Return once it holds; fails after a minute and a half, for machines that are busy."""
    async with asyncio.timeout(90):
        while not condition():
            await asyncio.sleep(0.05)


class TcpProxy:
    """Forwards a port of its own to a server, but only while it is open."""

    def __init__(self, target: str) -> None:
        self._target = target.split(":")
        self._port = free_port()

    def __str__(self) -> str:
        return f"127.0.0.1:{self._port}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Accept connections; at the end, break all of them."""
        copies: set[asyncio.Task[None]] = set()

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, here = await asyncio.open_connection(*self._target)
            for pair in ((reader, here), (there, writer)):
                copies.add(asyncio.create_task(_copy(*pair)))

        server = await asyncio.start_server(forward, "127.0.0.1", self._port)
        try:
            yield
        finally:
            server.close()
            for task in copies:
                task.cancel()
            await asyncio.gather(*copies, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
