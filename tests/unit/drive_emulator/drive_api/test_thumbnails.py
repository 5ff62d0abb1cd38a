"""Thumbnails: links in the JSON of pictures, and small JPEGs for anybody who has one."""

import io
from collections.abc import AsyncIterator

import httpx
import pytest
from PIL import Image

from drive_emulator.control.state import State
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import caller, reason, state_of
from tests.unit.drive_emulator.conftest import KEY

FIELDS = "files(id,mimeType,hasThumbnail,thumbnailLink)"


@pytest.fixture
def state(store: TreeStore) -> State:
    return state_of(store)


@pytest.fixture
async def drive(state: State) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state, KEY) as client:
        yield client


@pytest.fixture
async def link(drive: httpx.AsyncClient, small: Tree) -> str:
    picture = File(small, small.layout.folders).id
    asked = {"fields": "hasThumbnail,thumbnailLink"}
    said = (await drive.get(f"/drive/v3/files/{picture}", params=asked)).json()
    assert said["hasThumbnail"] is True
    return str(said["thumbnailLink"])


async def test_pictures_and_nothing_else_have_a_link(drive: httpx.AsyncClient, small: Tree) -> None:
    listed = []
    for ordinal in range(small.layout.folders):
        q = f"'{File(small, ordinal).id}' in parents"
        answer = await drive.get("/drive/v3/files", params={"q": q, "fields": FIELDS})
        listed += answer.json()["files"]
    assert len({file["mimeType"] for file in listed}) > 2
    for file in listed:
        is_picture = file["mimeType"].startswith("image/")
        assert file["hasThumbnail"] is is_picture
        assert ("thumbnailLink" in file) is is_picture
    usual = await drive.get("/drive/v3/files", params={"q": q, "fields": "files"})
    assert "thumbnailLink" in usual.text
    unasked = await drive.get("/drive/v3/files", params={"q": q, "fields": "files(id)"})
    assert "thumbnail" not in unasked.text.casefold()


async def test_a_link_leads_anybody_to_a_small_jpeg(
    drive: httpx.AsyncClient, link: str, state: State
) -> None:
    assert link.startswith("http://drive/")
    assert link.endswith("=s220")
    async with caller(state) as nobody:
        answer = await nobody.get(link)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert len(answer.content) < 32 * 1024
        shown = Image.open(io.BytesIO(answer.content))
        assert (shown.format, max(shown.size)) == ("JPEG", 220)
        head = await nobody.head(link)
        assert (head.status_code, head.content) == (200, b"")
    elsewhere = httpx.URL(link)
    through = await drive.get(
        f"/drive/v3/files/{elsewhere.path.split('/')[2]}",
        params={"fields": "thumbnailLink"},
        headers={"host": "drive.test:8085"},
    )
    assert through.json()["thumbnailLink"].startswith("http://drive.test:8085/")


async def test_a_link_ends_and_cannot_be_made_up(link: str, state: State, small: Tree) -> None:
    async with caller(state) as nobody:
        other = link.replace(link.split("/")[4], File(small, small.layout.folders + 1).id)
        for forged in (other, link[:-1], link.replace("=s220", ""), link.replace("=s", "A=s")):
            assert reason(await nobody.get(forged)) == (404, "notFound", "")
        state.clock.advance(4 * 3_600 + 1)
        assert reason(await nobody.get(link)) == (403, "forbidden", "")
