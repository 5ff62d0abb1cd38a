"""The table of addresses: complete, and without passwords that were only lent to us."""

from pathlib import Path

from local.servers.emulator import Sample
from local.show.addresses import addresses, table

SETTINGS = {
    "API_URL": "http://127.0.0.1:3000",
    "WEB_URL": "http://127.0.0.1:5173",
    "S3_ENDPOINT_URL": "http://127.0.0.1:29000",
    "S3_CONSOLE_URL": "http://127.0.0.1:29001",
    "AWS_ACCESS_KEY_ID": "drivestream",
    "AWS_SECRET_ACCESS_KEY": "made-by-us",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:29092",
    "DATABASE_URL": "postgresql://drivestream:pass@127.0.0.1:25432/drivestream",
    "DRIVE_API_URL": "http://127.0.0.1:28085",
    "LISTER_METRICS_URL": "http://127.0.0.1:15001/metrics",
    "TRANSFER_METRICS_URL": "http://127.0.0.1:15002/metrics",
}
OURS = {"kafka", "minio", "postgres", "emulator"}


def test_everything_that_runs_has_its_row() -> None:
    rows = addresses(SETTINGS, Path("/data"), Sample("https://example.org/folder", 7), OURS)
    assert list(rows) == [
        "Page",
        "API",
        "API documents",
        "S3",
        "S3 console",
        "Kafka",
        "PostgreSQL",
        "Drive",
        "Sample folder",
        "Metrics",
        "Data",
        "Logs",
    ]
    assert rows["Metrics"] == (
        "http://127.0.0.1:3000/metrics (api), http://127.0.0.1:15001/metrics (lister), "
        "http://127.0.0.1:15002/metrics (transfer)"
    )
    assert rows["API documents"] == "http://127.0.0.1:3000/schema"
    assert "made-by-us" in rows["S3 console"]
    assert "pass" in rows["PostgreSQL"]


def test_passwords_of_servers_that_we_did_not_start_are_not_shown() -> None:
    given = {key: value for key, value in SETTINGS.items() if key != "S3_CONSOLE_URL"}
    rows = addresses(given, Path("/data"), None, {"kafka"})
    assert rows["PostgreSQL"] == "postgresql://drivestream:***@127.0.0.1:25432/drivestream"
    assert "made-by-us" not in table(rows)
    assert "Sample folder" not in rows


def test_without_an_emulator_the_drive_is_google_s() -> None:
    given = {key: value for key, value in SETTINGS.items() if key != "DRIVE_API_URL"}
    assert addresses(given, Path("/data"), None, OURS)["Drive"] == (
        "Google's, with your credentials"
    )


def test_the_table_has_its_addresses_in_one_column() -> None:
    assert table({"API": "one", "PostgreSQL": "two"}) == "  API         one\n  PostgreSQL  two"
