"""A preview: what a link leads to, within a few seconds, before anything is started."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.adapters.process import worker_status
from services.api import preview, preview_listing, preview_samples
from services.api.worker_cache import WorkerCache
from services.core.errors import (
    DAILY_LIMIT,
    DRIVE_RATE_LIMITED,
    KEY_REFUSED,
    CoolDown,
    RateLimited,
    SetAside,
    Stop,
    TryAgain,
    Verdict,
)
from services.core.ports import (
    FOLDER_TYPE,
    SHORTCUT_TYPE,
    Entry,
    Page,
    SpendsQuota,
    Target,
    Thumbnail,
)
from tests.fakes.drive import FakeDrive
from tests.fakes.patience import undisturbed
from tests.unit.api.conftest import Api

ROOT = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
BELOW = "1SubSubSubSubSubSubSubSub"
LINK = f"https://drive.google.com/drive/folders/{ROOT}?usp=sharing"
UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive returned a server error.")


async def asked(api: Api, link: str = LINK) -> httpx.Response:
    return await api.client.post("/imports/preview", json={"folderUrl": link})


def shortcut(id: str, target: str, mime_type: str) -> Entry:
    return Entry(
        id=id, name=id, mime_type=SHORTCUT_TYPE, target=Target(id=target, mime_type=mime_type)
    )


async def test_it_says_what_the_folder_holds_and_starts_nothing(api: Api) -> None:
    drive = api.drive
    drive.add_folder(ROOT, name="Holidays")
    for number in range(20):
        drive.add_file(ROOT, f"image-{number}", b"x" * 100, f"Beach {number}.png")
    drive.add_folder(BELOW, parent=ROOT)
    drive.add_file(BELOW, "below", b"y" * 50)
    drive.add_entry(ROOT, Entry(id="notes", name="Notes", mime_type="text/plain", size=9))
    drive.add_entry(ROOT, Entry(id="sheet", name="S", mime_type="application/vnd.google-apps.x"))
    drive.add_entry(ROOT, shortcut("same", "image-1", "image/png"))
    drive.add_entry(ROOT, shortcut("round", ROOT, FOLDER_TYPE))
    answer = await asked(api)
    assert answer.status_code == 200
    assert answer.json() == {
        "folder_id": ROOT,
        "folder_url": LINK,
        "name": "Holidays",
        "complete": True,
        "stopped_by": None,
        "images": 21,
        "bytes": 2050,
        "types": {"image/png": 21},
        "skipped": {"not_an_image": 1, "google_document": 1},
        "folders": 2,
        "folders_listed": 2,
        "folders_failed": {},
        "names": [f"Beach {number}.png" for number in range(12)],
        "samples": [
            {
                "google_drive_id": f"image-{number}",
                "name": f"Beach {number}.png",
                "thumbnail": None,
            }
            for number in range(6)
        ],
        "quota_units": 4200,
        "seconds": round(4200 / (325_000 * 0.88 / 60), 1),
    }
    assert not api.log.of("imports.requested")


async def test_a_link_is_refused_as_for_an_import(api: Api) -> None:
    for body in (b"", b"[]", b'{"folderUrl": 1}', b'{"folderUrl": "https://example.org/x"}'):
        both = [
            await api.client.post(path, content=body, headers={"Content-Type": "application/json"})
            for path in ("/imports/preview", "/import/google-drive")
        ]
        told, as_import = ({**answer.json(), "instance": "", "request_id": ""} for answer in both)
        assert told == as_import
        assert told["status"] == 400
    assert api.drive.looked_up == []


@pytest.mark.parametrize(
    ("why", "status", "code"),
    [
        (RateLimited(DRIVE_RATE_LIMITED, "Google limits us.", 7), 503, "drive_rate_limited"),
        (UNAVAILABLE, 503, "drive_unavailable"),
        (CoolDown(DAILY_LIMIT, "The quota is used up.", 60), 503, "daily_limit_exceeded"),
        (Stop(KEY_REFUSED, "Google rejected the API key."), 503, "key_refused"),
        (SetAside("not_permitted", "The owner does not allow it."), 422, "folder_refused"),
    ],
)
async def test_what_drive_refuses_is_said(api: Api, why: Verdict, status: int, code: str) -> None:
    api.drive.add_folder(ROOT)
    api.drive.down = why
    answer = await asked(api)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] == why.message
    assert (answer.headers.get("retry-after") == "7") == isinstance(why, RateLimited)


async def test_a_trouble_that_passes_is_not_told(api: Api) -> None:
    api.drive.add_folder(ROOT, name="Holidays")
    api.drive.add_file(ROOT, "one", b"x")
    api.drive.look_up_troubles[ROOT].append(UNAVAILABLE)
    api.drive.list_troubles[ROOT].append(UNAVAILABLE)
    answer = (await asked(api)).json()
    assert (answer["name"], answer["images"], answer["complete"]) == ("Holidays", 1, True)


async def test_what_is_no_folder_is_said_as_the_lister_says_it(api: Api) -> None:
    drive = api.drive
    missing = await asked(api)
    assert (missing.status_code, missing.json()["code"]) == (404, "folder_not_found")
    drive.items[ROOT] = Entry(id=ROOT, name="Beach.png", mime_type="image/png")
    file = await asked(api)
    assert (file.status_code, file.json()["code"]) == (422, "not_a_folder")
    assert "This is a file, not a folder." in file.json()["detail"]
    drive.items[ROOT] = Entry(id=ROOT, name="Old", mime_type=FOLDER_TYPE, trashed=True)
    assert (await asked(api)).json()["code"] == "trashed"
    drive.items[ROOT] = shortcut(ROOT, BELOW, FOLDER_TYPE)
    assert (await asked(api)).json()["code"] == "shortcut_dangling"
    drive.add_folder(BELOW)
    drive.add_file(BELOW, "one", b"xyz")
    told = (await asked(api)).json()
    assert (told["folder_id"], told["images"], told["bytes"]) == (ROOT, 1, 3)
    assert (told["folders"], told["folders_listed"], told["complete"]) == (1, 1, True)


async def test_an_empty_folder_is_empty(api: Api) -> None:
    api.drive.add_folder(ROOT, name="Nothing")
    told = (await asked(api)).json()
    assert (told["name"], told["images"], told["complete"]) == ("Nothing", 0, True)


async def test_it_is_incomplete_where_a_part_could_not_be_listed(api: Api) -> None:
    drive = api.drive
    drive.add_folder(ROOT)
    drive.add_file(ROOT, "one", b"xyz")
    drive.add_folder(BELOW, parent=ROOT)
    del drive.folders[BELOW]
    told = (await asked(api)).json()
    assert (told["images"], told["complete"]) == (1, False)
    assert told["folders_failed"] == {"not_found": 1}
    drive.list_troubles[BELOW].append(RateLimited(DRIVE_RATE_LIMITED, "Google limits us."))
    told = (await asked(api)).json()
    assert (told["images"], told["complete"], told["stopped_by"]) == (1, False, DRIVE_RATE_LIMITED)


class EndlessDrive(FakeDrive):
    """Each folder has two more; each page waits for `seconds` and pays."""

    def __init__(self, seconds: float = 0, quota: SpendsQuota | None = None) -> None:
        super().__init__()
        self.seconds, self.quota = seconds, quota
        self.add_folder(ROOT, name="Endless")

    async def list_page(self, folder_id: str, **_how: Any) -> Page:
        if self.quota:
            await self.quota.take(100)
        await asyncio.sleep(self.seconds)
        below = [f"{len(self.listed)}-{n}" for n in "ab"]
        self.listed.append((folder_id, None))
        return Page(entries=[Entry(id=id, name=id, mime_type=FOLDER_TYPE) for id in below])


def with_drive(api: Api, drive: FakeDrive) -> None:
    for name in ("folders", "items", "listed"):
        setattr(api.drive, name, getattr(drive, name))
    api.drive.list_page = drive.list_page  # type: ignore[method-assign]


def add_image(drive: FakeDrive, folder_id: str, name: str) -> None:
    link = f"https://lh3.googleusercontent.com/{name}"
    drive.add_entry(
        folder_id, Entry(id=name, name=name, mime_type="image/png", thumbnail_link=link)
    )
    drive.thumbnails[link] = Thumbnail("image/jpeg", name.encode())


async def test_the_first_images_are_shown_small_whichever_folder_they_are_in(api: Api) -> None:
    api.drive.add_folder(ROOT)
    add_image(api.drive, ROOT, "one")
    api.drive.add_file(ROOT, "two", b"x", "No link.png")
    api.drive.add_folder(BELOW, parent=ROOT)
    for number in range(9):
        add_image(api.drive, BELOW, f"below-{number}")
    samples = (await asked(api)).json()["samples"]
    assert [sample["google_drive_id"] for sample in samples] == [
        *("one", "two", "below-0", "below-1", "below-2", "below-3")
    ]
    assert samples[0]["thumbnail"] == "data:image/jpeg;base64,b25l"
    assert [sample["thumbnail"] is None for sample in samples] == [False, True, *[False] * 4]


class SlowThumbnails(FakeDrive):
    """The first sample's never comes; `most` were fetched at once."""

    now = most = 0

    async def thumbnail(self, link: str) -> Thumbnail | None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(60 if link.endswith("/0") else 0.05)
        finally:
            self.now -= 1
        return await super().thumbnail(link)


