"""Charges every request, or refuses it."""

from collections import Counter
from typing import Any

import msgspec

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.http.errors import PRESETS, ApiError, named_error, preset_error, retry_after
from drive_emulator.quota.meters import FixedWindow, Meter, TokenBucket
from drive_emulator.quota.settings import CLASSES, QuotaSettings, class_of

KEPT_S = 600
_DAY_S = 86_400
_MAX_USERS = 10_000


class Usage:
    """Units used, requests charged and requests refused, by class of request.

    The last `KEPT_S` seconds with requests are also kept one by one.
    """

    def __init__(self) -> None:
        self.used = dict.fromkeys(CLASSES, 0.0)
        self.requests = dict.fromkeys(CLASSES, 0)
        self.refused = dict.fromkeys(CLASSES, 0)
        self._seconds: dict[int, tuple[dict[str, float], dict[str, int]]] = {}

    def add(self, name: str, units: float, now: float) -> None:
        self.used[name] += units
        self.requests[name] += 1
        used, _ = self._second(int(now))
        used[name] = used.get(name, 0.0) + units

    def refuse(self, name: str, now: float) -> None:
        self.refused[name] += 1
        _, refused = self._second(int(now))
        refused[name] = refused.get(name, 0) + 1

    def _second(self, second: int) -> tuple[dict[str, float], dict[str, int]]:
        counts = self._seconds.get(second)
        if counts is None:
            counts = self._seconds[second] = ({}, {})
            while len(self._seconds) > KEPT_S:
                del self._seconds[next(iter(self._seconds))]
        return counts

    def describe(self, since: float) -> dict[str, Any]:
        """All totals, and the seconds from `since` on."""
        return {
            "used": self.used,
            "requests": self.requests,
            "refused": self.refused,
            "seconds": [
                {"at": second, "used": used, "refused": refused}
                for second, (used, refused) in self._seconds.items()
                if second >= since
            ],
        }


class _Consumer:
    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.usage = Usage()
        self.media_second = 0
        self.media_count = 0
        self.blocked_until = 0.0


class Quota:
    """The quota of one emulator; all keys and accounts belong to one project."""

    def __init__(self, settings: QuotaSettings, clock: Clock) -> None:
        self._clock = clock
        self.change(settings)

    def change(self, settings: QuotaSettings) -> None:
        """Use other settings, with full limits and all counts at zero."""
        self.settings = settings
        self.on = settings.on
        self._since = now = self._clock.now()
        self._users: dict[str, _Consumer] = {}
        self._project = _Consumer(self._meter(settings.project_per_minute, now))
        self._concurrent: Counter[str] = Counter()  # downloads by key
        self._day = 0
        self._sent_today = 0

    def reset(self) -> None:
        """Set all counts to zero; what is spent stays spent."""
        self._since = self._clock.now()
        for consumer in (self._project, *self._users.values()):
            consumer.usage = Usage()

    def charge(self, context: RequestContext) -> None:
        """Charge a request to its user and the project, or raise `ApiError` and charge neither."""
        now, name = self._clock.now(), class_of(context.kind)
        user = self._user(context.caller.user, now)
        try:
            if name == "media":
                self._check_media(context, user, now)
            self._charge(name, user, now)
        except ApiError:
            user.usage.refuse(name, now)
            self._project.usage.refuse(name, now)
            raise
        if name == "media":
            self._concurrent[context.caller.key] += 1
            context.on_end = self._download_ended

    def report(self, last_s: float) -> dict[str, Any]:
        """The settings, what is left, and what was used since the last reset."""
        now = self._clock.now()
        users = {user: _describe(each, now, last_s) for user, each in self._users.items()}
        return {
            "settings": msgspec.to_builtins(self.settings),
            "since": self._since,
            "now": now,
            "sent_today": self._sent_today if self._day == now // _DAY_S else 0,
            "projects": {"project": _describe(self._project, now, last_s)},
            "users": users,
        }

    def _charge(self, name: str, user: _Consumer, now: float) -> None:
        units = self.settings.cost(name)
        if user.meter.left(now) < units:
            raise self._refusal("userRateLimitExceeded", user.meter.wait(units), now)
        if self._project.meter.left(now) < units:
            raise self._refusal("rateLimitExceeded", self._project.meter.wait(units), now)
        for consumer in (user, self._project):
            consumer.meter.spend(units)
            consumer.usage.add(name, units, now)

    def _refusal(self, reason: str, wait_s: float, now: float) -> ApiError:
        settings = self.settings
        preset = PRESETS["tooManyRequests" if settings.status == 429 else reason]
        headers = retry_after(settings.retry_after, wait_s, now)
        return preset_error(preset, settings.style, settings.status, headers)

    def _check_media(self, context: RequestContext, user: _Consumer, now: float) -> None:
        settings = self.settings
        if settings.wall_media_per_second and not context.caller.account:
            self._check_automated_queries(user, now)
        at_once = self._concurrent[context.caller.key]
        if settings.concurrent_media and at_once >= settings.concurrent_media:
            raise self._refusal("rateLimitExceeded", 1.0, now)
        day = int(now // _DAY_S)
        if day != self._day:
            self._day, self._sent_today = day, 0
        if settings.egress_per_day and self._sent_today >= settings.egress_per_day:
            raise named_error("dailyLimitExceeded")

    def _check_automated_queries(self, user: _Consumer, now: float) -> None:
        if int(now) != user.media_second:
            user.media_second, user.media_count = int(now), 0
        user.media_count += 1
        if user.media_count > self.settings.wall_media_per_second:
            user.blocked_until = now + self.settings.wall_s
        if now < user.blocked_until:
            raise named_error("automatedQueries")

    def _download_ended(self, context: RequestContext) -> None:
        self._sent_today += context.bytes
        self._concurrent[context.caller.key] -= 1

    def _user(self, name: str, now: float) -> _Consumer:
        user = self._users.get(name)
        if user is None:
            if len(self._users) >= _MAX_USERS:
                del self._users[next(iter(self._users))]
            user = self._users[name] = _Consumer(self._meter(self.settings.user_per_minute, now))
        return user

    def _meter(self, per_minute: float, now: float) -> Meter:
        if not per_minute:
            return Meter()
        if self.settings.model == "window":
            return FixedWindow(per_minute)
        return TokenBucket(per_minute, self.settings.capacity(per_minute), now)


def _describe(consumer: _Consumer, now: float, last_s: float) -> dict[str, Any]:
    left = consumer.meter.left(now)
    usage = consumer.usage.describe(now - last_s)
    return {"left": None if left == float("inf") else left, **usage}
