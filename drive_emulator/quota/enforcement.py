"""Takes from every request what it costs, or refuses it."""

from typing import Any

import msgspec

from drive_emulator.clock import Clock
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.http.errors import ApiError
from drive_emulator.http.refusals import PRESETS, refusal, retry_after
from drive_emulator.quota.meters import FixedWindow, Meter, TokenBucket, Unlimited
from drive_emulator.quota.settings import CLASSES, QuotaSettings, class_of

KEPT_S = 600


class Usage:
    """Units used, requests let through and requests refused, each by class."""

    def __init__(self) -> None:
        self.used = dict.fromkeys(CLASSES, 0.0)
        self.requests = dict.fromkeys(CLASSES, 0)
        self.refused = dict.fromkeys(CLASSES, 0)
        self._seconds: dict[int, tuple[dict[str, float], dict[str, int]]] = {}

    def add(self, name: str, units: float, now: float) -> None:
        """One request let through."""
        self.used[name] += units
        self.requests[name] += 1
        used, _ = self._second(int(now))
        used[name] = used.get(name, 0.0) + units

    def refuse(self, name: str, now: float) -> None:
        """One request refused."""
        self.refused[name] += 1
        _, refused = self._second(int(now))
        refused[name] = refused.get(name, 0) + 1

    def _second(self, second: int) -> tuple[dict[str, float], dict[str, int]]:
        kept = self._seconds.get(second)
        if kept is None:
            kept = self._seconds[second] = ({}, {})
            while len(self._seconds) > KEPT_S:
                del self._seconds[next(iter(self._seconds))]
        return kept

    def describe(self, since: float) -> dict[str, Any]:
        """All of it; of the seconds those from `since` on in which anything was asked."""
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


PROJECT = "project"
_DAY_S = 86_400
_MAX_USERS = 10_000


class _Consumer:
    """One user's, or the project's."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.usage = Usage()
        self.media_second = 0
        self.media_asked = 0
        self.walled_until = 0.0


class Quota:
    """The quota of one emulator: all keys and accounts belong to one project."""

    def __init__(self, settings: QuotaSettings, clock: Clock) -> None:
        self._clock = clock
        self.change(settings)

    def change(self, settings: QuotaSettings) -> None:
        """Other settings: everything begins anew, full and uncounted."""
        self.settings = settings
        self.on = settings.on
        self._since = now = self._clock.now()
        self._users: dict[str, _Consumer] = {}
        self._project = _Consumer(self._meter(settings.project_per_minute, now))
        self._at_once: dict[str, int] = {}
        self._day = 0
        self._sent_today = 0

    def reset(self) -> None:
        """Begin to count anew; what is spent stays spent."""
        self._since = self._clock.now()
        for consumer in (self._project, *self._users.values()):
            consumer.usage = Usage()

    def spend(self, context: RequestContext) -> None:
        """Charge a request to its user and to the project, or raise `ApiError` and charge none."""
        now, name = self._clock.now(), class_of(context.kind)
        user = self._user(context.caller.user, now)
        try:
            if name == "media":
                self._guard_media(context, user, now)
            self._charge(name, user, now)
        except ApiError:
            user.usage.refuse(name, now)
            self._project.usage.refuse(name, now)
            raise
        if name == "media":
            key = context.caller.key
            self._at_once[key] = self._at_once.get(key, 0) + 1
            context.on_end = self._ended

    def report(self, last_s: float) -> dict[str, Any]:
        """Settings, what is left, and what was used since the last reset."""
        now = self._clock.now()
        return {
            "settings": msgspec.to_builtins(self.settings),
            "since": self._since,
            "now": now,
            "sent_today": self._sent_today if self._day == now // _DAY_S else 0,
            "projects": {PROJECT: self._described(self._project, now, last_s)},
            "users": {
                user: self._described(consumer, now, last_s)
                for user, consumer in self._users.items()
            },
        }

    def _charge(self, name: str, user: _Consumer, now: float) -> None:
        units = self.settings.cost(name)
        if user.meter.left(now) < units:
            raise self._refused("userRateLimitExceeded", user.meter.wait(units), now)
        if self._project.meter.left(now) < units:
            raise self._refused("rateLimitExceeded", self._project.meter.wait(units), now)
        for consumer in (user, self._project):
            consumer.meter.spend(units)
            consumer.usage.add(name, units, now)

    def _refused(self, reason: str, wait_s: float, now: float) -> ApiError:
        settings = self.settings
        preset = PRESETS["tooManyRequests" if settings.status == 429 else reason]
        headers = retry_after(settings.retry_after, wait_s, now)
        return refusal(preset, settings.style, settings.status, headers)

    def _guard_media(self, context: RequestContext, user: _Consumer, now: float) -> None:
        settings = self.settings
        if settings.wall_media_per_second and not context.caller.account:
            self._wall(user, now)
        if settings.concurrent_media:
            self._guard_backend(context.caller.key, now)
        day = int(now // _DAY_S)
        if day != self._day:
            self._day, self._sent_today = day, 0
        if settings.egress_per_day and self._sent_today >= settings.egress_per_day:
            raise refusal(PRESETS["dailyLimitExceeded"])

    def _guard_backend(self, key: str, now: float) -> None:
        if self._at_once.get(key, 0) >= self.settings.concurrent_media:
            raise self._refused("rateLimitExceeded", 1.0, now)

    def _wall(self, user: _Consumer, now: float) -> None:
        if int(now) != user.media_second:
            user.media_second, user.media_asked = int(now), 0
        user.media_asked += 1
        if user.media_asked > self.settings.wall_media_per_second:
            user.walled_until = now + self.settings.wall_s
        if now < user.walled_until:
            raise refusal(PRESETS["automatedQueries"])

    def _ended(self, context: RequestContext) -> None:
        """A download is over: one less at once, and so many bytes more of the day's egress."""
        self._sent_today += context.bytes
        key = context.caller.key
        if self._at_once.get(key, 0) <= 1:
            self._at_once.pop(key, None)
        else:
            self._at_once[key] -= 1

    def _user(self, name: str, now: float) -> _Consumer:
        consumer = self._users.get(name)
        if consumer is None:
            if len(self._users) >= _MAX_USERS:
                del self._users[next(iter(self._users))]
            consumer = self._users[name] = _Consumer(
                self._meter(self.settings.user_per_minute, now)
            )
        return consumer

    def _meter(self, per_minute: float, now: float) -> Meter:
        if not per_minute:
            return Unlimited()
        if self.settings.model == "window":
            return FixedWindow(per_minute)
        return TokenBucket(per_minute, self.settings.capacity(per_minute), now)

    def _described(self, consumer: _Consumer, now: float, last_s: float) -> dict[str, Any]:
        left = consumer.meter.left(now)
        shown = {"left": None if left == float("inf") else left}
        return shown | consumer.usage.describe(now - last_s)
