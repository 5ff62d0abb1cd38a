"""A real store that behaves as others do, or has a bad moment, and a transfer that meets it."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from services.adapters.store.objects import ObjectStore
from services.core.errors import Stop
from services.core.events import FileStored
from services.core.object_key import object_key
from services.transfer.copier import WHOLE_BYTES
from services.transfer.service import Transfer
from tests.contract.test_object_store import JPEG, Shelf, chunks, real_shelf
from tests.fakes.s3_server import Answer
from tests.fakes.transferring import Transferring, an_adaptation
from tests.store_proxy import Asked, StoreProxy, store_proxy

pytestmark = pytest.mark.real
SMALL = bytes(range(256)) * 100
LARGE = bytes(range(256)) * (WHOLE_BYTES // 256 * 2)
NO_UPLOAD = Answer(404, "NoSuchUpload", "The specified multipart upload does not exist.")


@pytest.fixture
def shelf(servers: Mapping[str, str]) -> Iterator[Shelf]:
    with real_shelf(servers) as shelf:
        yield shelf


@contextmanager
def behind(shelf: Shelf) -> Iterator[tuple[ObjectStore, StoreProxy]]:
    assert shelf.settings is not None
    with store_proxy(shelf.settings.endpoint_url) as proxy:
        yield ObjectStore(replace(shelf.settings, endpoint_url=proxy.url)), proxy


def transferring(store: ObjectStore, body: bytes) -> Transferring:
    """From a Drive in memory to the real store."""
    worker = Transferring(body)
    worker.transfer = Transfer(
        replace(worker.copier, store=store), worker.publications, an_adaptation()
    )
    return worker


def r2(asked: Asked) -> Answer | None:
    """Takes a SHA-256 with a whole object, and not with parts."""
    if asked.headers.get("x-amz-checksum-algorithm"):
        words = "Header 'x-amz-checksum-algorithm' with value 'SHA256' not implemented"
        return Answer(501, "NotImplemented", words)
    return parts_without_checksum(asked)


def parts_without_checksum(asked: Asked) -> Answer | None:
    """Takes the request that begins an upload, and then no part."""
    if asked.part and asked.has_checksum():
        words = "Header 'x-amz-checksum-sha256' with value '…' not implemented"
        return Answer(501, "NotImplemented", words)
    return None


def b2(asked: Asked) -> Answer | None:
    name = next((name for name in asked.headers if name.startswith("x-amz-checksum-")), None)
    words = f"Unsupported header '{name}' received for this API call."
    return Answer(400, "InvalidArgument", words) if name else None


def without_any(asked: Asked) -> Answer | None:
    """It knows neither the checksum nor an MD5."""
    if "content-md5" in asked.headers:
        return Answer(501, "NotImplemented", "A header is not.")
    return b2(asked)


@pytest.mark.parametrize("store_like", [r2, parts_without_checksum, b2, without_any])
async def test_a_store_that_takes_no_checksum_is_asked_once_and_sent_none_from_then_on(
    shelf: Shelf, store_like: Callable[[Asked], Answer | None]
) -> None:
    with behind(shelf) as (store, proxy):
        proxy.answer = store_like
        worker = transferring(store, LARGE)
        small = [worker.add(f"small-{n}", SMALL) for n in range(5)]
        stored = [await worker.outcome(file) for file in (worker.file, *small)]
        refused = len(proxy.refused)
        again = worker.add("large-2", LARGE)
        stored.append(await worker.outcome(again))
    assert all(isinstance(event, FileStored) for event in stored)
    # obstore repeats what a server of the 5xx kind refuses, and sends two parts at once.
    assert 0 < refused <= 12
    assert len(proxy.refused) == refused
    assert {key: kept.body for key, kept in shelf.kept().items()} == {
        object_key(worker.file): LARGE,
        object_key(again): LARGE,
        **{object_key(file): SMALL for file in small},
    }
    assert shelf.incomplete() == []
    assert worker.drive.opened.count(worker.file.file_id) <= 2
    assert [worker.drive.opened.count(file.file_id) for file in (*small, again)] == [1] * 6
    whole = [asked for asked in proxy.passed if asked.method == "PUT" and not asked.part]
    assert not any(asked.has_checksum() for asked in whole)
    assert {"content-md5" in asked.headers for asked in whole} == {store_like is not without_any}


class Once:
    """Answers the first `times` requests of a kind so."""

    def __init__(
        self, times: int, kind: Callable[[Asked], bool], answer: Answer = NO_UPLOAD
    ) -> None:
        self.left, self.kind, self.answer = times, kind, answer

    def __call__(self, asked: Asked) -> Answer | None:
        if not self.left or not self.kind(asked):
            return None
        self.left -= 1
        return self.answer


def completes(asked: Asked) -> bool:
    return asked.method == "POST" and "uploadId=" in asked.path


@pytest.mark.parametrize("kind", [lambda asked: asked.part == 3, completes], ids=["part", "end"])
@pytest.mark.parametrize("times", [1, 2])
async def test_an_upload_that_the_store_forgot_begins_again_while_attempts_remain(
    shelf: Shelf, kind: Callable[[Asked], bool], times: int
) -> None:
    with behind(shelf) as (store, proxy):
        proxy.answer = Once(times, kind)
        worker = transferring(store, LARGE)
        stored = await worker.outcome()
    assert isinstance(stored, FileStored)
    assert (stored.attempts, stored.size) == (times + 1, len(LARGE))
    assert len(proxy.refused) == times
    assert len(worker.drive.opened) == times + 1
    assert [kept.body == LARGE for kept in shelf.kept().values()] == [True]
    assert shelf.incomplete() == []
    worker.check_nothing_is_held()


async def test_an_upload_whose_last_answer_got_lost_is_found_and_fetched_once(shelf: Shelf) -> None:
    with behind(shelf) as (store, proxy):
        proxy.lose = Once(1, completes)
        worker = transferring(store, LARGE)
        stored = await worker.outcome()
    assert isinstance(stored, FileStored)
    assert len(worker.drive.opened) == 1
    assert [kept.body == LARGE for kept in shelf.kept().values()] == [True]


@pytest.mark.parametrize("lost", [False, True])
async def test_a_hiccup_while_a_whole_object_is_put_is_not_an_attempt(
    shelf: Shelf, lost: bool
) -> None:
    busy = Once(2, lambda asked: asked.method == "PUT", Answer(503, "ServiceUnavailable", "Busy."))
    with behind(shelf) as (store, proxy):
        if lost:
            proxy.lose = busy
        else:
            proxy.answer = busy
        worker = transferring(store, SMALL)
        stored = await worker.outcome()
    assert isinstance(stored, FileStored)
    assert (stored.attempts, len(worker.drive.opened)) == (1, 1)
    assert [kept.body == SMALL for kept in shelf.kept().values()] == [True]


async def test_encryption_that_the_store_cannot_do_stops_everything_with_its_words(
    shelf: Shelf,
) -> None:
    """As MinIO answers that has no KMS."""
    assert shelf.settings is not None
    store = ObjectStore(replace(shelf.settings, encryption="AES256"))
    said = re.compile("KMS is not configured.* Check S3_SERVER_SIDE_ENCRYPTION and S3_KMS_KEY_ID")
    with pytest.raises(Stop, match=said) as why:
        await store.put("k", SMALL, content_type=JPEG)
    assert why.value.reason == "store_settings"
    with pytest.raises(Stop, match=said):
        await store.put_stream("large", chunks(LARGE), content_type=JPEG)
    assert shelf.kept() == {}
