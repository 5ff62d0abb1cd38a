"""The emulator as a process beside a test or a benchmark.

with running_emulator() as drive:
    folder = drive.add_tree({"name": "some", "pictures": 20})
    ...  # Drive's API at drive.url, with drive.api_key
    drive.fault({"do": "refuse", "reason": "backendError"}, kinds=["media"], first=2)
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any


class ControlClient(ABC):
    """Everything below `/_emu` that is no tree; errors are the emulator's own sentences."""

    def fault(self, effect: Mapping[str, Any], **match: Any) -> int:
        """Add a rule (see `faults.rule.Match` and the effects) and return its number.

        drive.fault({"do": "refuse", "reason": "userRateLimitExceeded"}, kinds=["media"], first=3)
        drive.fault({"do": "truncate", "after_bytes": 100}, name="*.jpg", from_=2, to=4)
        """
        chosen = {name.removesuffix("_"): value for name, value in match.items()}
        return int(self._send("POST", "faults", {"effect": effect, "match": chosen})["id"])

    def rules(self) -> list[dict[str, Any]]:
        """Every rule: id, effect, match, note, and how often it `matched` and how many `hits`."""
        rules: list[dict[str, Any]] = self._send("GET", "faults")["rules"]
        return rules

    def hits(self, rule: int) -> int:
        """How many requests a rule has hit; raises `KeyError` for one that is not there."""
        return {int(each["id"]): int(each["hits"]) for each in self.rules()}[rule]

    def clear_faults(self, rule: int | None = None) -> None:
        """Take one rule away, or all."""
        self._send("DELETE", "faults" if rule is None else f"faults/{rule}")

    def set_quota(self, profile: str | None = None, **settings: Any) -> dict[str, Any]:
        """Change the quota (see `quota.settings.QuotaSettings`): full and uncounted from now on.

        drive.set_quota("units2026", user_per_minute=32_500, status=429, style="empty")
        """
        named = {"profile": profile} if profile else {}
        return self._send("POST", "quota", named | settings)

    def quota(self, seconds: int = 120) -> dict[str, Any]:
        """Settings, and what users and the project used; of the last so many seconds, each."""
        return self._send("GET", f"quota?seconds={seconds}")

    def reset_quota(self) -> None:
        """Begin to count anew; what is spent stays spent."""
        self._send("DELETE", "quota")

    def log(self, kind: str = "", since: int = 0) -> list[dict[str, Any]]:
        """The requests of a kind, or all, after a line's number `n`, in order."""
        answer = self._ask(f"/_emu/log?kind={kind}&since={since}")
        return [json.loads(line) for line in answer.splitlines()]

    def counts(self) -> dict[str, Any]:
        """`kinds`, `bytes`, and `answers`: by kind, then by `200`, `403 notFound` and so on."""
        return self._send("GET", "counts")

    def reset_log(self) -> None:
        """Forget all requests, and count from zero."""
        self._send("DELETE", "log")

    def now(self) -> float:
        """The emulator's time, in seconds since 1970."""
        return float(self._send("GET", "clock")["now"])

    def advance(self, seconds: float) -> float:
        """Let time pass at once, and return the time then."""
        return float(self._send("POST", "clock", {"advance": seconds})["now"])

    def knobs(self, **changes: Any) -> dict[str, Any]:
        """Turn some (see `knobs.Knobs`), and return all as they are then."""
        return self._send("PATCH", "knobs", changes)

    def set_key(self, key: str, state: str = "ok") -> None:
        """Let a key be `ok`, `invalid`, `disabled`, `referrer_blocked` or `ip_blocked`."""
        self._send("POST", "keys", {"key": key, "state": state})

    def bearer(self, account: str, life_s: float = 3_600.0) -> str:
        """A new access token of an account."""
        answer = self._send("POST", "bearers", {"account": account, "life_s": life_s})
        return str(answer["access_token"])

    def _send(
        self, method: str, path: str, value: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = None if value is None else json.dumps(value).encode()
        answer: dict[str, Any] = json.loads(self._ask(f"/_emu/{path}", body, method))
        return answer

    @abstractmethod
    def _ask(self, path: str, body: bytes | None = None, method: str | None = None) -> bytes:
        """The body of an answer, however the emulator is reached."""


_START_S = 30.0
_STOP_S = 10.0
_ANSWER_S = 120.0


class EmulatorFailed(RuntimeError):
    """It did not start, or refused what it was asked; the message is its own."""


@dataclass(frozen=True)
class RunningEmulator(ControlClient):
    """A started emulator. `url` has no path: Drive's API is at `/drive/v3` below it."""

    url: str
    api_key: str
    pid: int

    def add_tree(self, spec: Mapping[str, Any], render: bool = False) -> str:
        """Plant a tree (see `trees.TreeSpec`, `written.WrittenSpec`) and return its folder id.

        With `render` all its pictures are painted before this returns, so that a benchmark does
        not measure that.
        """
        query = "?render=true" if render else ""
        answer = self._ask(f"/_emu/trees{query}", json.dumps(dict(spec)).encode())
        return str(json.loads(answer)["folderId"])

    def folder_id(self, name: str) -> str:
        """The root folder of a tree, such as `sample` or `hostile`."""
        for tree in self.trees():
            if tree["name"] == name:
                return str(tree["folderId"])
        raise EmulatorFailed(f"there is no tree {name!r}")

    def trees(self) -> list[dict[str, Any]]:
        """Name, folderId, folderUrl, pictures, folders and, once known, bytes of each."""
        trees: list[dict[str, Any]] = json.loads(self._ask("/_emu/trees"))["trees"]
        return trees

    def files(self, name: str) -> Iterator[dict[str, Any]]:
        """Every file of a tree that can be fetched: id, name, path, mimeType, size, md5Checksum."""
        request = urllib.request.Request(f"{self.url}/_emu/trees/{name}/files")
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
            for line in answer:
                yield json.loads(line)

    def refs(self, name: str) -> dict[str, str]:
        """The ids of those items of a written tree that have a `ref`, whoever may see them."""
        for tree in self.trees():
            if tree["name"] == name:
                return dict(tree.get("refs", {}))
        raise EmulatorFailed(f"there is no tree {name!r}")

    def mutate(self, do: str, **change: Any) -> dict[str, Any]:
        """Change something at once, and return the item as it is then: see `changes`.

        drive.mutate("replace", id=file_id, size=9_000)
        drive.mutate("add", to=folder_id, item={"path": "new.jpg", "size": 5_000})
        """
        answer = self._ask("/_emu/mutate", json.dumps({"do": do, **change}).encode())
        return dict(json.loads(answer))

    def addresses(self) -> dict[str, str]:
        """`http` and, where its options ask for them, `https`, `proxy` and `ca` (a file)."""
        told: dict[str, str] = json.loads(self._ask("/_emu/addresses"))
        return told

    def service_account(self, path: Path) -> Path:
        """Write the JSON file of a service account whose tokens this emulator grants."""
        path.write_bytes(self._ask("/_emu/service-accounts", b"{}"))
        path.chmod(0o600)
        return path

    def requests(self) -> dict[str, int]:
        """Requests so far: list, get, media, how many of them were refused, and media bytes."""
        counts: dict[str, int] = json.loads(self._ask("/_emu/requests"))
        return counts

    def _ask(self, path: str, body: bytes | None = None, method: str | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise EmulatorFailed(error.read().decode(errors="replace")) from None


@contextmanager
def running_emulator(
    *, seed: int = 1, api_key: str = "emulator-key", port: int = 0, options: Sequence[str] = ()
) -> Iterator[RunningEmulator]:
    """Start it, wait until it listens (30 s at most), and stop it at the end.

    Port 0 takes a free one; `options` are further arguments of the command line. Should this
    process die without a word, the emulator's standard input ends, and so does the emulator.
    """
    command = [sys.executable, "-m", "drive_emulator", "--stop-on-eof"]
    command += ["--seed", str(seed), "--api-key", api_key, "--port", str(port), *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield RunningEmulator(_address(process), api_key, process.pid)
    finally:
        _stop(process)


def _address(process: subprocess.Popen[str]) -> str:
    """What the first line of its output says; the listener is open before that is printed."""
    lines: Queue[str] = Queue()
    assert process.stdout is not None
    Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit:
        try:
            line = lines.get(timeout=0.1)
        except Empty:
            if process.poll() is not None:
                raise EmulatorFailed(f"it ended at once, with {process.returncode}") from None
            continue
        if "http://" in line:
            return line[line.index("http://") :].strip()
    raise EmulatorFailed(f"it did not start within {_START_S:.0f} s")


def _read_lines(output: IO[str], lines: "Queue[str]") -> None:
    with output:
        for line in output:
            lines.put(line)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOP_S)
    if process.stdin is not None:
        process.stdin.close()
