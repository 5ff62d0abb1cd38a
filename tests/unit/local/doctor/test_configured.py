"""The settings as the doctor reads them: every fault at once, and no value that may be a secret."""

import pytest

from local.doctor.configured import Configuration, origin, settings, shown

SERVERS = {
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "DATABASE_URL": "postgresql://u:p@db.test/x",
}


def told(env: dict[str, str]) -> dict[str, tuple[str, str]]:
    found = Configuration(env=env)
    return {finding.check: (finding.state, finding.seen) for finding in settings(found)}


def test_every_fault_is_told_at_once_and_quotes_nothing() -> None:
    odd = "MARKED-secret"
    env = SERVERS | {
        "TRANSFER_CONCURRENCY": odd,
        "S3_PUBLIC_READ": odd,
        "DRIVE_API_URL": odd,
        "DRIVE_QUOTA_MODEL": odd,
        "HOST": f"{odd}.example.org",
        "GOOGLE_APPLICATION_CREDENTIALS": odd,
    }
    found = told(env)
    wrong = {check for check, (state, _) in found.items() if state == "wrong"}
    assert wrong == set(env) - set(SERVERS)
    assert odd not in str(found)


def test_defaults_and_what_is_not_set_are_told_apart() -> None:
    found = told({**SERVERS, "PORT": "3001"})
    assert found["PORT"] == ("ok", "3001")
    assert "TRANSFER_CONCURRENCY=4-128" in found["Defaults"][1]
    assert "PORT=" not in found["Defaults"][1].split("; ")
    assert "GOOGLE_API_KEY" in found["Not set"][1]


def test_nothing_is_missing_that_up_would_set_itself() -> None:
    assert not [s for s, _ in told({}).values() if s == "wrong"]
    half = told({"S3_ENDPOINT_URL": "http://store.test:9000"})
    assert half["AWS_ACCESS_KEY_ID"] == ("wrong", "AWS_ACCESS_KEY_ID is not set.")


def test_what_runs_here_gives_its_settings_but_not_its_drive_to_a_key_of_ones_own() -> None:
    running = {**SERVERS, "DRIVE_API_URL": "http://127.0.0.1:1", "GOOGLE_API_KEY": "emulator-key"}
    alone = Configuration(env={}, running=running, copy_runs=True)
    assert alone.known["DRIVE_API_URL"] == "http://127.0.0.1:1"
    for name in ("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"):
        own = Configuration(env={name: "mine"}, running=running, copy_runs=True)
        assert "DRIVE_API_URL" not in own.known
        assert own.known[name] == "mine"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "3000", "3000"),
        ("S3_PUBLIC_READ", "Yes", "Yes"),
        ("S3_BUCKET", "my-pictures", "my-pictures"),
        ("S3_BUCKET", "wJalrXUtnFEMI/K7MDENG", "set (value not shown)"),
        ("AWS_REGION", "eu-central-1", "eu-central-1"),
        ("AWS_REGION", "a1b2c3d4e5", "set (value not shown)"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:1,b.test:9092", "a:1,b.test:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "u:p@a:1", "set (value not shown)"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "SASL_SSL"),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", "SCRAM-SHA-512"),
        ("KAFKA_USERNAME", "fleet", "set (value not shown)"),
        ("KAFKA_PASSWORD", "123456", "set (value not shown)"),
        ("DATABASE_URL", "postgresql://u:p@db.test:5/x?password=y", "postgresql://db.test:5"),
        ("DATABASE_READ_URL", "postgresql://u:p@copy.test/x", "postgresql://copy.test"),
        ("S3_ENDPOINT_URL", "http://u:p@[::1]:9000/x", "http://[::1]:9000"),
        ("S3_ENDPOINT_URL", "no address", "set (value not shown)"),
        ("GOOGLE_API_KEY", "AIza", "set (value not shown)"),
    ],
)
def test_a_value_is_shown_as_far_as_it_cannot_be_a_secret(
    name: str, value: str, expected: str
) -> None:
    assert shown(name, value) == expected


def test_what_is_no_address_has_no_origin() -> None:
    assert origin("http://host:port") == origin("http://[") == origin("word") == ""
