"""Thumbnails drawn by real processes: what they may take, and that none is missed when it dies."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from services.adapters.thumbnails import pool
from services.adapters.thumbnails.pool import MOST_WAITING, Body, ThumbnailPool, ThumbnailSettings
from services.adapters.thumbnails.protocol import CPU_SECONDS, LENGTH, WIDTH
from services.core.errors import SetAside, TryAgain
from services.core.settings import Reader
from tests.fakes.patience import until
from tests.unit.adapters.test_thumbnail_drawing import a_png

HEIC = (Path(__file__).parents[2] / "turned.heic").read_bytes()


def saved(kind: str, size: tuple[int, int] = (400, 300), **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **options)
    return out.getvalue()


JPEG = saved("JPEG")


def body_of(content: bytes) -> Body:
    async def chunks() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    return chunks


@pytest.fixture
async def drawers() -> AsyncIterator[ThumbnailPool]:
    made = ThumbnailPool(ThumbnailSettings(concurrency=2, memory_mb=320))
    yield made
    await made.close()
    assert made.drawing == made.waiting == 0


def processes() -> set[int]:
    """Children of this process that draw."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in found if _draws(pid)}


def _draws(pid: str) -> bool:
    return b"thumbnails.child" in Path(f"/proc/{pid}/cmdline").read_bytes()


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def limit(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    [found] = [line.split() for line in lines if line.startswith(f"Max {name}")]
    return int(found[3])


async def refused(drawers: ThumbnailPool, content: bytes, width: int = 160) -> str:
    with pytest.raises(SetAside) as caught:
        await drawers.draw(body_of(content), width)
    assert caught.value.reason == "undrawable"
    return caught.value.message


async def test_one_process_draws_many_pictures_of_every_kind(drawers: ThumbnailPool) -> None:
    kinds = ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "ICO", "JPEG2000"]
    tiff = saved("TIFF", compression="tiff_lzw")
    for content in (HEIC, tiff, *map(saved, kinds)):
        found = Image.open(BytesIO(await drawers.draw(body_of(content), 160)))
        assert (found.format, found.width) == ("WEBP", 160)
        assert len(processes()) == 1


async def test_what_cannot_be_drawn_costs_no_process(drawers: ThumbnailPool) -> None:
    assert "not a picture" in await refused(drawers, b"")
    began = processes()
    assert "cut off" in await refused(drawers, JPEG[:-300])
    assert await drawers.draw(body_of(JPEG), 160)
    assert processes() == began


async def test_a_picture_that_needs_too_much_memory_is_refused(drawers: ThumbnailPool) -> None:
    bomb = a_png(14_000, 14_000)
    assert len(bomb) < 1_000
    assert "THUMBNAIL_MEMORY_MB" in await refused(drawers, bomb)
    assert await drawers.draw(body_of(JPEG), 160)


async def test_a_large_file_is_refused_without_being_read_to_its_end(
    drawers: ThumbnailPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "LARGEST_PICTURE", 1_000_000)
    given = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal given
        while True:
            given += 1
            yield JPEG[:1] * 100_000

    with pytest.raises(SetAside, match="larger than"):
        await drawers.draw(endless, 160)
    assert given == 11


async def test_one_that_takes_too_long_is_ended(
    drawers: ThumbnailPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "DRAW_SECONDS", 0.05)
    heavy = saved("AVIF", (3000, 3000), speed=10)
    began = time.monotonic()
    assert "0.05 seconds" in await refused(drawers, heavy, 1280)
    assert time.monotonic() - began < 60
    assert processes() == set()


async def test_a_process_has_a_limit_of_cpu_for_each_picture(drawers: ThumbnailPool) -> None:
    await drawers.draw(body_of(JPEG), 160)
    [pid] = processes()
    assert CPU_SECONDS <= limit(pid, "cpu time") <= CPU_SECONDS + 2


SPINS = """
import services.adapters.thumbnails.child as child
def spin(body, width):
    while True: pass
child.thumbnail, child.CPU_SECONDS = spin, 1
child.main()
"""


def test_the_kernel_ends_what_needs_more() -> None:
    asked = WIDTH.pack(160) + LENGTH.pack(0)
    ended = subprocess.run(
        [sys.executable, "-c", SPINS, "320"], input=asked, timeout=50, check=False
    )
    assert ended.returncode == -signal.SIGXCPU


