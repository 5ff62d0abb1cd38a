"""One suite for the store in memory and for a real one: what the transfer may rely on."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from hashlib import md5, sha256
from typing import Protocol, cast
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from minio import Minio
from minio.commonconfig import GOVERNANCE
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig
from pyreqwest.bytes import Bytes

from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.core.errors import SetAside, Stop, TryAgain, Verdict
from services.core.object_key import object_key
from services.core.ports import READ_BYTES, KeepsObjects, StoredObject
from services.core.settings import Reader, Secret
from tests.contract.conftest import REAL, settings_of
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.s3_server import UNSIGNED, Answer, s3_server
from tests.fakes.samples import a_file
from tests.uploads import incomplete_uploads

ABC = sha256(b"abc").hexdigest()
ABC_MD5 = md5(b"abc", usedforsecurity=False).hexdigest()
MIB = 1024 * 1024
JPEG = "image/jpeg"


class Checked(KeepsObjects, Protocol):
    """The port, and whether the store is ready."""

    async def ready(self) -> None: ...


@dataclass(frozen=True)
class Shelf:
    """A store, and what the vendor's own client sees of it."""

    store: Checked
    without_bucket: Checked
    with_wrong_secret: Checked
    client: Minio | None = None
    settings: StoreSettings | None = None

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

    def incomplete(self) -> Sequence[str]:
        """Keys of multipart uploads that are neither completed nor aborted."""
        return [] if self.settings is None else incomplete_uploads(self.settings)


def fake_shelf() -> Shelf:
    lost, refused = FakeStore(), FakeStore()
    lost.refusal = Stop("no_bucket", "There is no bucket.")
    refused.refusal = Stop("store_refused", "Refused.")
    return Shelf(FakeStore(), lost, refused)


@contextmanager
def real_shelf(servers: Mapping[str, str], *, retained: bool = False) -> Iterator[Shelf]:
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
    client.make_bucket(bucket, object_lock=retained)
    if retained:
        client.set_object_lock_config(bucket, ObjectLockConfig(GOVERNANCE, 1, DAYS))
    shelf = Shelf(
        ObjectStore(at),
        ObjectStore(replace(at, bucket="no-such-bucket")),
        ObjectStore(replace(at, secret_access_key=Secret("wrong-secret"))),
        client,
        at,
    )
    try:
        yield shelf
    finally:
        while not removed(client, bucket, retained):
            time.sleep(0.1)  # pytest's own limit ends it


def removed(client: Minio, bucket: str, retained: bool) -> bool:
    """Remove all objects and the bucket. An upload that was given up may still have put one into it
    meanwhile: then the bucket is there yet."""
    found = client.list_objects(bucket, recursive=True, include_version=retained)
    gone = [DeleteObject(o.object_name or "", o.version_id) for o in found]
    for trouble in client.remove_objects(bucket, gone, bypass_governance_mode=retained):
        raise AssertionError(str(trouble))
    try:
        client.remove_bucket(bucket)
    except S3Error as why:
        if why.code != "BucketNotEmpty":
            raise
        return False
    return True


@pytest.fixture(params=["fake", *REAL])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    if request.param == "fake":
        yield fake_shelf()
        return
    with real_shelf(settings_of(request, request.param)) as shelf:
        yield shelf


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_put_object_is_there_with_its_type(shelf: Shelf) -> None:
    await shelf.store.put("folder/a.jpg", b"abc", content_type=JPEG)
    assert shelf.kept() == {"folder/a.jpg": Kept(b"abc", JPEG)}
    assert await shelf.store.find("folder/a.jpg") == StoredObject(3, content_type=JPEG)


async def test_putting_twice_keeps_the_second(shelf: Shelf) -> None:
    await shelf.store.put("k", b"first", content_type=JPEG)
    await shelf.store.put("k", bytearray(b"second"), content_type=JPEG)
    assert shelf.kept() == {"k": Kept(b"second", JPEG)}


async def test_an_empty_object_is_an_object(shelf: Shelf) -> None:
    await shelf.store.put("whole", b"", content_type=JPEG)
    await shelf.store.put_stream("stream", chunks(), content_type=JPEG)
    assert shelf.kept() == {"whole": Kept(b"", JPEG), "stream": Kept(b"", JPEG)}
    assert await shelf.store.find("whole") == StoredObject(0, content_type=JPEG)


async def test_an_object_says_which_import_stored_it(shelf: Shelf) -> None:
    about = {"content_type": JPEG, "stored_by": "9a945bd3-48f5-56a9-8197-dfd2bd9f9e24"}
    await shelf.store.put("whole", b"abc", **about)
    await shelf.store.put_stream("parts", chunks(b"x" * (6 * MIB), b"y"), **about)
    for key, size in (("whole", 3), ("parts", 6 * MIB + 1)):
        assert await shelf.store.find(key) == StoredObject(size, about["stored_by"], JPEG)


