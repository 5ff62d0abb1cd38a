"""Starts the emulator as a process next to a test or a benchmark, and controls it.

with running_emulator() as drive:
    folder = drive.add_tree({"name": "some", "pictures": 20})
    ...  # Drive's API at drive.url, with drive.api_key
    drive.fault({"do": "refuse", "reason": "backendError"}, kinds=["media"], first=2)
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

_START_S = 120.0
_STOP_S = 30.0
_ANSWER_S = 120.0


class EmulatorFailed(RuntimeError):
    """The emulator did not start, or refused a control request; the message is its own."""


@dataclass(frozen=True)
class RunningEmulator:
    """A started emulator. `url` has no path: Drive's API is at `/drive/v3` below it."""

    url: str
    api_key: str
    pid: int

    def add_tree(self, spec: Mapping[str, Any], render: bool = False) -> str:
        """Add a tree (see `tree.generated` and `tree.explicit_spec`) and return its folder id.

        With `render`, all of its pictures are rendered before this returns, so that a benchmark
        does not measure that.
        """
        added = self._send("POST", "trees?render=true" if render else "trees", spec)
        return str(added["folderId"])

    def folder_id(self, name: str) -> str:
        """The root folder of a tree, such as `sample` or `hostile`."""
        return str(self._tree(name)["folderId"])

    def trees(self) -> list[dict[str, Any]]:
        """Name, folderId, folderUrl, pictures, folders and, once known, bytes of each tree."""
        trees: list[dict[str, Any]] = self._send("GET", "trees")["trees"]
        return trees

    def files(self, name: str) -> Iterator[dict[str, Any]]:
        """Every file to be imported from a tree: id, name, path, mimeType, size, md5Checksum."""
        request = urllib.request.Request(f"{self.url}/_emu/trees/{name}/files")
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as response:
            for line in response:
                yield json.loads(line)

    def refs(self, name: str) -> dict[str, str]:
        """The ids of the items of an explicit tree that have a `ref`."""
        return dict(self._tree(name).get("refs", {}))

    def _tree(self, name: str) -> dict[str, Any]:
        for tree in self.trees():
            if tree["name"] == name:
                return tree
        raise EmulatorFailed(f"there is no tree {name!r}")

    def mutate(self, do: str, **mutation: Any) -> dict[str, Any]:
        """Change an item and return it (see `tree.mutations`).

        drive.mutate("replace", id=file_id, size=9_000)
        drive.mutate("add", to=folder_id, item={"path": "new.jpg", "size": 5_000})
        """
        return self._send("POST", "mutate", {"do": do, **mutation})

    def addresses(self) -> dict[str, str]:
        """`http` and, if its options ask for them, `https`, `proxy` and `ca` (a file)."""
        return self._send("GET", "addresses")

    def service_account(self, path: Path) -> Path:
        """Write the JSON key file of a service account that this emulator accepts."""
        path.write_bytes(self._ask("POST", "service-accounts", b"{}"))
        path.chmod(0o600)
        return path

    def requests(self) -> dict[str, int]:
        """Requests so far: list, get, media, how many of all were refused, and media bytes."""
        return self._send("GET", "requests")

    def fault(self, effect: Mapping[str, Any], **match: Any) -> int:
        """Add a fault rule (see `faults.rule.Match` and the effects) and return its number.

        drive.fault({"do": "refuse", "reason": "userRateLimitExceeded"}, kinds=["media"], first=3)
        drive.fault({"do": "truncate", "after_bytes": 100}, name="*.jpg", from_=2, to=4)
        """
        conditions = {name.removesuffix("_"): value for name, value in match.items()}
        return int(self._send("POST", "faults", {"effect": effect, "match": conditions})["id"])

    def rules(self) -> list[dict[str, Any]]:
        """Every fault rule: id, effect, match, note, `matched` and `hits`."""
        rules: list[dict[str, Any]] = self._send("GET", "faults")["rules"]
        return rules

    def hits(self, rule: int) -> int:
        """How many requests a rule has hit; raises `KeyError` for an unknown rule."""
        return {int(each["id"]): int(each["hits"]) for each in self.rules()}[rule]

    def clear_faults(self, rule: int | None = None) -> None:
        """Remove one rule, or all of them. Requests that are delayed by it go on at once."""
        self._send("DELETE", "faults" if rule is None else f"faults/{rule}")

    def set_quota(self, profile: str | None = None, **settings: Any) -> dict[str, Any]:
        """Change the quota (see `quota.settings`): full limits and all counts at zero.

        drive.set_quota("units2026", user_per_minute=32_500, status=429, style="empty")
        """
        named = {"profile": profile} if profile else {}
        return self._send("POST", "quota", named | settings)

    def quota(self, seconds: int = 120) -> dict[str, Any]:
        """The settings and the usage; second by second for the last `seconds`."""
        return self._send("GET", f"quota?seconds={seconds}")

    def reset_quota(self) -> None:
        """Set all counts to zero; what is spent stays spent."""
        self._send("DELETE", "quota")

    def log(self, kind: str = "", since: int = 0) -> list[dict[str, Any]]:
        """The requests, of one kind if it is given, after line number `since`, in order."""
        lines = self._ask("GET", f"log?kind={kind}&since={since}")
        return [json.loads(line) for line in lines.splitlines()]

    def counts(self) -> dict[str, Any]:
        """`kinds`, `bytes`, and `answers`: by kind, then by `200`, `403 notFound` and so on."""
        return self._send("GET", "counts")

    def reset_log(self) -> None:
        self._send("DELETE", "log")

    def now(self) -> float:
        return float(self._send("GET", "clock")["now"])

    def advance(self, seconds: float) -> float:
        """Advance the emulator's clock at once, and return its time."""
        return float(self._send("POST", "clock", {"advance": seconds})["now"])

    def knobs(self, **changes: Any) -> dict[str, Any]:
        """Change some knobs (see `drive_api.knobs`), and return all of them."""
        return self._send("PATCH", "knobs", changes)

    def set_key(self, key: str, state: str = "ok") -> None:
        """Make a key `ok`, `invalid`, `disabled`, `referrer_blocked` or `ip_blocked`."""
        self._send("POST", "keys", {"key": key, "state": state})

    def bearer(self, account: str, life_s: float = 3_600.0) -> str:
        answer = self._send("POST", "bearers", {"account": account, "life_s": life_s})
        return str(answer["access_token"])

    def _send(
        self, method: str, path: str, value: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = None if value is None else json.dumps(dict(value)).encode()
        answer: dict[str, Any] = json.loads(self._ask(method, path, body))
        return answer

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.url}/_emu/{path}", body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise EmulatorFailed(error.read().decode(errors="replace")) from None


@contextmanager
def running_emulator(
    *, seed: int = 1, api_key: str = "emulator-key", port: int = 0, options: Sequence[str] = ()
) -> Iterator[RunningEmulator]:
    """Start the emulator, wait until it listens (two minutes at most), and stop it at the end.

    Port 0 takes a free one; `options` are further command-line arguments. If this process dies,
    the emulator's standard input ends, and it stops by itself.
    """
    command = [sys.executable, "-m", "drive_emulator", "--stop-on-eof"]
    command += ["--seed", str(seed), "--api-key", api_key, "--port", str(port), *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield RunningEmulator(_address(process), api_key, process.pid)
    finally:
        _stop(process)


def _address(process: subprocess.Popen[str]) -> str:
    """The address in the first line of output, which is printed once the listener is open."""
    assert process.stdout is not None
    timer = Timer(_START_S, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            if "http://" in line:
                return line[line.index("http://") :].strip()
    finally:
        timer.cancel()
    raise EmulatorFailed(f"it did not start: exit code {process.wait(_STOP_S)}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOP_S)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