@pytest.mark.parametrize(
    ("number", "says"),
    [(signal.SIGSEGV, "crashed"), (signal.SIGKILL, "crashed"), (signal.SIGXCPU, "10 seconds")],
)
async def test_one_that_ends_its_process_is_refused_after_a_fresh_one_died_too(
    drawers: ThumbnailPool, number: int, says: str
) -> None:
    await drawers.draw(body_of(JPEG), 160)
    killed: list[int] = []

    async def deadly() -> AsyncGenerator[bytes, None]:
        yield JPEG
        # A process that is being started has no command line for a moment.
        await until(lambda: bool(processes()))
        for pid in processes():
            os.kill(pid, number)
            killed.append(pid)

    with pytest.raises(SetAside, match=says):
        await drawers.draw(deadly, 160)
    assert len(killed) == 2
    assert await drawers.draw(body_of(JPEG), 160)


async def test_one_that_the_kernel_took_while_idle_is_replaced(drawers: ThumbnailPool) -> None:
    await drawers.draw(body_of(JPEG), 160)
    [pid] = processes()
    os.kill(pid, signal.SIGKILL)
    assert await drawers.draw(body_of(JPEG), 160)


async def test_a_store_that_fails_midway_is_no_fault_of_the_picture(
    drawers: ThumbnailPool,
) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield JPEG[:100]
        raise TryAgain("store_unreachable", "The store does not answer.")

    with pytest.raises(TryAgain) as caught:
        await drawers.draw(broken, 160)
    assert caught.value.reason == "store_unreachable"
    assert await drawers.draw(body_of(JPEG), 160)


async def test_a_store_that_is_silent_is_given_up(
    drawers: ThumbnailPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "READ_SECONDS", 0.05)

    async def silent() -> AsyncGenerator[bytes, None]:
        yield JPEG[:100]
        await asyncio.sleep(60)

    with pytest.raises(TryAgain) as caught:
        await drawers.draw(silent, 160)
    assert caught.value.reason == "store_slow"


async def test_a_few_draw_at_once_and_only_so_many_wait(drawers: ThumbnailPool) -> None:
    go_on, most = asyncio.Event(), 0

    async def held() -> AsyncGenerator[bytes, None]:
        nonlocal most
        most = max(most, drawers.drawing)
        await go_on.wait()
        yield JPEG

    tasks = [asyncio.ensure_future(drawers.draw(held, 160)) for _ in range(2 + MOST_WAITING)]
    while drawers.waiting < MOST_WAITING:
        await asyncio.sleep(0)
    with pytest.raises(TryAgain) as caught:
        await drawers.draw(held, 160)
    assert (caught.value.reason, caught.value.retry_after) == ("thumbnails_busy", 2)
    go_on.set()
    assert len(set(await asyncio.gather(*tasks))) == 1
    assert most == 2


async def test_who_waits_too_long_is_told_to_come_again(
    drawers: ThumbnailPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.01)

    async def held() -> AsyncGenerator[bytes, None]:
        yield JPEG
        await asyncio.sleep(60)

    tasks = [asyncio.ensure_future(drawers.draw(held, 160)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TryAgain) as caught:
        await drawers.draw(body_of(JPEG), 160)
    assert caught.value.reason == "thumbnails_busy"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await drawers.draw(body_of(JPEG), 160)


async def test_what_is_cancelled_leaves_no_process_in_the_middle(drawers: ThumbnailPool) -> None:
    async def held() -> AsyncGenerator[bytes, None]:
        yield JPEG
        await asyncio.sleep(60)

    task = asyncio.ensure_future(drawers.draw(held, 160))
    while not processes():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes() == set()


async def test_a_process_has_none_of_our_secrets_and_cannot_open_files(
    drawers: ThumbnailPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-to-be-seen")
    await drawers.draw(body_of(JPEG), 160)
    [pid] = processes()
    assert b"never-to-be-seen" not in environment(pid)
    assert limit(pid, "open files") == len(os.listdir(f"/proc/{pid}/fd")) == 4


async def test_closing_ends_all_processes(drawers: ThumbnailPool) -> None:
    await asyncio.gather(*(drawers.draw(body_of(JPEG), 160) for _ in range(2)))
    assert len(processes()) == 2
    await drawers.close()
    assert processes() == set()


def test_the_settings_have_defaults_and_bounds() -> None:
    assert ThumbnailSettings.read(Reader({})) == ThumbnailSettings(concurrency=2, memory_mb=512)
    reader = Reader({"THUMBNAIL_CONCURRENCY": "0", "THUMBNAIL_MEMORY_MB": "1"})
    ThumbnailSettings.read(reader)
    assert len(reader.faults) == 2
