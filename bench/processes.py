"""What processes use: CPU time and memory, as the kernel counts them (proc(5))."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int | None) -> float | None:
    """CPU time that a process has used, user and system; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mb(pid: int | None) -> float | None:
    """The most memory a process ever had resident (VmHWM), in MB; None if it is gone."""
    return _memory_mb(pid, "VmHWM")


def resident_mb(pid: int | None) -> float:
    """What a process has resident now (VmRSS), in MB; 0 if it is gone."""
    return _memory_mb(pid, "VmRSS") or 0.0


def _memory_mb(pid: int | None, name: str) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith(name)), f"{name} 0")
    return round(int(line.split()[1]) / 1024, 1)


def children(pid: int) -> Iterator[int]:
    """The processes that a process has started and that have not ended."""
    with suppress(OSError):  # it has ended
        for listed in list(Path(f"/proc/{pid}/task").glob("*/children")):
            with suppress(OSError):
                yield from map(int, listed.read_text().split())


def tree_cpu_seconds(pid: int) -> float:
    """CPU time of a process and of all below it, ended or not; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    own = sum(map(int, fields[11:15])) / TICKS
    return own + sum(map(tree_cpu_seconds, children(pid)))


def machine_cpu_seconds() -> float:
    """CPU time of all processes since the machine started, idle and waiting time left out."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def tree_peak_mb(pid: int) -> float:
    """The most memory of the largest of a process and all below it: they share pages."""
    below = (tree_peak_mb(child) for child in children(pid))
    return max((peak_mb(pid) or 0.0, *below))


def tree_resident_mb(pid: int) -> float:
    """What the largest of a process and all below it has resident now, in MB: they share pages."""
    return max((resident_mb(pid), *map(tree_resident_mb, children(pid))))


def forget_peaks(pid: int) -> None:
    """Have the peaks of a process and all below it begin anew, where we may."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    for child in children(pid):
        forget_peaks(child)


def children_by_name(names: Iterable[str]) -> Mapping[str, int]:
    """Those of our own children that run these programs: pids by name."""
    wanted, found = set(names), {}
    for child in children(os.getpid()):
        with suppress(OSError):
            name = Path(f"/proc/{child}/comm").read_text().strip()
            if name in wanted:
                found[name] = child
    return found
