"""Where the api listens is said in the environment, and refused with all its faults at once."""

import pytest

from services.api.__main__ import Settings
from services.api.settings import ApiSettings
from services.core.settings import Reader, SettingsError, read_settings

ENOUGH = {
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "never-to-be-seen",
    "DATABASE_URL": "postgresql://user:never-to-be-seen@127.0.0.1/db",
}


def test_by_default_it_listens_on_loopback() -> None:
    assert ApiSettings.read(Reader({})) == ApiSettings(host="127.0.0.1", port=3000)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1"])
def test_loopback_needs_no_decision(host: str) -> None:
    reader = Reader({"HOST": host, "PORT": "8080"})
    assert ApiSettings.read(reader).port == 8080
    assert reader.faults == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.x"])
def test_elsewhere_it_refuses_unless_told(host: str) -> None:
    reader = Reader({"HOST": host})
    ApiSettings.read(reader)
    assert "API_OPEN=true" in reader.faults[0]
    told = Reader({"HOST": host, "API_OPEN": "true"})
    assert ApiSettings.read(told).host == host
    assert told.faults == []


def test_all_faults_are_told_at_once() -> None:
    env = {"HOST": "0.0.0.0", "PORT": "many", "S3_PUBLIC_READ": "perhaps"}
    with pytest.raises(SettingsError) as raised:
        read_settings(env, Settings.read)
    said = str(raised.value)
    names = ("HOST", "PORT", "S3_PUBLIC_READ", "AWS_ACCESS_KEY_ID", "DATABASE_URL")
    assert [name for name in names if name not in said] == []


def test_what_is_wrong_is_readable_and_shows_no_secret() -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings(ENOUGH | {"PORT": "70000"}, Settings.read)
    assert str(raised.value) == "PORT must be a whole number from 0 to 65535."


def test_settings_never_show_their_secrets() -> None:
    settings = read_settings(ENOUGH, Settings.read)
    assert "never-to-be-seen" not in repr(settings)
