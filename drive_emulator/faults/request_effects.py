"""Effects before an answer: it is refused, or takes its time."""

import asyncio
from typing import Annotated, Literal

import msgspec

from drive_emulator.faults.effect import Effect, FaultContext
from drive_emulator.http.disconnect import MAX_WAIT_S, deleted, drop_connection
from drive_emulator.http.refusals import PRESETS, Preset, Style, Wait, refusal, retry_after

_DAY_S = 86_400.0
_MAX_STICKY_S = 366 * _DAY_S
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MAX_WAIT_S)]
HttpStatus = Annotated[int, msgspec.Meta(ge=200, le=599)]


class Refuse(Effect, tag="refuse"):
    """An error instead of the answer.

    `reason` is a preset of `refusals.PRESETS`, or any other word together with `status`. A status
    below 400 leaves the error's own code in its body: an error that calls itself a success.
    `sticky_s`: a file that was refused once stays so for that long, by the clock.
    """

    reason: Annotated[str, msgspec.Meta(max_length=100)] = "backendError"
    status: HttpStatus | None = None
    style: Style | None = None
    message: Annotated[str, msgspec.Meta(max_length=10_000)] | None = None
    retry_after: Wait = "none"
    retry_after_s: Seconds = 30.0
    sticky_s: Annotated[float, msgspec.Meta(ge=0, le=_MAX_STICKY_S)] | None = None

    lasts = True

    def __post_init__(self) -> None:
        if self.reason not in PRESETS and self.status is None:
            raise ValueError(f"a status, or a reason of: {', '.join(PRESETS)}")

    async def before(self, fault: FaultContext) -> None:
        now = fault.clock.now()
        if self._sticks and fault.context.file_id and not self.still(fault):
            fault.memory.put(fault.context.file_id, now + self._sticks)
        preset = PRESETS.get(self.reason) or Preset(
            self.status or 500, self.reason, self.message or self.reason
        )
        if self.reason == "notFound":
            preset = preset._replace(message=f"File not found: {fault.context.file_id}.")
        if self.message is not None:
            preset = preset._replace(message=self.message)
        headers = retry_after(self.retry_after, self.retry_after_s, now)
        raise refusal(preset, self.style, self.status, headers)

    def still(self, fault: FaultContext) -> bool:
        until = fault.memory.get(fault.context.file_id) if fault.context.file_id else None
        return until is not None and fault.clock.now() < until

    @property
    def _sticks(self) -> float:
        if self.sticky_s is not None:
            return self.sticky_s
        return _DAY_S if self.reason == "downloadQuotaExceeded" else 0.0


class Latency(Effect, tag="latency"):
    """The answer begins later: by `seconds`, or by a random time.

    `uniform` is between `seconds` and `to_s`; `lognormal` has `seconds` as its median and `to_s`
    as its 99th percentile.
    """

    seconds: Seconds
    to_s: Seconds | None = None
    spread: Literal["fixed", "uniform", "lognormal"] = "fixed"

    def __post_init__(self) -> None:
        if self.spread != "fixed" and (self.to_s or 0.0) < self.seconds:
            raise ValueError("a spread needs `to_s`, and it is not less than `seconds`")

    async def before(self, fault: FaultContext) -> None:
        await asyncio.sleep(self._drawn(fault))

    def _drawn(self, fault: FaultContext) -> float:
        high = self.to_s or self.seconds
        if self.spread == "uniform":
            return fault.memory.rng.uniform(self.seconds, high)
        if self.spread == "lognormal" and self.seconds > 0:
            # 2.326 standard deviations above the middle is the 99th of a hundred.
            power = fault.memory.rng.gauss(0.0, 1.0) / 2.326
            return min(float(self.seconds * (high / self.seconds) ** power), MAX_WAIT_S)
        return self.seconds


class Silence(Effect, tag="silence"):
    """No answer at all: the connection stays open and nothing comes."""

    async def before(self, fault: FaultContext) -> None:
        await deleted(fault.context.receive, MAX_WAIT_S)
        await drop_connection(fault.context.out, fault.context.receive)


class IgnoreRange(Effect, tag="ignore_range"):
    """A request with a Range gets the whole, with 200."""

    async def before(self, fault: FaultContext) -> None:
        request = fault.context.request
        headers = [pair for pair in request.raw_headers if pair[0].lower() != b"range"]
        fault.context.request = request.with_headers(headers)
