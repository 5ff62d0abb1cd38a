"""Real child processes: started, stopped, killed, restarted, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local.paths import CHECKOUT
from local.run.data_folder import DataFolder
from local.run.processes import Children, Process
from local.servers.server import Command, ServerError

STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.05; done"


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """A context for a test's processes."""
    with Children(tmp_path / "logs") as children:
        yield children


def shell(name: str, script: str, folder: Path) -> Command:
    """A command that runs a shell script."""
    env = {"PATH": os.environ["PATH"]}
    return Command(name=name, argv=("/bin/sh", "-c", script), env=env, cwd=folder)


def eventually(true: Callable[[], bool], limit_s: float = 120.0) -> bool:
    """Whether it becomes true within the limit."""
    deadline = time.monotonic() + limit_s
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def exists(pid: int) -> bool:
    """Whether a process exists and is not just waiting to be reaped."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_its_output_is_in_its_log(children: Children, tmp_path: Path) -> None:
    process = children.start(shell("one", "echo hello; echo there >&2; exit 3", tmp_path))
    assert process.wait(60)
    assert process.returncode == 3
    assert process.tail() == "hello\nthere"
    assert process.log == tmp_path / "logs" / "one.log"


def test_stop_asks_first(children: Children, tmp_path: Path) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    process = children.start(shell("polite", script, tmp_path))
    assert eventually(lambda: process.tail() == "up")
    children.stop()
    assert (process.returncode, process.tail()) == (0, "up\nbye")


def test_a_process_that_does_not_obey_is_killed(children: Children, tmp_path: Path) -> None:
    process = children.start(shell("stubborn", STUBBORN, tmp_path))
    assert eventually(lambda: process.tail() == "up")
    children.stop(timeout_s=0.2)
    assert process.returncode == -signal.SIGKILL


def test_it_can_be_killed_and_started_again_into_the_same_log(
    children: Children, tmp_path: Path
) -> None:
    process = children.start(shell("again", "echo up; sleep 60", tmp_path))
    first = process.pid
    assert eventually(lambda: process.tail() == "up")
    process.kill()
    assert process.pid is None
    process.start()
    assert eventually(lambda: process.tail() == "up\nup")
    assert process.pid not in (None, first)


def test_a_running_process_cannot_be_started_twice(children: Children, tmp_path: Path) -> None:
    process = children.start(shell("once", "sleep 60", tmp_path))
    with pytest.raises(RuntimeError, match="already running"):
        process.start()


def test_the_children_of_a_process_are_killed_with_it(children: Children, tmp_path: Path) -> None:
    process = children.start(shell("parent", "sleep 60 & echo $!; wait", tmp_path))
    assert eventually(lambda: process.tail() != "")
    below = int(process.tail())
    process.kill()
    assert eventually(lambda: not exists(below))


def test_the_children_that_a_dead_process_left_are_killed(
    children: Children, tmp_path: Path
) -> None:
    process = children.start(shell("parent", "sleep 60 & echo $!", tmp_path))
    assert process.wait(60)
    below = int(process.tail())
    assert exists(below)
    process.kill()
    assert eventually(lambda: not exists(below))


def test_all_processes_end_with_their_context_and_share_one_timeout(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        stubborn = "trap '' TERM; echo up; exec sleep 600"
        several = [children.start(shell(f"s{n}", stubborn, tmp_path)) for n in range(40)]
        assert eventually(lambda: all(each.tail() == "up" for each in several))
        began = time.monotonic()
        children.stop(timeout_s=1)
        assert time.monotonic() - began < 40, "each process had a timeout of its own"
    assert [each.returncode for each in several] == [-signal.SIGKILL] * 40


PARENT = """
import sys, time
from pathlib import Path
from local.run.processes import Children
from local.servers.server import Command

