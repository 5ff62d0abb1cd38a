"""Addresses of objects: public or signed, whatever the picture is called."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import ObjectUrls
from services.core.object_key import object_key
from services.core.settings import Secret, SettingsError, read_settings
from tests.samples import FOUND

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
ENOUGH = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "never-to-be-seen"}
NAMES = st.text(max_size=300) | st.sampled_from(
    ["../../etc/passwd", 'a"b.jpg', "a\r\nSet-Cookie: x=1.jpg", "Grüße 🌄.jpg", "%2e%2e", "a;b,c"]
)


def urls(
    *, public_read: bool = False, public_url: str = "http://store.test:9000", now: datetime = NOW
) -> ObjectUrls:
    settings = StoreSettings(
        access_key_id="key-id",
        secret_access_key=Secret("never-to-be-seen"),
        region="eu-test-1",
        bucket="pictures",
        endpoint_url="",
        public_url=public_url,
        public_read=public_read,
    )
    return ObjectUrls(settings, lambda: now)


def signed(name: str, content_type: str = "image/jpeg", now: datetime = NOW) -> str:
    path = f"s3://pictures/folder/{name}"
    return urls(now=now).signed_url(path, name=name, content_type=content_type)


def public(storage_path: str, public_url: str = "http://store.test:9000") -> str:
    return urls(public_read=True, public_url=public_url).public_url(storage_path)


@given(name=NAMES)
def test_any_name_leads_to_its_own_object_and_to_one_clean_header(name: str) -> None:
    key = object_key(replace(FOUND, name=name))
    address = urls().signed_url(f"s3://pictures/{key}", name=name, content_type="image/png")
    assert address.isascii()
    assert address.isprintable()
    parts = urlsplit(address)
    assert unquote(parts.path) == f"/pictures/{key}"
    query = parse_qs(parts.query)
    [disposition] = query["response-content-disposition"]
    assert disposition.isascii()
    assert disposition.isprintable()
    assert disposition.startswith('inline; filename="')
    assert disposition.count('"') == 2
    assert len(address) < 4096


def test_the_address_is_signed_and_shows_no_secret() -> None:
    query = parse_qs(urlsplit(signed("a.jpg")).query)
    assert query["X-Amz-Expires"] == ["7200"]
    assert query["X-Amz-Credential"] == ["key-id/20261123/eu-test-1/s3/aws4_request"]
    assert len(query["X-Amz-Signature"][0]) == 64
    assert "never-to-be-seen" not in signed("a.jpg")


def test_the_address_stays_the_same_for_an_hour() -> None:
    assert signed("a.jpg") == signed("a.jpg", now=NOW + timedelta(minutes=20))
    assert signed("a.jpg") != signed("a.jpg", now=NOW + timedelta(minutes=40))


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("image/jpeg", True),
        ("IMAGE/PNG", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("image/jpeg\r\nx: y", False),
        ("", False),
    ],
)
def test_only_plain_pictures_are_shown_in_the_browser(content_type: str, shown: bool) -> None:
    query = parse_qs(urlsplit(signed("a.svg", content_type)).query)
    kind = content_type.lower() if shown else "application/octet-stream"
    assert query["response-content-type"] == [kind]
    [disposition] = query["response-content-disposition"]
    assert disposition.startswith("inline" if shown else "attachment")


@given(name=NAMES)
def test_a_public_address_leads_to_the_object_as_it_is_given(name: str) -> None:
    key = object_key(replace(FOUND, name=name))
    parts = urlsplit(public(f"s3://pictures/{key}"))
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == (
        "http",
        "store.test:9000",
        "",
        "",
    )
    assert parts.path.isascii()
    assert " " not in parts.path
    assert unquote(parts.path) == f"/pictures/{key}"


def test_a_public_object_has_a_plain_address() -> None:
    address = public("s3://pictures/folder/a b#ü%.jpg")
    assert address == "http://store.test:9000/pictures/folder/a%20b%23%C3%BC%25.jpg"


def test_a_public_address_with_a_path_is_a_proxy_in_front_of_the_store() -> None:
    proxied = urls(public_url="https://example.test/s3")
    address = proxied.signed_url("s3://pictures/k.jpg", name="k.jpg", content_type="image/jpeg")
    assert address.startswith("https://example.test/s3/pictures/k.jpg?")
    address = public("s3://pictures/k.jpg", "https://example.test/s3")
    assert address == "https://example.test/s3/pictures/k.jpg"


def test_without_an_endpoint_the_store_is_amazons() -> None:
    address = urls(public_url="").signed_url("s3://pictures/k", name="k", content_type="image/png")
    assert (urlsplit(address).hostname or "").endswith(".eu-test-1.amazonaws.com")
    assert public("s3://pictures/k", "") == "https://pictures.s3.eu-test-1.amazonaws.com/k"


@pytest.mark.parametrize(
    ("template", "address"),
    [
        ("https://cdn.test/{key}", "https://cdn.test/a/b%20%7Bkey%7D.jpg"),
        (
            "https://cdn.test/i/{bucket}/{key}?w=9",
            "https://cdn.test/i/pics/a/b%20%7Bkey%7D.jpg?w=9",
        ),
        ("https://{bucket}.cdn.test/{key}", "https://pics.cdn.test/a/b%20%7Bkey%7D.jpg"),
    ],
)
def test_a_public_address_may_be_a_template(template: str, address: str) -> None:
    env = ENOUGH | {"S3_PUBLIC_URL": template}
    settings = read_settings(env, StoreSettings.read)
    assert ObjectUrls(settings, lambda: NOW).public_url("s3://pics/a/b {key}.jpg") == address


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"S3_PUBLIC_URL": "https://cdn.test/{kye}"}, "no other braces"),
        ({"S3_PUBLIC_URL": "https://cdn.test/{key"}, "no other braces"),
        ({"S3_PUBLIC_URL": "https://cdn.test/{}/{key}"}, "no other braces"),
        ({"S3_PUBLIC_URL": "https://{key}.cdn.test/"}, "after its host"),
        ({"S3_PUBLIC_URL": "https://cdn.test/{bucket}"}, "it must also contain {key}"),
        ({"S3_PUBLIC_URL": "https://cdn.test/{key}", "S3_PUBLIC_READ": "false"}, "S3_PUBLIC_READ"),
        ({"S3_PUBLIC_URL": "cdn.test/{key}"}, "must be a URL"),
        ({"S3_PUBLIC_URL": "http://[::1/{key}"}, "must be a URL"),
    ],
)
def test_a_template_that_cannot_be_is_refused_with_a_sentence(
    env: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match="S3_PUBLIC_URL") as raised:
        read_settings(ENOUGH | env, StoreSettings.read)
    assert said in str(raised.value)


def test_everybody_may_read_unless_told_otherwise() -> None:
    assert read_settings(ENOUGH, StoreSettings.read).public_read
    private = read_settings(ENOUGH | {"S3_PUBLIC_READ": "false"}, StoreSettings.read)
    assert not private.public_read
