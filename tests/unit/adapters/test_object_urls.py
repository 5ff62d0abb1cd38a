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
from services.core.settings import Secret
from tests.samples import FOUND

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
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


def signed(name: str, mime_type: str = "image/jpeg", now: datetime = NOW) -> str:
    return urls(now=now).url_of(f"s3://pictures/folder/{name}", name=name, mime_type=mime_type)


@given(name=NAMES)
def test_any_name_leads_to_its_own_object_and_to_one_clean_header(name: str) -> None:
    key = object_key(replace(FOUND, name=name))
    address = urls().url_of(f"s3://pictures/{key}", name=name, mime_type="image/png")
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
    ("mime_type", "shown"),
    [
        ("image/jpeg", True),
        ("IMAGE/PNG", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("image/jpeg\r\nx: y", False),
        ("", False),
    ],
)
def test_only_plain_pictures_are_shown_in_the_browser(mime_type: str, shown: bool) -> None:
    query = parse_qs(urlsplit(signed("a.svg", mime_type)).query)
    kind = mime_type.lower() if shown else "application/octet-stream"
    assert query["response-content-type"] == [kind]
    [disposition] = query["response-content-disposition"]
    assert disposition.startswith("inline" if shown else "attachment")


def test_a_public_object_has_a_plain_address() -> None:
    address = urls(public_read=True).url_of(
        "s3://pictures/folder/a b#ü.jpg", name="a b#ü.jpg", mime_type="image/jpeg"
    )
    assert address == "http://store.test:9000/pictures/folder/a%20b%23%C3%BC.jpg"


def test_a_public_address_with_a_path_is_a_proxy_in_front_of_the_store() -> None:
    proxied = urls(public_url="https://example.test/s3")
    address = proxied.url_of("s3://pictures/k.jpg", name="k.jpg", mime_type="image/jpeg")
    assert address.startswith("https://example.test/s3/pictures/k.jpg?")
    public = urls(public_url="https://example.test/s3", public_read=True)
    address = public.url_of("s3://pictures/k.jpg", name="k.jpg", mime_type="image/jpeg")
    assert address == "https://example.test/s3/pictures/k.jpg"


def test_without_an_endpoint_the_store_is_amazons() -> None:
    address = urls(public_url="").url_of("s3://pictures/k", name="k", mime_type="image/png")
    assert (urlsplit(address).hostname or "").endswith(".eu-test-1.amazonaws.com")
