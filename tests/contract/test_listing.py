"""What `verify` and `prune` rely on in a bucket: one suite for each real store."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from uuid import uuid4

import pytest
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from services.adapters.store.listing import KEEPS_VERSIONS, LOCKED, BucketReader, Digest
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop, TryAgain
from services.core.settings import Secret
from services.verifying.comparing import Objects
from tests.contract.test_object_store import Shelf, chunks, real_shelf
from tests.fakes.s3_server import Answer, s3_server
from tests.fakes.transferring import BODY

pytestmark = pytest.mark.real
FLAT = ["A", "B_1", "B-1", "a!", "a b", "é", "z", "\U0001f305", "+%&=", "~", "thumbnails.v1/160/A"]
FOLDERS = ["a/b", "a-b", "a!b", "a/c.d", "ab"]


@pytest.fixture
def shelf(real_store: Mapping[str, str]) -> Iterator[Shelf]:
    with real_shelf(real_store) as shelf:
        yield shelf


def reader(shelf: Shelf) -> BucketReader:
    assert shelf.settings is not None
    return BucketReader(shelf.settings, 4)


def fill(shelf: Shelf, *keys: str) -> None:
    assert shelf.client is not None
    for key in keys:
        shelf.client.put_object(shelf.store.bucket, key, io.BytesIO(b"abc"), 3)


def listed(shelf: Shelf, after: str = "", prefix: str = "") -> list[str]:
    pages = reader(shelf).pages(after, prefix)
    return [each.key for page in pages for each in page]


def test_every_key_is_listed_once_and_from_any_place_on(shelf: Shelf) -> None:
    fill(shelf, *FLAT)
    ordered = sorted(FLAT, key=str.encode)
    assert listed(shelf) == ordered
    assert [each.key for each in Objects(reader(shelf))] == ordered
    assert listed(shelf, after="a b") == [key for key in ordered if key > "a b"]
    assert listed(shelf, after="a") == [key for key in ordered if key > "a"]
    assert listed(shelf, prefix="thumbnails.v1/") == ["thumbnails.v1/160/A"]
    (page,) = reader(shelf).pages()
    assert {each.size for each in page} == {3}
    assert {each.modified.tzinfo is not None for each in page} == {True}


def test_objects_are_listed_in_the_order_of_their_keys(shelf: Shelf) -> None:
    fill(shelf, *FOLDERS)
    assert listed(shelf) == sorted(FOLDERS, key=str.encode)


async def test_an_object_says_who_stored_it_and_what_its_bytes_are(shelf: Shelf) -> None:
    assert shelf.settings is not None
    store = ObjectStore(shelf.settings)
    await store.put("whole é", BODY, content_type="image/png", stored_by="import-1")
    await store.put_stream("parts", chunks(BODY), content_type="image/png", stored_by="r-1")
    await store.put("unmarked", b"", content_type="image/png")
    looks = {key: reader(shelf).look(key) for key in ("whole é", "parts", "unmarked", "nothing")}
    assert looks.pop("nothing") is None
    said = {key: (look.size, look.stored_by) for key, look in looks.items() if look}
    assert said == {
        "whole é": (len(BODY), "import-1"),
        "parts": (len(BODY), "r-1"),
        "unmarked": (0, ""),
    }
    md5, sha256 = hashlib.md5(BODY).hexdigest(), hashlib.sha256(BODY).hexdigest()
    assert reader(shelf).digest("parts") == Digest(len(BODY), md5, sha256)
    assert reader(shelf).digest("nothing") is None


def test_deleting_takes_what_is_named_and_nothing_else(shelf: Shelf) -> None:
    fill(shelf, *FLAT)
    gone = [key for key in FLAT if key != "A"]
    assert reader(shelf).delete([*gone, "was never there"]) == {}
    assert listed(shelf) == ["A"]
    assert reader(shelf).keeps_deleted() == ""


def test_a_key_that_is_no_xml_is_deleted_without_harm_to_others(
    servers: Mapping[str, str],
) -> None:
    odd = ["\x01", "a\rb", "\ufffe"]
    with real_shelf(servers) as shelf:
        fill(shelf, *odd, "a\nb", "c")
        assert reader(shelf).delete([*odd[1:], "c"]) == {}
        assert listed(shelf) == ["\x01", "a\nb"]
        assert reader(shelf).delete(odd) == {}
        assert listed(shelf) == ["a\nb"]


def test_a_bucket_with_versions_keeps_what_is_deleted_and_says_so(
    servers: Mapping[str, str],
) -> None:
    with real_shelf(servers) as shelf:
        assert shelf.client is not None
        shelf.client.set_bucket_versioning(shelf.store.bucket, VersioningConfig(ENABLED))
        assert reader(shelf).keeps_deleted() == KEEPS_VERSIONS
        fill(shelf, "a")
        assert reader(shelf).delete(["a"]) == {}
        assert listed(shelf) == []
        _remove_versions(shelf.client, shelf.store.bucket)


def _remove_versions(client: Minio, bucket: str) -> None:
    for found in client.list_objects(bucket, recursive=True, include_version=True):
        client.remove_object(bucket, found.object_name or "", version_id=found.version_id)


def test_a_locked_bucket_says_so(servers: Mapping[str, str]) -> None:
    with real_shelf(servers, retained=True) as shelf:
        assert reader(shelf).keeps_deleted() == LOCKED


def test_a_store_that_refuses_or_is_away_is_said(shelf: Shelf) -> None:
    assert shelf.settings is not None
    wrong = replace(shelf.settings, secret_access_key=Secret("wrong"))
    lost = replace(shelf.settings, bucket=f"no-{uuid4().hex[:12]}")
    for settings, reason in ((wrong, "store_refused"), (lost, "no_bucket")):
        with pytest.raises(Stop) as caught:
            next(BucketReader(settings).pages())
        assert caught.value.reason == reason
    nowhere = replace(shelf.settings, endpoint_url="http://127.0.0.1:1")
    for act in (
        lambda: next(BucketReader(nowhere).pages()),
        lambda: BucketReader(nowhere).look("k"),
        lambda: BucketReader(nowhere).digest("k"),
        lambda: BucketReader(nowhere).delete(["k"]),
    ):
        with pytest.raises(TryAgain):
            act()


def test_each_key_that_is_not_deleted_is_named_with_the_store_s_words() -> None:
    refusal = (
        b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code>"
        b"<Message>Object is WORM protected.</Message></Error>"
        b"<Error><Key>b</Key><Code>NoSuchKey</Code><Message>Gone.</Message></Error></DeleteResult>"
    )
    with s3_server() as server:
        server.document = refusal
        said = at(server.url).delete(["a", "b", "c"])
        assert said == {"a": "Object is WORM protected. (AccessDenied)"}
        server.document = b""
        server.always = Answer(403, "AccessDenied", "No.")
        assert "may not ask" in at(server.url).keeps_deleted()
        server.always = Answer(501, "NotImplemented", "No such thing.")
        assert at(server.url).keeps_deleted() == ""


def at(url: str) -> BucketReader:
    return BucketReader(
        StoreSettings(
            access_key_id="me",
            secret_access_key=Secret("hush"),
            region="us-east-1",
            bucket="pictures",
            endpoint_url=url,
            public_url="",
            public_read=False,
        )
    )
