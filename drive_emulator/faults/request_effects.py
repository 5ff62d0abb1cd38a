"""Effects before the response: it is refused, delayed, or never sent."""

from typing import Annotated, Literal

import msgspec

from drive_emulator.faults.effect import Effect, Hit
from drive_emulator.http.errors import PRESETS, Preset, RetryAfter, Style, preset_error, retry_after
from drive_emulator.http.messages import MAX_WAIT_S, client_left, drop_connection

_DAY_S = 86_400.0
_MAX_STICKY_S = 366 * _DAY_S
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MAX_WAIT_S)]
HttpStatus = Annotated[int, msgspec.Meta(ge=200, le=599)]


class Refuse(Effect, tag="refuse"):
    """An error instead of the response.

    `reason` is the name of a preset, or any other word if `status` is given. With a status below
    400, the body keeps the error's own code. `sticky_s`: a file that was refused once stays refused
    for so long, by the emulator's clock.
    """

    reason: Annotated[str, msgspec.Meta(max_length=100)] = "backendError"
    status: HttpStatus | None = None
    style: Style | None = None
    message: Annotated[str, msgspec.Meta(max_length=10_000)] | None = None
    retry_after: RetryAfter = "none"
    retry_after_s: Seconds = 30.0
    sticky_s: Annotated[float, msgspec.Meta(ge=0, le=_MAX_STICKY_S)] | None = None

    sticky = True

    def __post_init__(self) -> None:
        if self.reason not in PRESETS and self.status is None:
            raise ValueError(f"needs a status, or a reason of: {', '.join(PRESETS)}")

    async def before(self, hit: Hit) -> None:
        now, file_id = hit.clock.now(), hit.context.file_id
        if self._life_s and file_id and not self.still_active(hit):
            hit.memory.put(file_id, now + self._life_s)
        preset = PRESETS.get(self.reason) or Preset(
            self.status or 500, self.reason, self.message or self.reason
        )
        if self.reason == "notFound":
            preset = preset._replace(message=f"File not found: {file_id}.")
        if self.message is not None:
            preset = preset._replace(message=self.message)
        headers = retry_after(self.retry_after, self.retry_after_s, now)
        raise preset_error(preset, self.style, self.status, headers)

    def still_active(self, hit: Hit) -> bool:
        until = hit.memory.get(hit.context.file_id) if hit.context.file_id else None
        return until is not None and hit.clock.now() < until

    @property
    def _life_s(self) -> float:
        if self.sticky_s is not None:
            return self.sticky_s
        return _DAY_S if self.reason == "downloadQuotaExceeded" else 0.0


class Latency(Effect, tag="latency"):
    """The response begins later, by `seconds` or a random time, or once the rule is removed.

    `uniform` is between `seconds` and `to_s`; `lognormal` has `seconds` as its median and `to_s` as
    its 99th percentile.
    """

    seconds: Seconds
    to_s: Seconds | None = None
    spread: Literal["fixed", "uniform", "lognormal"] = "fixed"

    def __post_init__(self) -> None:
        if self.spread != "fixed" and (self.to_s or 0.0) < self.seconds:
            raise ValueError("a spread needs `to_s`, which is not less than `seconds`")

    async def before(self, hit: Hit) -> None:
        await hit.memory.hold(self._delay(hit))

    def _delay(self, hit: Hit) -> float:
        high = self.to_s or self.seconds
        if self.spread == "uniform":
            return hit.memory.rng.uniform(self.seconds, high)
        if self.spread == "lognormal" and self.seconds > 0:
            # The 99th percentile is 2.326 standard deviations above the median.
            power = hit.memory.rng.gauss(0.0, 1.0) / 2.326
            return min(float(self.seconds * (high / self.seconds) ** power), MAX_WAIT_S)
        return self.seconds


class Silence(Effect, tag="silence"):
    """No response: the connection stays open until the client closes it."""

    async def before(self, hit: Hit) -> None:
        await client_left(hit.context.receive, MAX_WAIT_S)
        await drop_connection(hit.context.out, hit.context.receive)


class IgnoreRange(Effect, tag="ignore_range"):
    """A request with a Range gets the whole file, with 200."""

    async def before(self, hit: Hit) -> None:
        request = hit.context.request
        headers = [pair for pair in request.raw_headers if pair[0].lower() != b"range"]
        hit.context.request = request.with_headers(headers)


RequestEffect = Refuse | Latency | Silence | IgnoreRange
