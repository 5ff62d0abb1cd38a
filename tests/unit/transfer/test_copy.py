"""One file: nothing becomes visible unless it is, byte for byte, what Drive said."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.events import FileFound
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.object_key import object_key, older_key
from services.core.settings import read_settings
from services.transfer.copier import WHOLE_BYTES
from services.transfer.copy import Copy
from tests.fakes.drive import CHUNK, Answers, BreaksOff, FakeDrive
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import BODY, MIB, Transferring, said_of, sums
from tests.fakes.virtual_time import now, virtual_time

UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive answers 503.")
LIMITED = RateLimited("drive_rate_limited", "Slower.")
REFUSED = Stop("key_refused", "GOOGLE_API_KEY is wrong.")
BLOCKED = CoolDown("automated_queries", "A robot.", 600.0)
STORE_DOWN = TryAgain("store_unavailable", "The store answers 503.")
NO_BUCKET = Stop("no_bucket", "There is no bucket.")
SIZES = pytest.mark.parametrize("size", [len(BODY), None], ids=["whole", "streamed"])


@pytest.mark.parametrize("names", [("md5",), ("sha1",), ("sha256",), ("md5", "sha1", "sha256"), ()])
@SIZES
@virtual_time
async def test_a_file_arrives_under_its_key_with_both_sums(
    names: tuple[str, ...], size: int | None
) -> None:
    desk = Transferring(BODY, said_of(BODY, *names, size=size))
    copied = await desk.copy()
    assert desk.store.objects == {object_key(desk.file): Kept(BODY, "image/png")}
    assert (copied.object_key, copied.size) == (object_key(desk.file), len(BODY))
    assert {"md5": copied.md5, "sha256": copied.sha256} == sums(BODY, "md5", "sha256")
    assert desk.drive.looked_up == []
    desk.check_nothing_is_held()


@virtual_time
async def test_a_file_of_zero_bytes_is_stored() -> None:
    desk = Transferring(b"")
    assert (await desk.copy()).size == 0
    assert desk.store.objects[object_key(desk.file)].body == b""


@pytest.mark.parametrize("size", [None, WHOLE_BYTES + 1])
@virtual_time
async def test_a_file_that_is_big_or_of_unknown_size_is_streamed_within_the_budget(
    size: int | None,
) -> None:
    body = b"x" * (size or len(BODY))
    desk = Transferring(body, said_of(body, "md5", size=size), memory=MIB)
    copied = await desk.copy()
    assert (copied.size, copied.md5) == (len(body), sums(body, "md5")["md5"])
    assert [kept.body for kept in desk.store.objects.values()] == [body]
    desk.check_nothing_is_held()


@pytest.mark.parametrize(
    ("look_first", "there", "fetched"),
    [
        (False, BODY, True),
        (True, BODY, False),
        (True, BODY[:-1], True),
        (True, None, True),
    ],
)
@virtual_time
async def test_what_is_there_already_is_found_by_whoever_looks_first(
    look_first: bool, there: bytes | None, fetched: bool
) -> None:
    desk = Transferring()
    key = object_key(desk.file)
    if there is not None:
        desk.store.objects[key] = Kept(there, "image/png")
    copied = await desk.copy(look_first=look_first)
    assert desk.drive.opened == (["file-1"] if fetched else [])
    older = [older_key(desk.file)] if there is None else []
    assert desk.store.looks == ([key, *older] if look_first else [])
    assert (copied.sha256 is not None) is fetched
    assert desk.store.objects[key].body == BODY
    assert (copied.size, copied.md5) == (len(BODY), desk.file.md5)


@pytest.mark.parametrize(
    ("listed", "fetched"),
    [
        (said_of(BODY, "md5", size=None, version=0), False),
        (said_of(BODY, size=None, version=7), False),
        (said_of(BODY, size=None, version=0), True),
    ],
    ids=["checksum", "version", "nothing"],
)
@virtual_time
async def test_without_a_size_the_checksum_or_the_version_tells_that_it_is_there(
    listed: FileFound, fetched: bool
) -> None:
    first = Transferring(BODY, listed)
    await first.copy()
    desk = Transferring(BODY, listed, store=first.store)
    copied = await desk.copy(look_first=True)
    assert desk.drive.opened == (["file-1"] if fetched else [])
    assert (copied.size, copied.unchanged) == (len(BODY), False)


WRONG = {
    "one bit": BODY[:-1] + b"\x00",
    "short": BODY[:-1],
    "empty": b"",
    "long": BODY + b"!",
    "far too long": BODY * 50,
    "a page": b"<html>We're sorry, but your computer may be sending automated queries",
}


@pytest.mark.parametrize("wrong", WRONG)
@SIZES
@virtual_time
async def test_other_bytes_never_become_visible(wrong: str, size: int | None) -> None:
    desk = Transferring(WRONG[wrong], said_of(BODY, "md5", size=size))
    with pytest.raises(SetAside) as caught:
        await desk.copy()
    assert caught.value.reason == "content_mismatch"
    assert desk.store.objects == {}
    desk.check_nothing_is_held()


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
@virtual_time
async def test_each_checksum_alone_tells_wrong_bytes(name: str) -> None:
    desk = Transferring(WRONG["one bit"], said_of(BODY, name))
    with pytest.raises(SetAside):
        await desk.copy()
    assert desk.store.objects == {}


@virtual_time
async def test_of_several_checksums_the_strongest_tells_wrong_bytes() -> None:
    wrong = WRONG["one bit"]
    listed = said_of(BODY, "sha256", **sums(wrong, "md5", "sha1"))
    desk = Transferring(wrong, listed)
    with pytest.raises(SetAside):
        await desk.copy()
    assert desk.store.objects == {}


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
@virtual_time
async def test_without_any_checksum_a_page_of_the_right_length_is_still_refused(
    content_type: str,
) -> None:
    desk = Transferring(BODY, said_of(BODY))
    desk.drive.open_troubles["file-1"].extend([Answers(b"?" * len(BODY), content_type)] * 4)
    with pytest.raises(SetAside):
        await desk.copy()
    assert desk.store.objects == {}


@pytest.mark.parametrize("announced", [b"", BODY])
@virtual_time
async def test_what_is_longer_than_announced_is_cut_off_early(announced: bytes) -> None:
    desk = Transferring(b"x" * (10 * MIB), said_of(announced))
    with pytest.raises(SetAside):
        await desk.copy()
    assert desk.drive.sent_bytes <= len(desk.drive.opened) * (len(announced) + CHUNK)


@pytest.mark.parametrize("why", [UNAVAILABLE, LIMITED, REFUSED, BLOCKED])
@pytest.mark.parametrize("after", [None, 0, len(BODY) - 1, len(BODY)])
@SIZES
@virtual_time
async def test_trouble_with_drive_in_the_middle_of_a_file_leaves_no_trace(
    why: Verdict, after: int | None, size: int | None
) -> None:
    desk = Transferring(BODY, said_of(BODY, "md5", size=size))
    desk.drive.open_troubles["file-1"].extend([why if after is None else BreaksOff(after, why)] * 2)
    await desk.copy()
    assert desk.store.objects == {object_key(desk.file): Kept(BODY, "image/png")}
    assert len(desk.drive.opened) == 3
    desk.check_nothing_is_held()


@pytest.mark.parametrize("after", [None, 0, len(BODY)])
@SIZES
@virtual_time
async def test_a_refusal_of_this_file_goes_up_and_leaves_nothing(
    after: int | None, size: int | None
) -> None:
    desk = Transferring(BODY, said_of(BODY, "md5", size=size))
    why = SetAside("abusive_file", "Google withholds it.")
    desk.drive.open_troubles["file-1"].append(why if after is None else BreaksOff(after, why))
    with pytest.raises(SetAside) as caught:
        await desk.copy()
    assert caught.value is why
    assert desk.drive.looked_up == []
    assert desk.store.objects == {}
    desk.check_nothing_is_held()


@SIZES
@virtual_time
async def test_a_refusal_of_the_store_goes_up_and_leaves_nothing(size: int | None) -> None:
    desk = Transferring(BODY, said_of(BODY, "md5", size=size))
    desk.store.troubles.append(SetAside("object_key_refused", "The name was refused."))
    with pytest.raises(SetAside) as caught:
        await desk.copy()
    assert caught.value.reason == "object_key_refused"
    assert desk.store.objects == {}
    desk.check_nothing_is_held()


@pytest.mark.parametrize("why", [STORE_DOWN, NO_BUCKET])
@virtual_time
async def test_while_only_the_store_is_down_no_file_is_downloaded_twice(why: Verdict) -> None:
    desk = Transferring()
    files = [desk.add(f"file-{n}") for n in range(20)]
    desk.store.refusal = why
    copies = [asyncio.create_task(desk.copy(Copy(file=file, received=RECEIVED))) for file in files]
    await asyncio.sleep(3600)
    assert not any(copy.done() for copy in copies)
    assert desk.store_breaker.waiting_for is not None
    assert desk.drive_breaker.waiting_for is None
    desk.store.refusal = None
    await asyncio.gather(*copies)
    assert sorted(desk.drive.opened) == sorted(file.file_id for file in files)
    assert len(desk.store.objects) == 20
    desk.check_nothing_is_held()


@SIZES
@virtual_time
async def test_an_outage_of_drive_is_waited_out_by_all_and_fails_nothing(size: int | None) -> None:
    desk = Transferring(BODY, said_of(BODY, "md5", size=size))
    copies = [asyncio.create_task(desk.copy()) for _ in range(20)]
    desk.drive.down = UNAVAILABLE
    await asyncio.sleep(3600)
    assert not any(copy.done() for copy in copies)
    assert desk.drive_breaker.waiting_for is not None
    assert len(desk.drive.opened) < 3 * (20 + 3600 / 30 + 10)  # one probe in 30 s, of 3 attempts
    desk.drive.down = None
    await asyncio.gather(*copies)
    assert now() < 3600 + 60


class SlowStore(FakeStore):
    """It takes a while for each object."""

    async def put(
        self,
        key: str,
        body: bytes | bytearray,
        *,
        content_type: str,
        stored_by: str = "",
        sha256: str = "",
        md5: str = "",
    ) -> None:
        await asyncio.sleep(60)
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        await asyncio.sleep(60)
        await super().put_stream(key, body, content_type=content_type, stored_by=stored_by)


@pytest.mark.parametrize("why", [UNAVAILABLE, LIMITED, REFUSED, BLOCKED, STORE_DOWN, None])
@SIZES
@virtual_time
async def test_a_cancelled_copy_ends_at_once_and_leaves_nothing(
    why: Verdict | None, size: int | None
) -> None:
    desk = Transferring(BODY, said_of(BODY, "md5", size=size), store=SlowStore())
    if why is STORE_DOWN:
        desk.store.refusal = why
    else:
        desk.drive.down = why
    copy = asyncio.create_task(desk.copy())
    await asyncio.sleep(30)
    assert not copy.done()
    copy.cancel()
    await asyncio.wait({copy})
    assert (copy.cancelled(), now()) == (True, 30)
    assert desk.store.objects == {}
    desk.check_nothing_is_held()


@virtual_time
async def test_a_copy_that_waits_for_memory_is_known_as_waiting_and_can_be_cancelled() -> None:
    desk = Transferring(memory=len(BODY), store=SlowStore())
    first, second = asyncio.create_task(desk.copy()), asyncio.create_task(desk.copy())
    await asyncio.sleep(1)
    assert (desk.memory.holds(first), desk.memory.holds(second)) == (False, True)
    second.cancel()
    await asyncio.wait({second})
    assert second.cancelled()
    assert len(desk.drive.opened) == 1
    await first
    desk.check_nothing_is_held()


class MeteredDrive(FakeDrive):
    """Each download must be paid for."""

    def __init__(self, quota: QuotaLimiter) -> None:
        super().__init__()
        self._quota = quota

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        await self._quota.take(200)
        async with super().open(file) as chunks:
            yield chunks


@virtual_time
async def test_a_copy_that_waits_for_quota_is_known_as_waiting_and_can_be_cancelled() -> None:
    settings = read_settings({}, QuotaSettings.read)
    quota = QuotaLimiter(settings, "transfer", lambda: 0.0, structlog.get_logger().warning)
    desk = Transferring(drive=MeteredDrive(quota))
    copy = asyncio.create_task(desk.copy())
    await asyncio.sleep(60)
    assert quota.holds(copy)
    copy.cancel()
    await asyncio.wait({copy})
    assert (copy.cancelled(), now()) == (True, 60)
    assert quota.state().waiting == quota.state().used == 0
    desk.check_nothing_is_held()


@given(
    served=st.lists(st.binary(max_size=40), max_size=3).map(
        lambda parts: b"\xff\xd8\xff" + b"".join(parts)
    ),
    said=st.binary(max_size=40).map(b"\xff\xd8\xff".__add__),
    names=st.sets(st.sampled_from(["md5", "sha1", "sha256"]), min_size=1),
    knows_size=st.booleans(),
)
@virtual_time
async def test_visible_means_equal(
    served: bytes, said: bytes, names: Sequence[str], knows_size: bool
) -> None:
    file = said_of(said, *names, size=len(said) if knows_size else None)
    desk = Transferring(served, file)
    with nullcontext() if served == said else pytest.raises(SetAside, match="content_mismatch"):
        await desk.copy()
    assert [kept.body for kept in desk.store.objects.values()] == [said] * (served == said)
    desk.check_nothing_is_held()
