"""Where the api listens is said in the environment, and refused with all its faults at once."""

import pytest

from services.api.__main__ import Settings
from services.api.keys import ApiKeys
from services.api.settings import ApiSettings
from services.core.settings import Reader, SettingsError, read_settings

ENOUGH = {
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "never-to-be-seen",
    "DATABASE_URL": "postgresql://user:never-to-be-seen@127.0.0.1/db",
}
KEY = f"ci:import:{'ab' * 32}"


def test_by_default_it_listens_on_loopback() -> None:
    assert ApiSettings.read(Reader({})) == ApiSettings(
        host="127.0.0.1",
        port=3000,
        allowed_hosts=frozenset({"localhost", "127.0.0.1"}),
        public_url="",
        keys=ApiKeys([]),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1"])
def test_loopback_needs_no_decision(host: str) -> None:
    reader = Reader({"HOST": host, "PORT": "8080"})
    assert ApiSettings.read(reader).port == 8080
    assert reader.faults == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.x"])
def test_elsewhere_it_refuses_unless_told(host: str) -> None:
    reader = Reader({"HOST": host})
    ApiSettings.read(reader)
    assert "ALLOW_WITHOUT_KEYS=true" in reader.faults[0]
    enough = ({"ALLOW_WITHOUT_KEYS": "true"}, {"API_OPEN": "true"}, {"API_KEYS": KEY})
    for env in enough:
        told = Reader({"HOST": host, **env})
        assert ApiSettings.read(told).host == host
        assert told.faults == []


@pytest.mark.parametrize("keys", ["", " ", ",", " , ,"])
def test_a_list_without_a_key_opens_nothing(keys: str) -> None:
    reader = Reader({"HOST": "0.0.0.0", "API_KEYS": keys})
    ApiSettings.read(reader)
    assert "it has no keys" in reader.faults[0]


def test_keys_are_asked_for_wherever_there_are_any() -> None:
    for env in ({}, {"ALLOW_WITHOUT_KEYS": "true"}):
        settings = ApiSettings.read(Reader({"API_KEYS": KEY, **env}))
        assert [key.name for key in settings.keys.keys] == ["ci"]


@pytest.mark.parametrize("keys", ["x", "ci:read:never-to-be-seen", f"{KEY},{KEY}"])
def test_keys_that_are_none_are_refused(keys: str) -> None:
    with pytest.raises(SettingsError, match="API_KEYS") as raised:
        read_settings(ENOUGH | {"HOST": "0.0.0.0", "API_KEYS": keys}, Settings.read)
    assert "never-to-be-seen" not in str(raised.value)


@pytest.mark.parametrize(
    ("origins", "good"),
    [
        ("https://app.example.org", True),
        ("http://localhost:8080, http://[::1]:3, HTTPS://A.B", True),
        ("", True),
        ("*", False),
        ("app.example.org", False),
        ("https://app.example.org/", False),
        ("https://*.example.org", False),
        ("null", False),
    ],
)
def test_origins_are_listed_one_by_one(origins: str, good: bool) -> None:
    reader = Reader({"CORS_ORIGINS": origins})
    ApiSettings.read(reader)
    assert (reader.faults == []) == good
    assert all("CORS_ORIGINS" in fault for fault in reader.faults)


def test_all_faults_are_told_at_once() -> None:
    env = {"HOST": "0.0.0.0", "PORT": "many", "S3_PUBLIC_READ": "perhaps"}
    env |= {"S3_ENDPOINT_URL": "http://store.test"}
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


def test_it_answers_to_its_own_names_and_to_those_in_the_list() -> None:
    env = {
        "HOST": "Pictures.local",
        "ALLOW_WITHOUT_KEYS": "true",
        "ALLOWED_HOSTS": " api, *.Example.org ,,",
        "API_PUBLIC_URL": "https://img.example.net:8443/api",
    }
    reader = Reader(env)
    names = {"localhost", "pictures.local", "img.example.net", "api", "*.example.org"}
    assert ApiSettings.read(reader).allowed_hosts == names
    assert reader.faults == []


@pytest.mark.parametrize(
    "names", ["http://api", "api:3000", "a b", "*", "*.*", "a.*", "api,/", "ü"]
)
def test_a_list_of_hosts_that_is_none_is_refused(names: str) -> None:
    reader = Reader({"ALLOWED_HOSTS": names})
    ApiSettings.read(reader)
    assert bool(reader.faults) == (names != "*")
    assert all("ALLOWED_HOSTS" in fault for fault in reader.faults)


@pytest.mark.parametrize("url", ["api.example.org", "ftp://x", "http://[::1", "https://"])
def test_a_public_address_that_is_none_is_refused(url: str) -> None:
    reader = Reader({"API_PUBLIC_URL": url})
    ApiSettings.read(reader)
    assert [fault for fault in reader.faults if "API_PUBLIC_URL" in fault]
