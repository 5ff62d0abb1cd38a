"""How a test steers a running emulator: faults, quota, access, clock, knobs, and what it saw."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class Steering(ABC):
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
