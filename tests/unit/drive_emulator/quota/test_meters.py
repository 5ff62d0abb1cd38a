"""Token buckets and windows: paced clients pass, hurried ones are refused."""

import pytest

from drive_emulator.quota.meters import FixedWindow, Meter, TokenBucket
from drive_emulator.quota.settings import PROFILES, BadQuota, QuotaSettings, changed, class_of

START = 1_700_000_040.0  # a full minute of the clock


def passed(meter: Meter, every_s: float, seconds: float, units: float = 200) -> tuple[int, int]:
    """How many requests at an even pace are accepted and refused."""
    through = refused = 0
    for step in range(round(seconds / every_s)):
        if meter.left(START + step * every_s) >= units:
            meter.spend(units)
            through += 1
        else:
            refused += 1
    return through, refused


def bucket(per_minute: float) -> TokenBucket:
    return TokenBucket(per_minute, PROFILES["units2026"].capacity(per_minute), START)


@pytest.mark.parametrize("per_minute", [325_000, 32_500])
def test_a_paced_client_is_never_refused(per_minute: float) -> None:
    every_s = 200 / (per_minute / 60)
    through, refused = passed(bucket(per_minute), every_s, 300)
    assert refused == 0
    assert through * 200 == pytest.approx(per_minute * 5, rel=0.01)


def test_a_hurried_client_gets_exactly_the_limit() -> None:
    through, refused = passed(bucket(325_000), 0.01, 60)
    assert refused > 4_000
    assert 325_000 <= through * 200 <= 325_000 + 5_417 + 200


def test_a_burst_at_the_start_is_one_seconds_worth() -> None:
    through, _ = passed(bucket(325_000), 1e-9, 1e-7)
    assert through == 27  # of a hundred, for 5,417 units


def test_a_small_limit_still_takes_ten_at_once() -> None:
    through, _ = passed(bucket(32_500), 1e-9, 1e-7)
    assert through == 10


def test_an_idle_bucket_holds_no_more_than_its_capacity() -> None:
    full = bucket(325_000)
    assert full.left(START + 3_600) == full.left(START + 7_200) == pytest.approx(325_000 / 60)


def test_a_bucket_tells_how_long_to_wait() -> None:
    empty = TokenBucket(60_000, 1_000, START)
    empty.left(START)
    empty.spend(1_000)
    assert empty.wait(200) == pytest.approx(0.2)
    assert empty.left(START + empty.wait(200)) == pytest.approx(200)


def test_a_window_starts_again_every_minute() -> None:
    window = FixedWindow(1_000)
    assert window.left(START) == 1_000
    window.spend(1_000)
    assert window.left(START + 59.9) == 0
    assert window.wait(1) == pytest.approx(0.1, abs=1e-3)
    assert window.left(START + 60) == 1_000


def test_without_a_limit_nothing_is_refused() -> None:
    assert passed(Meter(), 0.001, 1)[1] == 0
    assert Meter().wait(1e9) == 0


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("list", "list"),
        ("get", "get"),
        ("media", "media"),
        ("export", "media"),
        ("download", "media"),
        ("about", "other"),
        ("drives", "other"),
    ],
)
def test_every_kind_has_a_class(kind: str, name: str) -> None:
    assert class_of(kind) == name


def test_the_profiles_are_googles() -> None:
    new, old = PROFILES["units2026"], PROFILES["legacy"]
    costs = [new.cost(kind) for kind in ("get", "list", "media", "about")]
    assert costs == [5, 100, 200, 5]
    assert (new.project_per_minute, new.user_per_minute) == (1_000_000, 325_000)
    assert new.egress_per_day == 10**12
    assert (old.project_per_minute, old.user_per_minute, old.cost("media")) == (12_000, 12_000, 1)
    assert not PROFILES["none"].on


def test_settings_can_be_changed_singly_or_by_profile() -> None:
    small = changed(PROFILES["units2026"], {"user_per_minute": 32_500, "costs": {"get": 7}})
    assert (small.user_per_minute, small.costs.get, small.costs.list) == (32_500, 7, 100)
    assert small.project_per_minute == 1_000_000
    assert changed(small, {"profile": "units2026"}) == PROFILES["units2026"]
    assert changed(small, {"status": 429}).user_per_minute == 32_500


@pytest.mark.parametrize(
    "wanted",
    [
        [],
        None,
        {"profile": "gold"},
        {"profile": []},
        {"user_per_minute": -1},
        {"costs": {"walk": 1}},
        {"costs": 5},
        {"status": 500},
        {"nonsense": 1},
    ],
)
def test_invalid_quota_settings_are_refused(wanted: object) -> None:
    with pytest.raises(BadQuota, match="invalid quota"):
        changed(QuotaSettings(), wanted)