async def test_a_missing_object_is_not_found(shelf: Shelf) -> None:
    assert await shelf.store.find("nothing") is None


async def test_a_stream_of_many_parts_arrives_in_order(shelf: Shelf) -> None:
    parts = [bytes([n]) * MIB for n in range(17)]
    await shelf.store.put_stream("big", chunks(*parts), content_type=JPEG)
    assert shelf.kept() == {"big": Kept(b"".join(parts), JPEG)}


async def test_a_stream_may_consist_of_the_pieces_that_a_download_gives(shelf: Shelf) -> None:
    """Drive's adapter hands on pyreqwest's buffers, which are no `bytes`."""
    parts = [bytes([n]) * (MIB + 1) for n in range(9)]
    pieces = (cast(bytes, Bytes(part)) for part in parts)
    await shelf.store.put_stream("k", chunks(*pieces), content_type=JPEG)
    assert shelf.kept() == {"k": Kept(b"".join(parts), JPEG)}


async def read(store: Checked, key: str) -> list[bytes]:
    async with aclosing(store.open(key)) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("body", [b"", b"abc", bytes(range(256)) * 20_000])
async def test_an_object_is_read_in_small_chunks(shelf: Shelf, body: bytes) -> None:
    await shelf.store.put("k", body, content_type=JPEG)
    chunks = await read(shelf.store, "k")
    assert b"".join(chunks) == body
    assert max(map(len, chunks), default=0) <= READ_BYTES // 2


async def test_a_missing_object_cannot_be_read(shelf: Shelf) -> None:
    with pytest.raises(SetAside) as caught:
        await read(shelf.store, "nothing")
    assert caught.value.reason == "object_missing"


async def test_who_stops_reading_can_read_again(shelf: Shelf) -> None:
    await shelf.store.put("k", b"x" * (20 * MIB), content_type=JPEG)
    for _ in range(3):
        async with aclosing(shelf.store.open("k")) as chunks:
            assert await anext(chunks)
    assert sum(map(len, await read(shelf.store, "k"))) == 20 * MIB


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
    assert shelf.incomplete() == []


class Body:
    """Two parts at once, then a chunk now and then, or silence."""

    def __init__(self, shelf: Shelf, *, silent: bool) -> None:
        self.shelf = shelf
        self.silent = silent
        self.sent = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b"x" * MIB
        self.sent.set()
        while not self.silent:
            await asyncio.sleep(0.01)
            yield b"x"
        await asyncio.Event().wait()

    async def under_way(self) -> None:
        await self.sent.wait()
        if self.shelf.settings is not None:
            async with asyncio.timeout(60):
                while not self.shelf.incomplete():
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_stream_that_is_cancelled_is_aborted_at_once(shelf: Shelf, silent: bool) -> None:
    body = Body(shelf, silent=silent)
    upload = asyncio.ensure_future(shelf.store.put_stream("k", body.chunks(), content_type=JPEG))
    await body.under_way()
    upload.cancel()
    # A silent source would be waited for without an end: the limit is for a busy machine.
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(upload, 60)
    assert shelf.incomplete() == []
    assert shelf.kept() == {}


async def test_a_body_that_cancels_itself_leaves_nothing(shelf: Shelf) -> None:
    """A cancellation that the body itself meets is its failure, not ours."""

    async def cancelled() -> AsyncIterator[bytes]:
        yield b"x" * MIB
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await shelf.store.put_stream("k", cancelled(), content_type=JPEG)
    assert shelf.kept() == {}
    assert shelf.incomplete() == []


@pytest.mark.parametrize("known", [{"sha256": ABC}, {"sha256": ABC, "md5": ABC_MD5}])
async def test_bytes_that_are_not_those_announced_never_become_visible(
    shelf: Shelf, known: Mapping[str, str]
) -> None:
    """Whatever the store compares them with."""
    await shelf.store.put("right", b"abc", content_type=JPEG, **known)
    with pytest.raises(TryAgain) as caught:
        await shelf.store.put("wrong", b"abd", content_type=JPEG, **known)
    assert caught.value.reason == "store_unavailable"
    assert shelf.kept() == {"right": Kept(b"abc", JPEG)}


async def test_a_put_that_is_cancelled_leaves_the_store_in_order(shelf: Shelf) -> None:
    for wait in (0, 0.001, 0.01, 0.05):
        body = bytearray(b"x" * (8 * MIB))
        put = asyncio.ensure_future(shelf.store.put("k", body, content_type=JPEG))
        await asyncio.sleep(wait)
        put.cancel()
        await asyncio.wait([put])
    await shelf.store.put("after", b"abc", content_type=JPEG)
    kept = shelf.kept()
    assert kept.pop("after") == Kept(b"abc", JPEG)
    assert all(each == Kept(b"x" * (8 * MIB), JPEG) for each in kept.values())


