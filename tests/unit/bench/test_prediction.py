"""The simulation of an import, where arithmetic says what must come out."""

from collections.abc import Sequence

import pytest

from bench.prediction import DOWNLOAD_UNITS, Costs, File, Fleet, Quota, drawn, predict
from services.core.murmur2 import partition_of

FREE = Costs(
    **dict.fromkeys(("drive_latency", "store_latency", "acknowledged", "list_latency"), 0.0),
    **dict.fromkeys(("line", "cpu_file", "cpu_byte", "start"), 0.0),
)
NO_LIMIT = Quota(units=0)


def files(count: int, size: int = 1000) -> Sequence[File]:
    return list(drawn([f"{count}x{size}"]))


def costs(**known: float) -> Costs:
    return Costs(**{**vars(FREE), **known})


def test_what_costs_nothing_takes_no_time() -> None:
    assert predict(files(100), Fleet(), FREE, NO_LIMIT).seconds == 0
    assert predict([], Fleet(workers=3), FREE, Quota()).seconds == 0


def test_latency_is_shared_by_the_slots() -> None:
    prediction = predict(files(100), Fleet(concurrency=5), costs(drive_latency=0.1), NO_LIMIT)
    assert prediction.seconds == pytest.approx(100 / 5 * 0.1)
    assert prediction.limit == "concurrency"


@pytest.mark.parametrize(
    ("known", "limit"), [({"line": 500.0}, "line"), ({"cpu_file": 2.0}, "processor")]
)
def test_line_and_processor_serve_one_after_another(known: dict[str, float], limit: str) -> None:
    prediction = predict(files(100), Fleet(), costs(**known), NO_LIMIT)
    assert prediction.seconds == pytest.approx(200)
    assert prediction.limit == limit


def test_the_quota_is_split_by_partition_and_not_by_what_lies_there() -> None:
    found = files(1200)
    quota = Quota(units=60 * DOWNLOAD_UNITS / 0.88, transfer=0.88)  # one file a second
    alone = predict(found, Fleet(), FREE, quota)
    assert alone.seconds == pytest.approx(1200, rel=0.01)
    assert alone.limit == "quota"
    most = max(sum(partition_of(file.id.encode(), 12) == p for file in found) for p in range(12))
    split = predict(found, Fleet(workers=12), FREE, quota).seconds
    assert split == pytest.approx(12 * most, rel=0.01)


def test_more_workers_than_partitions_change_nothing() -> None:
    found, known = files(600), costs(drive_latency=0.1)
    twelve, thousand = (
        predict(found, Fleet(workers=workers, concurrency=2), known, Quota())
        for workers in (12, 1000)
    )
    assert thousand.seconds == pytest.approx(twelve.seconds)


def test_listing_limits_where_all_else_is_idle() -> None:
    prediction = predict(files(10_000), Fleet(), costs(list_latency=3), NO_LIMIT)
    assert prediction.seconds == pytest.approx(30)
    assert prediction.limit == "listing"
    slow = Quota(units=60, lister=0.1)  # a page in 1,000 s
    assert predict(files(2000), Fleet(), FREE, slow).seconds >= 2000


def test_groups_are_mixed_and_their_ids_repeat_from_run_to_run() -> None:
    mixed = list(drawn(["500x1", "500x2"]))
    assert mixed == list(drawn(["500x1", "500x2"]))
    assert 200 < sum(file.size == 1 for file in mixed[:500]) < 300
    assert len({file.id for file in mixed}) == 1000
    with pytest.raises(ValueError, match="invalid literal"):
        list(drawn(["many"]))
