"""How much of Drive's quota all workers may spend together, and how it is split."""

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
        """From DRIVE_QUOTA_UNITS_PER_MINUTE, DRIVE_QUOTA_MODEL and DRIVE_QUOTA_SHARES."""
        model = _model(reader, "DRIVE_QUOTA_MODEL")
        usual = USUAL_LIMITS[model]
        return cls(
            per_minute=reader.number("DRIVE_QUOTA_UNITS_PER_MINUTE", usual, 0, 10**9),
            model=model,
            shares=_shares(reader, "DRIVE_QUOTA_SHARES"),
        )


USUAL_SHARES = {"transfer": 88, "lister": 10, "preview": 2}


def _model(reader: Reader, name: str) -> QuotaModel:
    raw = reader.text(name, QuotaModel.UNITS.value).lower()
    try:
        return QuotaModel(raw)
    except ValueError:
        reader.faults.append(f"{name} must be units or queries.")
        return QuotaModel.UNITS


def _shares(reader: Reader, name: str) -> Mapping[str, float]:
    """Percentages such as `transfer=88,lister=10,preview=2`, as parts of one."""
    usual = ",".join(f"{kind}={percent}" for kind, percent in USUAL_SHARES.items())
    raw = reader.text(name, usual)
    given = [part.partition("=") for part in raw.split(",")]
    percents = {kind.strip(): _percent(value) for kind, _, value in given}
    whole = len(given) == len(percents) and percents.keys() == USUAL_SHARES.keys()
    if not whole or min(percents.values()) < 1:
        reader.faults.append(f"{name} must give each a whole percentage, like {usual}.")
    elif sum(percents.values()) > 100:
        reader.faults.append(f"{name} must not add up to more than 100.")
    return {kind: percent / 100 for kind, percent in percents.items()}


def _percent(raw: str) -> int:
    """0 for what is no percentage."""
    digits = raw.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 3 else 0