@pytest.mark.parametrize("key", ["x" * 256, "/".join(["x" * 200] * 6), "a/../b", "a//b", "a/."])
async def test_a_key_that_is_too_long_sets_the_file_aside(shelf: Shelf, key: str) -> None:
    with pytest.raises(SetAside) as caught:
        await shelf.store.put(key, b"abc", content_type=JPEG)
    assert caught.value.reason == "object_key_refused"


async def test_without_its_bucket_nothing_can_work(shelf: Shelf) -> None:
    for act in (
        shelf.without_bucket.put("k", b"abc", content_type=JPEG),
        shelf.without_bucket.put_stream("k", chunks(b"abc"), content_type=JPEG),
        read(shelf.without_bucket, "k"),
        shelf.without_bucket.ready(),
    ):
        with pytest.raises(Stop) as caught:
            await act
        assert caught.value.reason == "no_bucket"


async def test_with_refused_credentials_nothing_can_work(shelf: Shelf) -> None:
    for act in (
        shelf.with_wrong_secret.put("k", b"abc", content_type=JPEG),
        shelf.with_wrong_secret.put_stream("k", chunks(b"abc"), content_type=JPEG),
        read(shelf.with_wrong_secret, "k"),
        shelf.with_wrong_secret.ready(),
    ):
        with pytest.raises(Stop) as caught:
            await act
        assert caught.value.reason == "store_refused"


async def test_a_store_that_is_there_is_ready(shelf: Shelf) -> None:
    await shelf.store.ready()


def reaching(url: str) -> ObjectStore:
    keys = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "hush-hush"}
    return ObjectStore(StoreSettings.read(Reader({"S3_ENDPOINT_URL": url, **keys})))


async def outcome(request: Awaitable[object]) -> Verdict:
    with pytest.raises(Verdict) as caught:
        await request
    cause: BaseException | None = caught.value
    while cause is not None:
        assert "hush-hush" not in repr(cause) + str(cause)
        cause = cause.__cause__
    return caught.value


def requests(store: ObjectStore) -> Sequence[Awaitable[object]]:
    """One of each kind that moves files."""
    return (
        store.put("k", b"abc", content_type=JPEG),
        store.put_stream("k", chunks(b"abc"), content_type=JPEG),
        store.find("k"),
        read(store, "k"),
    )


async def test_an_unreachable_store_is_tried_again() -> None:
    nowhere = reaching("http://127.0.0.1:1")
    for request in requests(nowhere):
        why = await outcome(request)
        assert (type(why), why.reason) == (TryAgain, "store_unreachable")
        assert "http://127.0.0.1:1" in why.message
    why = await outcome(nowhere.ready())
    assert (type(why), why.reason) == (Stop, "store_unreachable")


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_store_in_trouble_is_tried_again_and_known_soon(status: int) -> None:
    with s3_server() as server:
        server.always = Answer(status, "InternalError", "Please try again.")
        store = reaching(server.url)
        since = time.monotonic()
        for request in requests(store):
            why = await outcome(request)
            assert (type(why), why.reason) == (TryAgain, "store_unavailable")
        assert time.monotonic() - since < 30  # by itself, obstore goes on for three minutes
        assert server.requests.total() <= 12  # obstore tries a request three times
    assert isinstance(await outcome(store.ready()), Stop)


async def test_the_store_s_own_words_are_passed_on() -> None:
    with s3_server() as server:
        server.always = Answer(503, "ServiceUnavailable", "Drive 3 is being healed.")
        why = await outcome(reaching(server.url).put("k", b"abc", content_type=JPEG))
    assert why.message.endswith("answered 503: Drive 3 is being healed.")


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
async def test_refused_credentials_show_no_secret(code: str) -> None:
    with s3_server() as server:
        server.always = Answer(403, code, "No.")
        why = await outcome(reaching(server.url).put("k", b"abc", content_type=JPEG))
    assert (type(why), why.reason) == (Stop, "store_refused")