folder = Path(sys.argv[1])
with Children(folder) as children:
    for name, script in (("meek", "echo up; sleep 60"), ("deep", "sleep 60 & echo $!; wait")):
        argv = ("/bin/sh", "-c", script)
        children.start(Command(name=name, argv=argv, env={"PATH": sys.argv[2]}, cwd=folder))
    print(*(process.pid for process in children.processes), flush=True)
    time.sleep(60)
"""


def test_when_we_are_killed_none_of_our_processes_is_left(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PARENT, str(tmp_path), os.environ["PATH"]]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        deep = tmp_path / "deep.log"
        assert eventually(lambda: deep.exists() and deep.read_text().strip() != "")
        pids.append(int(deep.read_text()))
        assert all(exists(pid) for pid in pids)
        parent.kill()
    assert len(pids) == 3
    assert eventually(lambda: not any(exists(pid) for pid in pids))


def test_a_process_that_has_ended_can_be_killed_again(children: Children, tmp_path: Path) -> None:
    process: Process = children.start(shell("gone", "true", tmp_path))
    assert process.wait(60)
    process.kill()
    process.kill()
    process.signal(signal.SIGTERM)
    assert process.returncode == 0


def test_a_command_is_run_to_its_end(children: Children, tmp_path: Path) -> None:
    children.run(shell("good", "echo fine", tmp_path))
    assert (tmp_path / "logs" / "good.log").read_text() == "fine\n"
    with pytest.raises(ServerError, match=r"bad failed \(exit code 3\)(.|\n)*disk full"):
        children.run(shell("bad", "echo disk full; exit 3", tmp_path))


LEAVING = """
import os, sys, time
from pathlib import Path
from local.run.data_folder import DataFolder
from local.run.processes import Children
from local.servers.server import Command

folder = DataFolder(Path(sys.argv[1]))
with folder.locked() as lock, Children(folder.logs, (lock,)) as children:
    lives = "setsid sh -c 'echo $$; while [ ! -e free ]; do sleep 0.05; done' & wait"
    argv = ("/bin/sh", "-c", lives)
    child = children.start(Command(name="a", argv=argv, env=dict(os.environ), cwd=folder.path))
    while not child.tail():
        time.sleep(0.02)
    print(child.tail(), flush=True)
    HOW
"""


@pytest.mark.parametrize("how", ["child.kill()", "os.kill(os.getpid(), 9)"])
def test_the_lock_is_held_until_the_last_process_has_ended(tmp_path: Path, how: str) -> None:
    """Also by one that left its process group, as PostgreSQL's do, so that nobody can kill it."""
    argv = [sys.executable, "-c", LEAVING.replace("HOW", how), str(tmp_path / "data")]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as copy:
        assert copy.stdout is not None
        left = int(copy.stdout.readline())
        copy.wait(60)
    folder = DataFolder(tmp_path / "data")
    assert exists(left)
    assert folder.in_use()
    (folder.path / "free").touch()
    assert eventually(lambda: not folder.in_use())
    assert not exists(left)


STAGES = """
import os, sys, time
from pathlib import Path
from local.run.processes import Children
from local.servers.server import Command

folder = Path(sys.argv[1])

def shell(name, on_stop):
    script = f"trap '{on_stop}; exit' TERM; echo up; while :; do sleep 0.05; done"
    return Command(name=name, argv=("/bin/sh", "-c", script), env=dict(os.environ), cwd=folder)

with Children(folder) as servers, Children(folder, need=servers) as services:
    started = [servers.start(shell("server", "echo server >>order"))]
    started.append(services.start(shell("service", "sleep 0.5; echo service >>order")))
    while not all(process.tail() for process in started):
        time.sleep(0.02)
    print("up", flush=True)
    time.sleep(600)
"""


def test_when_we_are_killed_services_are_stopped_before_the_servers_that_they_need(
    tmp_path: Path,
) -> None:
    argv = [sys.executable, "-c", STAGES, str(tmp_path)]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        parent.kill()
    order = tmp_path / "order"
    assert eventually(lambda: order.exists() and len(order.read_text().split()) == 2)
    assert order.read_text().split() == ["service", "server"]
