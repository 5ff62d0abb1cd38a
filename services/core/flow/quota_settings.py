"""How much of Drive's quota all workers may spend together, and how it is split."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from services.core.settings import Reader


class QuotaModel(Enum):
    """What Google counts: units since May 2026, requests in projects that are older."""

    UNITS = "units"
    QUERIES = "queries"


USUAL_LIMITS = {QuotaModel.UNITS: 325_000, QuotaModel.QUERIES: 12_000}
"""A minute, per user and project: Google's usage limits (`limits` page of Drive's guides)."""
USUAL_SHARES = {"transfer": 88, "lister": 10, "preview": 2}
SHARE = re.compile(rf"({'|'.join(USUAL_SHARES)})\s*=\s*0*([1-9][0-9]{{0,2}})")


@dataclass(frozen=True, kw_only=True)
class QuotaSettings:
    """What all workers together may spend a minute (0: no limit), and how it is split.

    `shares` are the parts of it, 0 to 1, that each kind of work gets.
    """

    per_minute: int
    model: QuotaModel
    shares: Mapping[str, float]

    @classmethod
    def read(cls, reader: Reader) -> "QuotaSettings":
        model = _model(reader)
        usual = USUAL_LIMITS[model]
        per_minute = reader.number("DRIVE_QUOTA_UNITS_PER_MINUTE", usual, 0, 10**9)
        return cls(per_minute=per_minute, model=model, shares=_shares(reader))


def _model(reader: Reader) -> QuotaModel:
    raw = reader.text("DRIVE_QUOTA_MODEL", QuotaModel.UNITS.value).lower()
    try:
        return QuotaModel(raw)
    except ValueError:
        reader.faults.append("DRIVE_QUOTA_MODEL must be units or queries.")
        return QuotaModel.UNITS


def _shares(reader: Reader) -> Mapping[str, float]:
    """Percentages, as parts of one."""
    usual = ",".join(f"{kind}={percent}" for kind, percent in USUAL_SHARES.items())
    given = reader.text("DRIVE_QUOTA_SHARES", usual).split(",")
    shares = [found for each in given if (found := SHARE.fullmatch(each.strip()))]
    percents = {share[1]: int(share[2]) for share in shares}
    if not len(given) == len(percents) == len(USUAL_SHARES):
        reader.faults.append(f"DRIVE_QUOTA_SHARES must give each a whole percentage, like {usual}.")
    elif sum(percents.values()) > 100:
        reader.faults.append("DRIVE_QUOTA_SHARES must not add up to more than 100.")
    return {kind: percent / 100 for kind, percent in percents.items()}