@pytest.mark.parametrize(
    ("answer", "verb", "reason"),
    [
        (Answer(400, "RequestTimeout", "Your socket was idle."), TryAgain, "store_unavailable"),
        (Answer(404, "NoSuchUpload", "It was aborted."), TryAgain, "store_unavailable"),
        (Answer(400, "TheMoonIsFull", "Please wait."), TryAgain, "store_refused_object"),
        (Answer(403, "RequestTimeTooSkewed", "It is too late."), Stop, "store_clock"),
        (Answer(301, "PermanentRedirect", "Use the endpoint."), Stop, "store_region"),
        (Answer(400, "AuthorizationHeaderMalformed", "Expecting eu."), Stop, "store_region"),
        (Answer(307), Stop, "store_region"),
        (Answer(400, "InvalidRequest", "Content-MD5 is required."), Stop, "store_settings"),
        (Answer(501, "NotImplemented", "A header is not."), Stop, "store_settings"),
    ],
)
async def test_what_the_store_answers_decides_for_every_kind_of_upload(
    answer: Answer, verb: type[Verdict], reason: str
) -> None:
    with s3_server() as server:
        server.always = answer
        store = reaching(server.url)
        for request in (
            store.put("k", b"abc", content_type=JPEG),
            store.put_stream("k", chunks(b"x" * (6 * MIB)), content_type=JPEG),
        ):
            why = await outcome(request)
            assert (type(why), why.reason) == (verb, reason)
            assert "(0)" not in why.message


async def test_every_put_carries_the_checksum_of_its_bytes() -> None:
    with s3_server() as server:
        server.bucket_exists = True
        for body in (b"abc", b"x" * MIB):
            await reaching(server.url).put("k", body, content_type=JPEG)
        assert len(server.checksums) == 2
        assert all(said == right for said, right in server.checksums)


@pytest.mark.parametrize(
    ("checks", "takes", "signed_for"),
    [
        # The first says a wrong MD5, and is refused.
        (True, True, [UNSIGNED, UNSIGNED, UNSIGNED]),
        (True, False, [UNSIGNED, ABC, ABC]),
        # The first is taken.
        (False, True, [UNSIGNED, ABC, ABC]),
    ],
)
async def test_only_a_store_that_compares_the_md5_is_not_asked_to_compare_the_sha256(
    checks: bool, takes: bool, signed_for: Sequence[str]
) -> None:
    with s3_server() as server:
        server.bucket_exists, server.checks_md5, server.takes_unsigned = True, checks, takes
        store = reaching(server.url)
        for _ in range(2):
            await store.put("k", b"abc", content_type=JPEG, sha256=ABC, md5=ABC_MD5)
    assert [each.headers["x-amz-content-sha256"] for each in server.seen] == signed_for


async def test_a_wrong_md5_of_the_caller_s_keeps_no_object_out() -> None:
    with s3_server() as server:
        server.bucket_exists = True
        store = reaching(server.url)
        for md5_said in (ABC_MD5, "0" * 32):
            await store.put("k", b"abc", content_type=JPEG, sha256=ABC, md5=md5_said)
    assert server.seen[-1].headers["x-amz-content-sha256"] == ABC


async def test_a_redirect_is_told_and_not_followed() -> None:
    """A signature holds for one address, and whoever is at another one is not ours to trust."""
    with s3_server() as server, s3_server() as elsewhere:
        server.always = Answer(307, "TemporaryRedirect", "Go elsewhere.", f"{elsewhere.url}/k")
        why = await outcome(reaching(server.url).put("k", b"abc", content_type=JPEG))
    assert (type(why), why.reason) == (Stop, "store_region")
    assert "Go elsewhere" in why.message
    assert elsewhere.seen == []


async def test_a_bucket_with_a_default_retention_takes_every_upload(
    real_store: Mapping[str, str],
) -> None:
    """It wants a checksum with each PUT and each part."""
    with real_shelf(real_store, retained=True) as shelf:
        parts = [bytes([n]) * MIB for n in range(12)]
        await shelf.store.put("whole", b"abc", content_type=JPEG)
        await shelf.store.put_stream("parts", chunks(*parts), content_type=JPEG)
        assert shelf.kept() == {"whole": Kept(b"abc", JPEG), "parts": Kept(b"".join(parts), JPEG)}


async def test_what_could_run_scripts_is_not_opened_in_the_store(
    real_store: Mapping[str, str],
) -> None:
    kinds = {
        "image/svg+xml": "attachment",
        "text/html": "attachment",
        JPEG: None,
        "IMAGE/PNG": None,
    }
    with real_shelf(real_store) as shelf:
        assert shelf.client
        for number, kind in enumerate(kinds):
            await shelf.store.put(f"whole-{number}", b"<svg/>", content_type=kind)
            await shelf.store.put_stream(f"parts-{number}", chunks(b"<svg/>"), content_type=kind)
        for how in ("whole", "parts"):
            for number, disposition in enumerate(kinds.values()):
                kept = shelf.client.stat_object(shelf.store.bucket, f"{how}-{number}")
                assert (kept.metadata or {}).get("content-disposition") == disposition


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
