"""Settings: all faults at once, secrets never shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.drive.settings import DriveSettings
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.store.settings import StoreSettings
from services.core.flow.quota_settings import QuotaModel, QuotaSettings
from services.core.settings import Reader, SettingsError, data_dir, read_settings

GOOD = {
    "AWS_ACCESS_KEY_ID": "me",
    "AWS_SECRET_ACCESS_KEY": "hush-hush",
    "DATABASE_URL": "postgresql://user:hush-hush@db:5432/drivestream",
    "GOOGLE_API_KEY": "hush-hush",
    "S3_ENDPOINT_URL": "http://127.0.0.1:9000/",
}


def everything(
    reader: Reader,
) -> tuple[KafkaSettings, StoreSettings, DriveSettings, DatabaseSettings]:
    return (
        KafkaSettings.read(reader),
        StoreSettings.read(reader),
        DriveSettings.read(reader),
        DatabaseSettings.read(reader),
    )


def test_good_settings_are_taken_and_defaults_filled_in() -> None:
    kafka, store, drive, database = read_settings(GOOD, everything)
    assert kafka.bootstrap_servers == "127.0.0.1:29092"
    assert (store.bucket, store.region, store.public_read) == ("drivestream", "us-east-1", False)
    assert store.endpoint_url == store.public_url == "http://127.0.0.1:9000"
    assert drive.api_url == "https://www.googleapis.com"
    assert database.url.reveal() == GOOD["DATABASE_URL"]


def test_all_faults_are_told_together() -> None:
    bad = {"S3_ENDPOINT_URL": "ftp://x", "S3_PUBLIC_READ": "perhaps", "DATABASE_URL": "mysql://x/y"}
    with pytest.raises(SettingsError) as why:
        read_settings(bad, everything)
    told = str(why.value).split("\n")
    names = [line.split(" ")[0] for line in told]
    assert set(names) == {
        "S3_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "S3_PUBLIC_READ",
        "DATABASE_URL",
    }


def test_no_secret_is_shown_by_settings_or_faults() -> None:
    assert "hush-hush" not in repr(read_settings(GOOD, everything))
    assert "hush-hush" not in str(read_settings(GOOD, everything)[1].secret_access_key)
    bad = GOOD | {"DATABASE_URL": "mysql://user:hush-hush@db/x"}
    with pytest.raises(SettingsError) as why:
        read_settings(bad, everything)
    assert "hush-hush" not in str(why.value)


@pytest.mark.parametrize(("raw", "value"), [("5", 5), ("1", 1), ("10", 10)])
def test_numbers_within_bounds_are_taken(raw: str, value: int) -> None:
    assert Reader({"N": raw}).number("N", 3, 1, 10) == value


@given(raw=st.text(max_size=20))
def test_no_text_breaks_a_reader(raw: str) -> None:
    reader = Reader({"X": raw})
    reader.number("X", 3, 1, 10)
    reader.flag("X", True)
    reader.url("X", ("http", "https"), "http://default")
    reader.text("X")
    if reader.faults:
        with pytest.raises(SettingsError):
            reader.done()


@pytest.mark.parametrize("raw", ["0", "11", "-1", "many", "1.5", "9" * 400])
def test_numbers_out_of_bounds_are_faults(raw: str) -> None:
    reader = Reader({"N": raw})
    reader.number("N", 3, 1, 10)
    assert len(reader.faults) == 1


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"DATA_DIR": "/srv/x", "HOME": "/h"}, "/srv/x"),
        ({"XDG_DATA_HOME": "/xdg", "HOME": "/h"}, "/xdg/drivestream"),
        ({"HOME": "/h"}, "/h/.local/share/drivestream"),
    ],
)
def test_the_data_folder_is_where_the_user_says(env: dict[str, str], folder: str) -> None:
    assert data_dir(env) == Path(folder)


def drive(env: dict[str, str]) -> DriveSettings:
    return read_settings(env, DriveSettings.read)


def quota(env: dict[str, str]) -> QuotaSettings:
    return read_settings(env, QuotaSettings.read)


def fault(env: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as why:
        read_settings(env, lambda reader: (DriveSettings.read(reader), QuotaSettings.read(reader)))
    return str(why.value)


def test_without_settings_the_quota_is_google_s_of_today_split_by_kind_of_work() -> None:
    given = quota({})
    assert (given.per_minute, given.model) == (325_000, QuotaModel.UNITS)
    assert given.shares == {"transfer": 0.88, "lister": 0.10, "preview": 0.02}


def test_an_older_project_counts_requests() -> None:
    given = quota({"DRIVE_QUOTA_MODEL": "queries"})
    assert (given.per_minute, given.model) == (12_000, QuotaModel.QUERIES)
    assert quota({"DRIVE_QUOTA_UNITS_PER_MINUTE": "0"}).per_minute == 0


def test_shares_are_percentages_in_any_order() -> None:
    given = quota({"DRIVE_QUOTA_SHARES": "preview=1, lister=49 ,transfer=50"})
    assert given.shares == {"transfer": 0.5, "lister": 0.49, "preview": 0.01}


@pytest.mark.parametrize(
    "raw",
    [
        "transfer=90,lister=9,preview=2",
        "transfer=88,lister=10",
        "transfer=88,lister=10,preview=0",
        "transfer=88,lister=10,preview=2,other=0",
        "transfer=44,transfer=44,lister=10,preview=2",
        "transfer=88,lister=10,preview=-2",
        "transfer=88,lister=10,preview=²",
        "transfer:88,lister:10,preview:2",
        "88,10,2",
        "=",
        "transfer=88,lister=10,preview=2,",
    ],
)
def test_shares_that_do_not_add_up_or_leave_one_out_are_a_fault(raw: str) -> None:
    assert "DRIVE_QUOTA_SHARES" in fault({"DRIVE_QUOTA_SHARES": raw})


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("DRIVE_QUOTA_UNITS_PER_MINUTE", "-1"),
        ("DRIVE_QUOTA_MODEL", "bytes"),
        ("DRIVE_QUOTA_USER", "x" * 41),
        ("DRIVE_COOL_DOWN_SECONDS", "0"),
        ("DRIVE_TIMEOUT_SECONDS", "0"),
    ],
)
def test_settings_of_drive_that_make_no_sense_are_faults(name: str, raw: str) -> None:
    assert name in fault({name: raw})


@given(raw=st.text(max_size=30))
def test_no_text_breaks_the_settings_of_drive(raw: str) -> None:
    reader = Reader(dict.fromkeys(("DRIVE_QUOTA_MODEL", "DRIVE_QUOTA_SHARES"), raw))
    given = QuotaSettings.read(reader)
    assert reader.faults or sum(given.shares.values()) <= 1 + 1e-9


def test_a_service_account_s_file_is_taken_if_it_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text('{"type": "service_account"}')
    assert drive({"GOOGLE_APPLICATION_CREDENTIALS": str(path)}).credentials_file == path
    assert drive({}).credentials_file is None


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[1]", b"\xff\xfe", b"[" * 100_000, None])
def test_a_service_account_s_file_that_is_none_is_a_fault(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "account.json"
    if content is not None:
        path.write_bytes(content)
    told = fault({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert "GOOGLE_APPLICATION_CREDENTIALS" in told
    assert str(path) in told
