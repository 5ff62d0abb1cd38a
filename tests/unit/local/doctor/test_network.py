"""The way to Drive, as far as the settings decide it."""

import pytest

from local.doctor.network import network


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "::bad", "http://host:99999"])
def test_a_proxy_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("all_proxy", proxy)
    (found,) = network("https://www.googleapis.com")
    assert found.state == "wrong"
    assert "HTTPS_PROXY or ALL_PROXY must be a URL such as http://host:port" in found.seen
