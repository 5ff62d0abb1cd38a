"""GET /images/sections and GET /imports/{id}/folders."""

from datetime import timedelta

from tests.catalog_rows import BEGAN, a_file, a_folder, an_image, an_import, rows
from tests.unit.api.conftest import Api


async def test_each_section_is_read_by_its_cursor(api: Api) -> None:
    """Of 250 images, stored one after the other, of which the last are added meanwhile."""
    files = [a_file(n, state="stored", outcome_at=BEGAN + timedelta(seconds=n)) for n in range(260)]
    images = [an_image(n) for n in range(260)]
    api.catalog.fill(rows(images=images[:250], files=files[:250]))
    query = "import=import-0001&order=newest"
    found = (
        await api.client.get(f"/images/sections?{query}&section_size=100&image=file-0009")
    ).json()
    assert (found["total"], found["section_size"], found["position"]) == (250, 100, 240)
    api.catalog.fill(rows(images=images[250:], files=files[250:]))
    seen: list[str] = []
    for cursor in found["cursors"]:
        page = await api.client.get(f"/images?{query}&limit=100&cursor={cursor}")
        assert len(page.json()) == (50 if len(seen) == 200 else 100)
        seen += [image["google_drive_id"] for image in page.json()]
    assert seen == [f"file-{n:04}" for n in reversed(range(250))]
    other = await api.client.get(f"/images?order=newest&limit=100&cursor={found['cursors'][0]}")
    assert other.json()["code"] == "bad_cursor"


async def test_sections_of_nothing_and_bad_questions(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(1)]))
    none = (await api.client.get("/images/sections?name=zzz&image=file-0001")).json()
    assert none == {"total": 0, "section_size": 500, "cursors": [], "position": None}
    for query in ("section_size=99", "section_size=1001", "image=" + "x" * 257, "folders=1"):
        answer = await api.client.get(f"/images/sections?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter"), query


async def test_a_list_that_is_too_long_to_walk_along_says_so(api: Api) -> None:
    api.catalog.uncounted = True
    answer = await api.client.get("/images/sections")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_slow")
    assert "retry-after" in answer.headers


async def test_the_folders_of_an_import_have_pages(api: Api) -> None:
    folders = [a_folder(n, path=("a/b",) * n, closed=True) for n in range(3)]
    api.catalog.fill(
        rows(
            imports=[an_import(1)],
            folders=folders,
            files=[a_file(1, state="stored")],
            images=[an_image(1, folder_id="folder-0002")],
        )
    )
    first = await api.client.get("/imports/import-0001/folders?limit=2")
    second = await api.client.get(first.links["next"]["url"])
    assert first.json() + second.json() == [
        {"folder_id": "folder-0000", "path": [], "images": 0},
        {"folder_id": "folder-0001", "path": ["a/b"], "images": 0},
        {"folder_id": "folder-0002", "path": ["a/b", "a/b"], "images": 1},
    ]
    assert "next" not in second.links
    unknown = await api.client.get("/imports/nope/folders")
    assert unknown.json()["code"] == "unknown_import"
