"""Signatures equal those of minio-py, which signs anything, and more slowly."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minio.credentials.credentials import Credentials
from minio.signer import sign_v4_s3

from services.adapters.store.signing import Signer

NOW = datetime(2026, 11, 26, 23, 59, 59, tzinfo=UTC)
BODY = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
HEADERS = {
    "host": "store.test:9000",
    "content-type": "image/jpeg",
    "x-amz-content-sha256": BODY,
    "x-amz-meta-drivestream-stored-by": "9a945bd3-48f5-56a9-8197-dfd2bd9f9e24",
}


def by_minio(path: str, signed: dict[str, str], keys: Credentials, now: datetime) -> str:
    headers = {name: value for name, value in signed.items() if name != "authorization"}
    theirs = sign_v4_s3(
        method="PUT",
        url=urlsplit(f"http://store.test:9000{path}"),
        region="eu-test-1",
        headers=dict(headers),
        credentials=keys,
        content_sha256=BODY,
        date=now,
    )
    return str(theirs["Authorization"]).replace(",", ", ").replace("  ", " ")


@given(key=st.text(min_size=1, max_size=40).filter(lambda key: not key.startswith("/")))
def test_any_key_is_signed_as_minio_does(key: str) -> None:
    path = f"/pictures/{quote(key.encode(errors='replace'))}"
    keys = Credentials("ours", "hush-hush")
    signed = Signer("eu-test-1").signed("PUT", path, HEADERS, keys, NOW)
    assert signed["authorization"] == by_minio(path, signed, keys, NOW)


@pytest.mark.parametrize("token", [None, "of-the-session"])
def test_another_day_or_secret_needs_another_key(token: str | None) -> None:
    signer = Signer("eu-test-1")
    for now in (NOW, NOW + timedelta(seconds=1), NOW):
        for secret in ("one", "two", "one"):
            keys = Credentials("ours", secret, token)
            signed = signer.signed("PUT", "/pictures/k", HEADERS, keys, now)
            assert signed.get("x-amz-security-token") == token
            assert signed["authorization"] == by_minio("/pictures/k", signed, keys, now)
