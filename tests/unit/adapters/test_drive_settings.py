"""The way to Drive: directly, or through the proxy of the environment."""

import pytest

from services.adapters.drive.settings import DriveSettings, Limits
from services.adapters.environment import proxy_for
from services.core.settings import Reader

PROXY = "http://proxy.test:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("env", "url", "way"),
    [
        ({}, "https://www.googleapis.com", None),
        ({"HTTPS_PROXY": PROXY}, "https://www.googleapis.com", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://www.googleapis.com", None),
        ({"ALL_PROXY": PROXY}, "https://www.googleapis.com", PROXY),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": "127.0.0.1"}, "http://127.0.0.1:28085", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, "https://www.googleapis.com", None),
    ],
)
def test_the_environment_names_the_proxy(
    env: dict[str, str], url: str, way: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name.lower(), value)
    assert proxy_for(url) == way


def test_one_setting_bounds_every_wait_and_its_default_is_the_adapters_own() -> None:
    assert DriveSettings.read(Reader({})).limits == Limits()
    quick = DriveSettings.read(Reader({"DRIVE_TIMEOUT_SECONDS": "4"})).limits
    assert (quick.answer, quick.silence) == (4.0, 2.0)
