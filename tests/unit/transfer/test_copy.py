"""One file: nothing becomes visible unless it is, byte for byte, what Drive said."""

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.events import FileFound, Mode
from services.core.object_key import object_key
from services.transfer import copy as copying
from services.transfer.copy import Copier
from services.transfer.memory import Budget
from tests.fakes.drive import CHUNK, Answers, BreaksOff, FakeDrive
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.samples import a_file

BODY = bytes(range(256)) * 200  # 51,200 bytes: a few chunks
MIB = 1024 * 1024
AGAIN = TryAgain("drive_unreachable", "No answer.")
ASIDE = SetAside("not_found", "It is gone.")
LIMITED = RateLimited("drive_rate_limited", "Slower.")
STOP = Stop("key_refused", "GOOGLE_API_KEY is wrong.")
STORE_DOWN = Stop("no_bucket", "There is no bucket.")


def sums(body: bytes, *names: str) -> dict[str, str]:
    return {name: hashlib.new(name, body).hexdigest() for name in names}


def said_of(body: bytes, *names: str, **changes: Any) -> FileFound:
    """What Drive says of a file of these bytes."""
    return a_file(**({"size": len(body)} | sums(body, *names) | changes))


class Desk:
    """A copier between a Drive and a store that are both in memory."""

    def __init__(self, body: bytes = BODY, memory: int = 64 * MIB) -> None:
        self.drive, self.store, self.memory = FakeDrive(), FakeStore(), Budget(memory)
        self.drive.bodies["file-1"] = body
        self.copier = Copier(self.drive, self.store, self.memory)
        self._all = memory

    def check_nothing_is_held(self) -> None:
        assert self.memory.free == self._all
        assert self.drive.open_now == 0


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("names", [("md5",), ("sha1",), ("sha256",), ("md5", "sha1", "sha256"), ()])
async def test_a_file_arrives_under_its_key_with_both_sums(
    mode: Mode, names: tuple[str, ...]
) -> None:
    desk, file = Desk(), said_of(BODY, *names, mode=mode)
    copied = await desk.copier.copy(file)
    assert desk.store.objects == {object_key(file): Kept(BODY, "image/png")}
    assert (copied.object_key, copied.size) == (object_key(file), len(BODY))
    assert {"md5": copied.md5, "sha256": copied.sha256} == sums(BODY, "md5", "sha256")
    assert not copied.unchanged
    desk.check_nothing_is_held()


async def test_a_file_of_zero_bytes_is_stored() -> None:
    desk, file = Desk(b""), said_of(b"", "md5")
    assert (await desk.copier.copy(file)).size == 0
    assert desk.store.objects[object_key(file)].body == b""


@pytest.mark.parametrize("size", [None, copying.WHOLE_BYTES + 1])
async def test_a_file_that_is_big_or_of_unknown_size_is_streamed_within_the_budget(
    size: int | None,
) -> None:
    body = b"x" * (size or len(BODY))
    desk = Desk(body, memory=MIB)
    copied = await desk.copier.copy(said_of(body, "md5", size=size))
    assert (copied.size, copied.md5) == (len(body), sums(body, "md5")["md5"])
    assert [kept.body for kept in desk.store.objects.values()] == [body]
    desk.check_nothing_is_held()


@pytest.mark.parametrize(
    ("mode", "there", "fetched"),
    [
        (Mode.FRESH, BODY, True),
        (Mode.CHECK, BODY, False),
        (Mode.CHECK, BODY[:-1], True),
        (Mode.CHECK, None, True),
        (Mode.FORCE, BODY, True),
    ],
)
async def test_the_mode_says_whether_what_is_there_is_fetched_again(
    mode: Mode, there: bytes | None, fetched: bool
) -> None:
    desk, file = Desk(), said_of(BODY, "md5", mode=mode)
    if there is not None:
        desk.store.objects[object_key(file)] = Kept(there, "image/png")
    copied = await desk.copier.copy(file)
    assert desk.drive.opened == (["file-1"] if fetched else [])
    assert desk.store.looks == ([object_key(file)] if mode is Mode.CHECK else [])
    assert copied.unchanged is not fetched
    assert desk.store.objects[object_key(file)].body == BODY
    assert (copied.size, copied.md5) == (len(BODY), file.md5)


