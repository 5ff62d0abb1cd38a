"""What requests cost, the limits, and what a refusal looks like.

Source of the profiles: reference/drive-api.md, section 0.1. `units2026` is for Cloud projects that
are new since 1 May 2026, `legacy` for those that used Drive before.
"""

from typing import Annotated, Any, Literal

import msgspec

from drive_emulator.http.errors import RetryAfter, Style
from drive_emulator.validation import InvalidInput

CLASSES = ("list", "get", "media", "write", "other")
_CLASS_OF_KIND = dict.fromkeys(("media", "export", "download"), "media") | {
    "list": "list",
    "get": "get",
}
_WRITES = frozenset({"write", "create", "update", "delete", "copy"})

Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]  # 0: no limit


class BadQuota(InvalidInput):
    """Quota settings that cannot be used."""


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The units that one request of each class costs."""

    list: Amount = 0
    get: Amount = 0
    media: Amount = 0
    write: Amount = 0
    other: Amount = 0


class QuotaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits are units per minute; `egress_per_day` is bytes; 0 is no limit.

    The `bucket` model refills continuously and holds at most `burst_units`; `window` starts again
    with every minute of the clock. `status`, `style` and `retry_after` describe a refusal.
    `concurrent_media`: more downloads of one key at once are refused. `wall_media_per_second`: an
    anonymous user who requests more gets the page about automated queries for `wall_s` seconds.
    """

    profile: Literal["none", "units2026", "legacy"] = "none"
    model: Literal["bucket", "window"] = "bucket"
    project_per_minute: Amount = 0
    user_per_minute: Amount = 0
    burst_units: Amount | None = None
    egress_per_day: Amount = 0
    costs: Costs = Costs()
    status: Literal[403, 429] = 403
    style: Style = "classic"
    retry_after: RetryAfter = "none"
    concurrent_media: Annotated[int, msgspec.Meta(ge=0)] = 0
    wall_media_per_second: Amount = 0
    wall_s: Amount = 300

    @property
    def on(self) -> bool:
        limits = (self.project_per_minute, self.user_per_minute, self.egress_per_day)
        media = (self.concurrent_media, self.wall_media_per_second)
        return self.profile != "none" or any(limits) or any(media)

    def cost(self, kind: str) -> float:
        """The units that a request of this class or kind costs."""
        return float(getattr(self.costs, class_of(kind)))

    def capacity(self, per_minute: float) -> float:
        """What a full bucket holds, in units.

        One second's worth: a client that paces its requests passes, one that saves them up does
        not. But at least ten of the most expensive requests: otherwise a small limit would refuse
        two paced workers that happen to send a request at the same moment.
        """
        highest = float(max(getattr(self.costs, each) for each in CLASSES))
        default = max(per_minute / 60, 10 * highest)
        return max(default if self.burst_units is None else self.burst_units, highest)


PROFILES: dict[str, QuotaSettings] = {
    "none": QuotaSettings(),
    "units2026": QuotaSettings(
        profile="units2026",
        project_per_minute=1_000_000,
        user_per_minute=325_000,
        egress_per_day=10**12,
        costs=Costs(list=100, get=5, media=200, write=50, other=5),
    ),
    "legacy": QuotaSettings(
        profile="legacy",
        project_per_minute=12_000,
        user_per_minute=12_000,
        costs=Costs(list=1, get=1, media=1, write=1, other=1),
    ),
}


def class_of(kind: str) -> str:
    """The class, and so the cost, of requests of a kind."""
    return "write" if kind in _WRITES else _CLASS_OF_KIND.get(kind, "other")


def changed(current: QuotaSettings, wanted: Any) -> QuotaSettings:
    """The settings with some of them changed; a profile sets all of its own figures.

    Raises `BadQuota`.
    """
    if not isinstance(wanted, dict):
        raise BadQuota("invalid quota: expected an object of settings")
    profile = wanted.get("profile")
    start = PROFILES.get(profile, current) if isinstance(profile, str) else current
    fields = msgspec.to_builtins(start)
    if isinstance(wanted.get("costs"), dict):
        wanted = wanted | {"costs": fields["costs"] | wanted["costs"]}
    try:
        return msgspec.convert(fields | wanted, QuotaSettings)
    except msgspec.ValidationError as why:
        raise BadQuota(f"invalid quota: {why}") from None
