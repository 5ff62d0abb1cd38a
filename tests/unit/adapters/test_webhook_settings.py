"""Who receives webhooks, as the environment says it."""

import pytest

from services.adapters.webhooks.settings import MOST_URLS, WebhookSettings
from services.core.settings import SettingsError, read_settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfgh6Zx"
URL = "https://hooks.example.com/services/T0/secret-token?key=a%2Cb"


def read(urls: str, secret: str = SECRET) -> WebhookSettings:
    return read_settings({"WEBHOOK_URLS": urls, "WEBHOOK_SECRET": secret}, WebhookSettings.read)


def test_without_urls_nothing_else_is_needed() -> None:
    assert read_settings({}, WebhookSettings.read).endpoints == ()
    assert read(" , ").endpoints == ()


def test_each_url_is_one_endpoint_with_a_name_and_an_id_of_its_own() -> None:
    settings = read(f"{URL}, http://10.0.0.7:8080/hook,{URL}")
    first, second = settings.endpoints
    assert first.url.reveal() == URL
    assert first.name.startswith("hooks.example.com#")
    assert second.name.startswith("10.0.0.7:8080#")
    assert first.id != second.id
    assert first.id == read(URL).endpoints[0].id


def test_two_secrets_may_be_in_use() -> None:
    assert [each.reveal() for each in read(URL, f"{SECRET}, {OTHER}").secrets] == [SECRET, OTHER]


def test_no_secret_is_printed() -> None:
    shown = repr(read(URL))
    assert "secret-token" not in shown
    assert SECRET.removeprefix("whsec_") not in shown
    assert "secret-token" not in read(URL).endpoints[0].name


@pytest.mark.parametrize(
    "url",
    [
        *("hooks.example.org", "ftp://hooks.example.com", "https://", "https://:80/x"),
        *("https://user:password@hooks.example.com", "https://hooks.example.com:0/x"),
        *("https://hooks.example.com:99999/x", "https://hooks.example.com/a b", "https://[::1/x"),
        *("https://hooks.example.com/#part", f"https://hooks.example.com/{'x' * 2000}"),
        "https://häuser.example.com/",
    ],
)
def test_what_is_no_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(f"https://good.example.com,{url}")
    assert "Number 2 is not such a URL." in str(refused.value)
    assert url.removeprefix("https://") not in str(refused.value) or url == "https://"


def test_too_many_urls_are_refused() -> None:
    with pytest.raises(SettingsError, match=f"at most {MOST_URLS}"):
        read(",".join(f"https://{number}.example.com" for number in range(MOST_URLS + 1)))


@pytest.mark.parametrize(
    "secret",
    [
        *("", "secret", SECRET.removeprefix("whsec_"), "whsec_", "whsec_c2hvcnQ=", "whsec_ü"),
        *(f"{SECRET}!", f"whsec_{'A' * 120}", f"{SECRET},secret"),
    ],
)
def test_a_secret_that_cannot_sign_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET must be") as refused:
        read(URL, secret)
    assert len(secret) < 10 or secret not in str(refused.value)
