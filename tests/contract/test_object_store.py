"""One suite for the store in memory and for a real one: what the transfer may rely on."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from minio import Minio

from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.core.errors import SetAside, Stop
from services.core.object_key import object_key
from services.core.ports import KeepsObjects
from services.core.settings import Reader, Secret
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.samples import a_file

MIB = 1024 * 1024
JPEG = "image/jpeg"


class Checked(KeepsObjects, Protocol):
    """The port, and whether the store is there at all."""

    async def ready(self) -> None: ...


@dataclass(frozen=True)
class Shelf:
    """A store, and what a tester sees of it from the side."""

    store: Checked
    without_bucket: Checked
    with_wrong_secret: Checked
    client: Minio | None = None

    def kept(self) -> dict[str, Kept]:
        if isinstance(self.store, FakeStore):
            return self.store.objects
        assert self.client is not None
        names = [o.object_name for o in self.client.list_objects(self.store.bucket, recursive=True)]
        return {name: self._object(name) for name in names if name}

    def _object(self, name: str) -> Kept:
        assert self.client is not None
        answer = self.client.get_object(self.store.bucket, name)
        try:
            return Kept(answer.read(), answer.headers["content-type"])
        finally:
            answer.close()
            answer.release_conn()

    def unfinished(self) -> Sequence[str]:
        if self.client is None:
            return []
        listed = self.client._list_multipart_uploads(self.store.bucket)
        return [upload.object_name for upload in listed.uploads]


def fake_shelf() -> Shelf:
    lost, refused = FakeStore(), FakeStore()
    lost.refusal = Stop("no_bucket", "There is no bucket.")
    refused.refusal = Stop("store_refused", "Refused.")
    return Shelf(FakeStore(), lost, refused)


@contextmanager
def real_shelf(servers: Mapping[str, str]) -> Iterator[Shelf]:
    """A bucket of its own: the suite needs no topics and no tables beside it."""
    bucket = f"shelf-{uuid4().hex[:12]}"
    at = StoreSettings.read(Reader({**servers, "S3_BUCKET": bucket}))
    address, secret = urlsplit(at.endpoint_url), at.secret_access_key.reveal()
    client = Minio(
        endpoint=address.netloc,
        access_key=at.access_key_id,
        secret_key=secret,
        secure=address.scheme == "https",
    )
    client.make_bucket(bucket)
    shelf = Shelf(
        ObjectStore(at),
        ObjectStore(replace(at, bucket="no-such-bucket")),
        ObjectStore(replace(at, secret_access_key=Secret("wrong-secret"))),
        client,
    )
    try:
        yield shelf
    finally:
        for name in shelf.kept():
            client.remove_object(bucket, name)
        client.remove_bucket(bucket)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    if request.param == "fake":
        yield fake_shelf()
        return
    with real_shelf(request.getfixturevalue("servers")) as shelf:
        yield shelf


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_what_was_put_is_there_with_its_type(shelf: Shelf) -> None:
    await shelf.store.put("folder/a.jpg", b"abc", content_type=JPEG)
    assert shelf.kept() == {"folder/a.jpg": Kept(b"abc", JPEG)}
    assert await shelf.store.size("folder/a.jpg") == 3


async def test_putting_twice_keeps_the_second(shelf: Shelf) -> None:
    await shelf.store.put("k", b"first", content_type=JPEG)
    await shelf.store.put("k", bytearray(b"second"), content_type=JPEG)
    assert shelf.kept() == {"k": Kept(b"second", JPEG)}


async def test_an_object_of_nothing_is_an_object(shelf: Shelf) -> None:
    await shelf.store.put("whole", b"", content_type=JPEG)
    await shelf.store.put_stream("stream", chunks(), content_type=JPEG)
    assert shelf.kept() == {"whole": Kept(b"", JPEG), "stream": Kept(b"", JPEG)}
    assert await shelf.store.size("whole") == 0


async def test_what_is_not_there_has_no_size(shelf: Shelf) -> None:
    assert await shelf.store.size("nothing") is None


async def test_a_stream_of_many_parts_arrives_in_order(shelf: Shelf) -> None:
    parts = [bytes([n]) * MIB for n in range(17)]
    await shelf.store.put_stream("big", chunks(*parts), content_type=JPEG)
    assert shelf.kept() == {"big": Kept(b"".join(parts), JPEG)}


@pytest.mark.parametrize("before", [0, 1, 12])
async def test_a_stream_that_fails_leaves_nothing(shelf: Shelf, before: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(before):
            yield b"x" * MIB
        raise SetAside("content_mismatch", "Wrong bytes.")

    with pytest.raises(SetAside) as caught:
        await shelf.store.put_stream("k", broken(), content_type=JPEG)
    assert caught.value.reason == "content_mismatch"
    assert shelf.kept() == {}
    assert shelf.unfinished() == []


async def test_a_stream_that_is_cancelled_leaves_nothing(shelf: Shelf) -> None:
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for number in range(1000):
            if number == 12:
                begun.set()
            await asyncio.sleep(0.01)
            yield b"x" * MIB

    task = asyncio.ensure_future(shelf.store.put_stream("k", slow(), content_type=JPEG))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert shelf.kept() == {}
    assert shelf.unfinished() == []


@pytest.mark.parametrize("key", ["x" * 256, "/".join(["x" * 200] * 6)])
async def test_a_key_that_is_too_long_sets_the_file_aside(shelf: Shelf, key: str) -> None:
    with pytest.raises(SetAside) as caught:
        await shelf.store.put(key, b"abc", content_type=JPEG)
    assert caught.value.reason == "object_key_refused"


async def test_without_its_bucket_nothing_can_work(shelf: Shelf) -> None:
    for act in (
        shelf.without_bucket.put("k", b"abc", content_type=JPEG),
        shelf.without_bucket.put_stream("k", chunks(b"abc"), content_type=JPEG),
        shelf.without_bucket.ready(),
    ):
        with pytest.raises(Stop) as caught:
            await act
        assert caught.value.reason == "no_bucket"


async def test_with_refused_credentials_nothing_can_work(shelf: Shelf) -> None:
    for act in (
        shelf.with_wrong_secret.put("k", b"abc", content_type=JPEG),
        shelf.with_wrong_secret.put_stream("k", chunks(b"abc"), content_type=JPEG),
        shelf.with_wrong_secret.ready(),
    ):
        with pytest.raises(Stop) as caught:
            await act
        assert caught.value.reason == "store_refused"


async def test_a_store_that_is_there_is_ready(shelf: Shelf) -> None:
    await shelf.store.ready()


@pytest.mark.real
async def test_a_store_that_is_not_there_is_waited_for() -> None:
    env = {"S3_ENDPOINT_URL": "http://127.0.0.1:1"}
    keys = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    nowhere = ObjectStore(StoreSettings.read(Reader(env | keys)))
    for act in (
        nowhere.put("k", b"abc", content_type=JPEG),
        nowhere.put_stream("k", chunks(b"abc"), content_type=JPEG),
        nowhere.size("k"),
        nowhere.ready(),
    ):
        with pytest.raises(Stop) as caught:
            await act
        assert caught.value.reason == "store_unreachable"
        assert "http://127.0.0.1:1" in caught.value.message


HOSTILE = st.text(
    alphabet="ab.~#%&+?=[]{}^`'\"<>|;:,$!()*\\/\n\u00e9\u202e\U0001f305 ", max_size=90
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=HOSTILE)
async def test_any_name_becomes_a_key_that_comes_back_unchanged(shelf: Shelf, name: str) -> None:
    key = object_key(a_file(name=name))
    await shelf.store.put(key, name.encode(), content_type=JPEG)
    assert shelf.kept()[key] == Kept(name.encode(), JPEG)
