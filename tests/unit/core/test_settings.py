"""Settings: all faults at once, secrets never shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.settings import (
    DatabaseSettings,
    DriveSettings,
    KafkaSettings,
    Reader,
    SettingsError,
    StoreSettings,
    data_dir,
    read_settings,
)

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
