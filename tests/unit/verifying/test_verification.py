"""Every difference is found, and nothing that is no difference is reported."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.catalog.pointers import Row
from services.adapters.catalog.writer import CatalogUnavailableError
from services.core.errors import Stop, TryAgain
from services.verifying.comparing import Objects, pairs, rows
from services.verifying.verification import Finding, Options, Progress, Verification
from tests.fakes.pointers import NOW, FakeBucket, FakePointers

SHA256 = hashlib.sha256(b"abc").hexdigest()
MD5 = hashlib.md5(b"abc").hexdigest()


BY_SIZE = Options()


def a_row(key: str, import_id: str = "i-1", **says: object) -> Row:
    given = {"size": 3, "md5": MD5, "sha256": SHA256, **says}
    return Row(key, import_id, f"file of {key}", **given)  # type: ignore[arg-type]


def no_sleep(_seconds: float) -> None:
    """Virtual time."""


def verified(
    bucket: FakeBucket, catalog: FakePointers, options: Options = BY_SIZE
) -> tuple[Sequence[Finding], Progress]:
    found: list[Finding] = []
    verification = Verification(
        bucket, catalog, options, found.append, lambda _: None, sleep=no_sleep
    )
    return found, verification.run(NOW)


def kinds(found: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(each.kind, each.key) for each in found]


@pytest.fixture
def bucket() -> FakeBucket:
    bucket = FakeBucket()
    for number in range(10):
        bucket.put(f"k{number}")
    return bucket


@pytest.fixture
def catalog() -> FakePointers:
    return FakePointers([a_row(f"k{number}", each) for number in range(10) for each in ("", "i-1")])


def test_nothing_is_found_where_all_is_well(bucket: FakeBucket, catalog: FakePointers) -> None:
    for deep in (False, True):
        found, progress = verified(bucket, catalog, Options(deep=deep))
        assert (found, progress.done, progress.key) == ([], 10, "k9")
        assert progress.read == (30 if deep else 0)


def test_each_kind_of_difference_is_found_with_its_cure(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    del bucket.things["k2"]
    bucket.put("k4", b"abcd")
    bucket.put("k5", b"abd")
    bucket.put("x-foreign")
    found, progress = verified(bucket, catalog)
    assert kinds(found) == [("missing", "k2"), ("different", "k4"), ("foreign", "x-foreign")]
    replay = "drivestream replay plan --mode all --transfer"
    assert [each.cure for each in found] == [
        f"{replay} check --import i-1 --file file of k2",
        f"{replay} force --file file of k4",
        "drivestream prune",
    ]
    assert progress.found == {"missing": 1, "different": 1, "foreign": 1}
    deep, _ = verified(bucket, catalog, Options(deep=True))
    assert ("different", "k5") in kinds(deep)
    assert len(deep) == 4


@pytest.mark.parametrize(
    "says", [{"sha256": "0" * 64}, {"md5": "0" * 32, "sha256": None}, {"size": 4}]
)
def test_a_deep_comparison_compares_whatever_is_recorded(says: dict[str, object]) -> None:
    bucket, catalog = FakeBucket(), FakePointers([a_row("k", "i-1", **says)])
    bucket.put("k")
    assert kinds(verified(bucket, catalog, Options(deep=True))[0]) == [("different", "k")]
    # Drive may be wrong about the MD5 of bytes that its SHA-256 proves.
    for unknown in ({"size": None, "md5": None, "sha256": None}, {"md5": "0" * 32}):
        catalog.rows = [a_row("k", **unknown)]
        assert verified(bucket, catalog, Options(deep=True))[0] == []


def test_of_one_import_only_its_rows_are_compared(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    catalog.rows.append(a_row("k31", "i-2"))
    bucket.put("x-foreign")
    found, progress = verified(bucket, catalog, Options(only_import="i-2"))
    assert (kinds(found), progress.done) == ([("missing", "k31")], 1)


def test_for_a_small_import_most_pages_of_a_large_bucket_are_skipped() -> None:
    bucket, catalog = FakeBucket(page=10), FakePointers(size=10)
    for number in range(1000):
        bucket.put(f"k{number:04}")
    catalog.rows = [a_row(f"k{number:04}") for number in (5, 500, 501, 990, 999)]
    found, progress = verified(bucket, catalog, Options(only_import="i-1"))
    assert (found, progress.done) == ([], 5)
    assert bucket.asked.count("list") < 12


def test_what_an_import_stores_meanwhile_is_neither_missing_nor_foreign(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    """One object came after the listing had passed it, and one row after its page was read."""
    catalog.rows.append(a_row("k01"))
    bucket.put("k02")
    bucket.put("k03", modified=NOW - timedelta(minutes=59))

    def stored(kind: str) -> None:
        if kind == "look":
            bucket.things.setdefault("k01", bucket.things["k0"])
            catalog.rows.append(a_row("k02"))

    bucket.on = stored
    found, progress = verified(bucket, catalog)
    assert found == []
    assert progress.new == 1


def test_what_was_removed_with_its_rows_meanwhile_is_not_missing(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    del bucket.things["k3"]
    read = [*catalog.rows]
    catalog.rows = [row for row in read if row.key != "k3"]

    class Older(FakePointers):
        def page(self, after: tuple[str, str], only_import: str = "") -> Sequence[Row]:
            return FakePointers(read).page(after)

    assert verified(bucket, Older(catalog.rows))[0] == []


def test_thumbnails_are_no_foreign_objects(bucket: FakeBucket, catalog: FakePointers) -> None:
    bucket.put("thumbnails.v1/320/k1")
    found, progress = verified(bucket, catalog)
    assert (found, progress.thumbnails) == ([], 1)


def test_a_store_and_a_database_in_trouble_are_asked_again(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    bucket.breaks = 4
    assert verified(bucket, catalog)[0] == []
    bucket.breaks = 100
    with pytest.raises(TryAgain):
        verified(bucket, catalog)

    class Away(FakePointers):
        def page(self, after: tuple[str, str], only_import: str = "") -> Sequence[Row]:
            raise CatalogUnavailableError("away")

    with pytest.raises(CatalogUnavailableError):
        verified(FakeBucket(), Away())


def test_a_listing_that_breaks_off_goes_on_where_it_was(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    def trouble(kind: str) -> None:
        if kind == "list" and bucket.asked.count("list") in (1, 3):
            bucket.breaks = 1

    bucket.on = trouble
    found, progress = verified(bucket, catalog)
    assert (found, progress.done) == ([], 10)


def test_who_was_stopped_goes_on_after_the_last_key(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    del bucket.things["k1"], bucket.things["k7"]
    found, progress = verified(bucket, catalog, Options(after="k5"))
    assert (kinds(found), progress.done) == ([("missing", "k7")], 4)


def test_a_store_that_lists_in_another_order_is_refused(catalog: FakePointers) -> None:
    class Unordered(FakeBucket):
        def pages(self, after: str = "", prefix: str = ""):  # type: ignore[no-untyped-def]
            yield [self._listed("k5"), self._listed("k1")]

    bucket = Unordered()
    bucket.put("k1")
    bucket.put("k5")
    with pytest.raises(Stop, match="does not list objects in the order of their keys"):
        verified(bucket, catalog)


KEYS = st.sets(st.text(alphabet="aZ_-/.é\U0001f305", min_size=1, max_size=4), max_size=30)


@given(stored=KEYS, pointed=KEYS, page=st.integers(1, 4), size=st.integers(1, 4))
def test_a_merge_gives_each_key_once_with_all_that_is_known_of_it(
    stored: set[str], pointed: set[str], page: int, size: int
) -> None:
    bucket = FakeBucket(page=page)
    for key in stored:
        bucket.put(key)
    catalog = FakePointers([a_row(key, i) for key in pointed for i in ("", "i-1")], size=size)
    merged = [*pairs(Objects(bucket), rows(catalog))]
    assert [pair.key for pair in merged] == sorted(stored | pointed, key=str.encode)
    for pair in merged:
        assert (pair.object is not None) == (pair.key in stored)
        assert len(pair.rows) == (2 if pair.key in pointed else 0)
    only = [*pairs(Objects(bucket), rows(catalog, only_import="i-1"), only_rows=True)]
    assert [(pair.key, pair.object is not None) for pair in only] == [
        (key, key in stored) for key in sorted(pointed)
    ]
