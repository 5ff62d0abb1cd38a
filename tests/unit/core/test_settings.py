"""Settings: all faults at once, secrets never shown."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.drive.settings import DriveSettings
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.store.settings import StoreSettings
from services.adapters.worker import WorkerSettings
from services.api import __main__ as api
from services.core.flow.quota import QuotaSettings
from services.core.settings import NAMES, Reader, SettingsError, read_settings
from services.indexer import __main__ as indexer
from services.setup import __main__ as setup
from services.transfer import __main__ as transfer

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
    assert (store.bucket, store.region, store.public_read) == ("drivestream", "us-east-1", True)
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


SECRETS = ("hush-hush", "hush@hush", "hush%zz", "hush/hush", "[hush", "hush#?hush")
READERS: Mapping[str, Callable[[Reader], object]] = {
    "setup": setup.provisioners,
    "api": api.Settings.read,
    "lister": WorkerSettings.read,
    "transfer": transfer.Settings.read,
    "indexer": indexer.Settings.read,
}


class Asked(dict[str, str]):
    """An environment that remembers the names it was asked for."""

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self[name] = default
        return default

    @classmethod
    def of(cls, read: Callable[[Reader], object]) -> "Asked":
        env = cls()
        read(Reader(env))
        return env


READ = sorted({name for read in READERS.values() for name in Asked.of(read)})


def told_by_services(env: Mapping[str, str]) -> list[str]:
    """Every fault and every warning."""
    told: list[str] = []
    try:
        read_settings(env, lambda reader: [r(reader) for r in READERS.values()], told.append)
    except SettingsError as why:
        told += str(why).split("\n")
    return told


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", READ)
def test_a_secret_in_any_setting_is_in_no_fault_and_no_warning(name: str, secret: str) -> None:
    """Whatever was meant: a key, an address with a password, the content of a key file."""
    values = (
        secret,
        f"ftp://user:{secret}@host/path?key={secret}",
        f"https://user:{secret}@host",
        f'{{"private_key": "{secret}", "type": "service_account"}}',
        f"{secret}\n{secret}",
        f"{secret}/{secret}",
        f"/{secret}/key.json",
    )
    for value in values:
        told = told_by_services({name: value})
        assert "hush" not in "".join(told), told


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(
    "odd", ["\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\u2028", "\udcff", "\n"]
)
def test_control_characters_are_refused_by_name_in_every_setting(name: str, odd: str) -> None:
    told = told_by_services({name: f"be{odd}fore"})
    mine = [fault for fault in told if fault.startswith(f"{name} ")]
    assert mine
    assert set(mine) == {
        f"{name} contains a line break, a control character or bytes that are not UTF-8."
    }


def test_a_line_break_around_a_value_is_not_part_of_it() -> None:
    assert Reader({"GOOGLE_API_KEY": " key\r\n"}).secret("GOOGLE_API_KEY").reveal() == "key"


@pytest.mark.parametrize("name", ["S3_ENDPOINT_URL", "S3_PUBLIC_URL", "DRIVE_API_URL"])
def test_an_address_that_is_shown_holds_no_password(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} must not contain a user name or password"):
        read_settings(GOOD | {name: "https://me:hush-hush@host:9000"}, everything)


@pytest.mark.parametrize("servers", ["me:hush-hush@kafka:9092", "sasl://kafka:9092"])
def test_brokers_are_hosts_and_ports_and_hold_no_password(servers: str) -> None:
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS must be host"):
        read_settings(GOOD | {"KAFKA_BOOTSTRAP_SERVERS": servers}, everything)


def test_a_store_is_named_in_messages_by_scheme_host_and_port() -> None:
    env = GOOD | {"S3_ENDPOINT_URL": "https://host:9000/"}
    assert read_settings(env, everything)[1].address == "https://host:9000"
    assert read_settings(GOOD | {"S3_ENDPOINT_URL": ""}, everything)[1].address == "Amazon S3"


@pytest.mark.parametrize("name", READERS)
def test_the_list_of_names_is_complete(name: str) -> None:
    """So that no service warns of a setting that another one reads."""
    assert set(Asked.of(READERS[name])) <= NAMES


def numbers(reader: Reader) -> int:
    reader.text("GOOGLE_API_KEY", "")
    reader.text("PORT", "")
    return reader.number("TRANSFER_CONCURRENCY", 32, 1, 64)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("TRANSFER_CONCURENCY", "TRANSFER_CONCURRENCY"),
        ("TRANSFER_CONCURRENCY_", "TRANSFER_CONCURRENCY"),
        ("transfer_concurrency", "TRANSFER_CONCURRENCY"),
        ("GOOGLE_APIKEY", "GOOGLE_API_KEY"),
        ("GOGLE_API_KEY", "GOOGLE_API_KEY"),
    ],
)
def test_a_misspelt_setting_is_a_fault_with_the_right_name(wrong: str, right: str) -> None:
    with pytest.raises(SettingsError) as why:
        read_settings({wrong: "8"}, numbers)
    assert str(why.value) == f"{wrong} is not a setting. Did you mean {right}?"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("DRIVE_TIMEOUT", "DRIVE_TIMEOUT is not a setting of Drivestream, and is ignored."),
        ("S3_ENDPOINT", "S3_ENDPOINT is not a setting of Drivestream, and is ignored."),
        ("DATABASE_URI", "DATABASE_URI is not a setting. Did you mean DATABASE_URL?"),
        (
            "TRANSFER_CONCURENCY",
            "TRANSFER_CONCURENCY is not a setting. Did you mean TRANSFER_CONCURRENCY?",
        ),
    ],
)
def test_an_unknown_setting_that_may_be_meant_for_another_is_warned_of(
    name: str, sentence: str
) -> None:
    said: list[str] = []
    env = {name: "8", "TRANSFER_CONCURRENCY": "7"}
    assert read_settings(env, numbers, warn=said.append) == 7
    assert said == [sentence]


def test_names_of_other_programs_are_none_of_our_business() -> None:
    compose = Path(__file__).parents[3] / ".env.example"
    lines = [line for line in compose.read_text().splitlines() if line and line[0] != "#"]
    env = {name: "x" for name in (line.partition("=")[0] for line in lines)} | {
        "KAFKA_SERVICE_HOST": "10.0.0.1",
        "KAFKA_SERVICE_PORT": "9092",
        "KAFKA_PORT_9092_TCP": "tcp://10.0.0.1:9092",
        "TRANSFER_PORT": "tcp://10.0.0.1:80",
        "TRANSFER_PORT_80_TCP_ADDR": "10.0.0.1",
        "DRIVE_SERVICE_PORT_HTTP": "80",
        "METRIC_PORT": "tcp://10.0.0.1:80",
        "S3_CONSOLE_URL": "http://127.0.0.1:9001",
        "TRANSFER_METRICS_URL": "http://127.0.0.1:9002/metrics",
        "API_URL": "http://127.0.0.1:3000",
        "WEB_URL": "http://127.0.0.1:5173",
        "AWS_PROFILE": "mine",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_SESSION_TOKEN": "x",
        "KAFKA_HEAP_OPTS": "-Xmx1g",
        "HOSTNAME": "me",
        "PORTS": "1",
        "POSTGRES_USER": "me",
        "TRANSFER_CONCURENCY": "",
    }
    said: list[str] = []
    read_settings({**env, "TRANSFER_CONCURRENCY": "7"}, numbers, warn=said.append)
    assert said == []


@pytest.mark.parametrize(("raw", "value"), [("5", 5), ("1", 1), ("10", 10)])
def test_numbers_within_bounds_are_taken(raw: str, value: int) -> None:
    assert Reader({"N": raw}).number("N", 3, 1, 10) == value


@given(raw=st.text(max_size=20))
def test_no_text_breaks_a_reader(raw: str) -> None:
    def read(reader: Reader) -> bool:
        reader.number("X", 3, 1, 10)
        reader.flag("X", True)
        reader.url("X", "http://default")
        reader.text("X")
        return not reader.faults

    with suppress(SettingsError):
        assert read_settings({"X": raw}, read)


@pytest.mark.parametrize("raw", ["0", "11", "-1", "many", "1.5", "9" * 400])
def test_numbers_out_of_bounds_are_faults(raw: str) -> None:
    reader = Reader({"N": raw})
    reader.number("N", 3, 1, 10)
    assert len(reader.faults) == 1


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
    assert (given.per_minute, given.counts_requests) == (325_000, False)
    assert given.shares == {"transfer": 0.88, "lister": 0.10, "preview": 0.02}


def test_an_older_project_counts_requests() -> None:
    given = quota({"DRIVE_QUOTA_MODEL": "queries"})
    assert (given.per_minute, given.counts_requests) == (12_000, True)
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


def test_a_service_account_s_file_in_the_home_of_nobody_is_a_fault() -> None:
    assert "cannot be read" in fault({"GOOGLE_APPLICATION_CREDENTIALS": "~no-such-user/key.json"})


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
