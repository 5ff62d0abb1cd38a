"""A service that was stopped ends in time, whatever hangs in it."""

import subprocess
import sys

import pytest

from local.paths import CHECKOUT

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
SERVICE = """
import asyncio, ctypes, os, signal, time
from contextlib import suppress
from services.adapters import process

async def disobeys():
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)

def the_thread_hangs():
    time.sleep(3600)

def all_of_python_hangs():
    ctypes.PyDLL(None).sleep(3600)

async def serve(_settings, stop):
    task = asyncio.create_task(disobeys())
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    {hangs}

process.SPARE_SECONDS = 0.5
limits = process.StopLimits(finish=0.1, clean_up=0.1)
process.end(process.run_service("lister", {{}}, lambda reader: None, serve, limits))
"""


@pytest.mark.parametrize(
    ("hangs", "where"),
    [
        ("await asyncio.sleep(0.05); the_thread_hangs()", "the_thread_hangs"),
        ("await asyncio.sleep(0.05); all_of_python_hangs()", "all_of_python_hangs"),
        ("pass", "_cancel_all_tasks"),
    ],
)
def test_it_says_where_it_hung(hangs: str, where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVICE.format(hangs=hangs)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert where in done.stderr