WRONG = {
    "one bit": BODY[:-1] + b"\x00",
    "short": BODY[:-1],
    "empty": b"",
    "long": BODY + b"!",
    "far too long": BODY * 50,
    "a page": b"<html>We're sorry, but your computer may be sending automated queries",
}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("size", [len(BODY), None])
async def test_other_bytes_never_become_visible(mode: Mode, wrong: str, size: int | None) -> None:
    desk = Desk()
    desk.drive.open_troubles["file-1"].append(Answers(WRONG[wrong]))
    with pytest.raises(TryAgain) as caught:
        await desk.copier.copy(said_of(BODY, "md5", size=size, mode=mode))
    assert caught.value.reason == "content_mismatch"
    assert desk.store.objects == {}
    desk.check_nothing_is_held()


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
async def test_each_checksum_alone_tells_wrong_bytes(name: str) -> None:
    desk = Desk()
    desk.drive.open_troubles["file-1"].append(Answers(WRONG["one bit"]))
    with pytest.raises(TryAgain):
        await desk.copier.copy(said_of(BODY, name))
    assert desk.store.objects == {}


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
async def test_without_any_checksum_a_page_of_the_right_length_is_still_refused(
    content_type: str,
) -> None:
    desk = Desk()
    desk.drive.open_troubles["file-1"].append(Answers(b"?" * len(BODY), content_type))
    with pytest.raises(TryAgain):
        await desk.copier.copy(said_of(BODY))
    assert desk.store.objects == {}


@pytest.mark.parametrize("announced", [0, len(BODY)])
async def test_what_is_longer_than_announced_is_cut_off_early(announced: int) -> None:
    desk = Desk(b"x" * (100 * MIB))
    with pytest.raises(TryAgain):
        await desk.copier.copy(said_of(BODY, size=announced))
    assert desk.drive.sent_bytes <= announced + CHUNK


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("why", [AGAIN, ASIDE, LIMITED, STOP])
@pytest.mark.parametrize("after", [None, 0, 1, len(BODY) - 1, len(BODY)])
@pytest.mark.parametrize("size", [len(BODY), None])
async def test_trouble_with_drive_goes_up_and_leaves_nothing(
    mode: Mode, why: Verdict, after: int | None, size: int | None
) -> None:
    desk = Desk()
    trouble = why if after is None else BreaksOff(after, why)
    desk.drive.open_troubles["file-1"].append(trouble)
    with pytest.raises(Verdict) as caught:
        await desk.copier.copy(said_of(BODY, "md5", size=size, mode=mode))
    assert caught.value is why
    assert desk.store.objects == {}
    desk.check_nothing_is_held()


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("why", [AGAIN, ASIDE, LIMITED, STORE_DOWN])
@pytest.mark.parametrize("size", [len(BODY), None])
async def test_trouble_with_the_store_goes_up_and_leaves_nothing(
    mode: Mode, why: Verdict, size: int | None
) -> None:
    desk = Desk()
    desk.store.troubles.append(why)
    with pytest.raises(Verdict) as caught:
        await desk.copier.copy(said_of(BODY, "md5", size=size, mode=mode))
    assert caught.value is why
    assert desk.store.objects == {}
    desk.check_nothing_is_held()


@given(
    served=st.lists(st.binary(max_size=40), max_size=3).map(b"".join),
    said=st.binary(max_size=40),
    names=st.sets(st.sampled_from(["md5", "sha1", "sha256"]), min_size=1),
    knows_size=st.booleans(),
    mode=st.sampled_from(Mode),
)
async def test_visible_means_equal(
    served: bytes, said: bytes, names: Sequence[str], knows_size: bool, mode: Mode
) -> None:
    desk = Desk(served)
    file = said_of(said, *names, mode=mode, size=len(said) if knows_size else None)
    try:
        await desk.copier.copy(file)
    except TryAgain:
        assert served != said
        assert desk.store.objects == {}
    else:
        assert served == said
        assert desk.store.objects[object_key(file)].body == said