async def test_a_thumbnail_that_is_late_is_left_out(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preview_samples.SECONDS <= 1.5
    monkeypatch.setattr(preview_samples, "SECONDS", 0.3)
    slow = SlowThumbnails()
    slow.add_folder(ROOT)
    for number in range(20):
        add_image(slow, ROOT, str(number))
    with_drive(api, slow)
    api.drive.thumbnail = slow.thumbnail  # type: ignore[method-assign]
    shown = [False, *[True] * 5]

    async def look() -> None:
        told = (await asked(api)).json()
        assert (told["images"], told["complete"]) == (20, True)
        assert [sample["thumbnail"] is not None for sample in told["samples"]] == shown

    await undisturbed(look, stall=0.1)
    assert (slow.most, slow.now) == (6, 0)
    monkeypatch.setattr(preview_samples, "SECONDS", 30)
    monkeypatch.setattr(preview, "SECONDS", 0.3)
    await undisturbed(look, stall=0.1)
    assert slow.now == 0


async def test_it_is_bounded_in_pages(api: Api) -> None:
    with_drive(api, EndlessDrive())
    told = (await asked(api)).json()
    assert (told["complete"], told["stopped_by"]) == (False, "pages")
    assert told["folders_listed"] == preview_listing.MOST_PAGES
    assert len(api.drive.listed) == preview_listing.MOST_PAGES


async def test_it_is_bounded_in_time_and_says_what_it_saw(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preview.SECONDS < 5
    monkeypatch.setattr(preview, "SECONDS", 0.2)
    with_drive(api, EndlessDrive(0.05))
    told = (await asked(api)).json()
    assert (told["complete"], told["stopped_by"], told["name"]) == (False, "time", "Endless")
    assert told["folders_listed"] >= 1
    with_drive(api, EndlessDrive(60))
    late = await asked(api)
    assert (late.status_code, late.json()["code"]) == (503, "drive_slow")


async def test_so_many_are_made_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "SECONDS", 0.2)
    monkeypatch.setattr(preview, "MOST_PREVIEWS", 2)
    with_drive(api, EndlessDrive(60))
    answers = await asyncio.gather(*(asked(api) for _ in range(5)))
    codes = sorted(answer.json()["code"] for answer in answers)
    assert codes == ["drive_slow"] * 2 + ["previews_busy"] * 3
    assert all(answer.headers["retry-after"] == "5" for answer in answers)


def test_the_processes_of_the_api_share_the_quota_for_previews() -> None:
    workers, now = WorkerCache(), datetime.now(UTC)
    part = preview.our_part(workers)
    assert part() == 1
    for service, number, seconds in (
        ("api", 1, 0),
        ("api", 2, 5),
        ("api", 3, 300),
        ("lister", 1, 0),
    ):
        status = worker_status(service, None)
        workers.apply(
            type(status)(
                worker_id=f"{service}-{number}",
                service=service,
                state="running",
                waiting_for=None,
                at=now - timedelta(seconds=seconds),
            )
        )
    assert part() == 1 / 2
