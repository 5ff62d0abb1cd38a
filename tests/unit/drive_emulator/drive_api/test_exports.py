"""files.export, and files.download with its operations."""

import io
import zipfile
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest
from PIL import Image

from drive_emulator.control.state import State
from drive_emulator.drive_api.export_formats import FORMATS, exported
from drive_emulator.drive_api.exports import OPERATION_LIFE_S
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File
from tests.unit.drive_emulator.clients import caller, reason, state_of
from tests.unit.drive_emulator.conftest import KEY

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def state(store: TreeStore) -> State:
    return state_of(store)


@pytest.fixture
async def client(state: State) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state, key=KEY) as client:
        yield client


def named(store: TreeStore, name: str) -> File:
    """A file of the hostile tree."""
    tree = store.tree("hostile")
    assert tree is not None
    files = (File(tree, ordinal) for ordinal in range(tree.count))
    return next(file for file in files if file.entry.name == name)


@pytest.fixture(scope="module")
def document(store: TreeStore) -> File:
    return named(store, "a document")


@pytest.fixture(scope="module")
def notes(store: TreeStore) -> File:
    return named(store, "notes.txt")


async def export(
    client: httpx.AsyncClient, file: File, mime_type: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    params = {"mimeType": mime_type}
    return await client.get(f"/drive/v3/files/{file.id}/export", params=params, headers=headers)


async def test_a_document_is_exported_with_its_type(
    client: httpx.AsyncClient, document: File
) -> None:
    answer = await export(client, document, "text/plain")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")
    assert answer.text == f"a document ({document.id})\n"
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("mime_type", sorted({m for each in FORMATS.values() for m in each}))
def test_every_format_is_a_file_of_its_kind(document: File, mime_type: str) -> None:
    content = exported(document, mime_type)
    assert content == exported(document, mime_type)
    if mime_type == PDF:
        assert content.startswith(b"%PDF-")
    elif mime_type in ("image/png", "image/jpeg"):
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.size == (64, 64)
    elif mime_type.startswith("application/rtf"):
        assert content.startswith(b"{\\rtf1")
    elif mime_type.startswith(("text/", "image/svg", "application/vnd.google-apps")):
        assert document.id in content.decode()
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None


async def test_an_export_ignores_ranges(client: httpx.AsyncClient, document: File) -> None:
    answer = await export(client, document, PDF, {"Range": "bytes=0-3"})
    assert answer.status_code == 200
    assert len(answer.content) > 4


async def test_an_export_may_have_alt_media(client: httpx.AsyncClient, document: File) -> None:
    params = {"mimeType": PDF, "alt": "media"}
    answer = await client.get(f"/drive/v3/files/{document.id}/export", params=params)
    assert answer.content.startswith(b"%PDF-")


@pytest.mark.parametrize("mime_type", ["image/png", "nonsense", "application/vnd.ms-excel"])
async def test_an_unknown_format_is_a_bad_request(
    client: httpx.AsyncClient, document: File, mime_type: str
) -> None:
    answer = await export(client, document, mime_type)
    assert reason(answer) == (400, "badRequest", "convertTo")


async def test_export_links_serve_the_same_bytes(client: httpx.AsyncClient, document: File) -> None:
    params = {"fields": "exportLinks"}
    told = (await client.get(f"/drive/v3/files/{document.id}", params=params)).json()
    assert set(told["exportLinks"]) == set(FORMATS[document.entry.mime_type])
    for mime_type, link in told["exportLinks"].items():
        parts = urlsplit(link)
        assert parts.netloc == "docs.google.com"
        query = dict(parse_qsl(parts.query))
        answer = await client.get(parts.path, params=query)
        assert answer.headers["content-type"] == mime_type
        assert answer.content == exported(document, mime_type)
        query["exportFormat"] = "nonsense"
        answer = await client.get(parts.path, params=query)
        assert reason(answer) == (400, "badRequest", "convertTo")
    answer = await client.get(parts.path, params={"id": "nobody"})
    assert reason(answer) == (404, "notFound", "fileId")


async def test_files_that_cannot_be_downloaded_cannot_be_exported_either(
    client: httpx.AsyncClient, store: TreeStore
) -> None:
    for name in ("not to be downloaded.jpg", "abusive.jpg"):
        file = named(store, name)
        answer = await client.post(f"/drive/v3/files/{file.id}/download")
        assert answer.status_code == 403


async def test_an_export_needs_a_format(client: httpx.AsyncClient, document: File) -> None:
    answer = await client.get(f"/drive/v3/files/{document.id}/export")
    assert reason(answer) == (400, "required", "mimeType")


async def test_a_file_with_bytes_is_not_exported(client: httpx.AsyncClient, notes: File) -> None:
    assert reason(await export(client, notes, PDF))[:2] == (403, "fileNotExportable")


async def test_a_folder_is_not_exported(client: httpx.AsyncClient, store: TreeStore) -> None:
    folder = named(store, "Empty")
    assert reason(await export(client, folder, PDF))[:2] == (400, "badRequest")


async def test_more_than_ten_megabytes_are_not_exported() -> None:
    store = TreeStore(seed=1)
    native = {"kind": "native", "mimeType": "application/vnd.google-apps.document"}
    sizes = {"large": 10_000_001, "just": 10_000_000}
    items = [{"path": name, "driveSize": size, **native} for name, size in sizes.items()]
    tree = store.add(parse_tree(msgspec.json.encode({"name": "sizes", "items": items})))
    files = {file.entry.name: file for file in (File(tree, n) for n in range(1, tree.count))}
    async with caller(state_of(store), key=KEY) as client:
        refused = await export(client, files["large"], PDF)
        assert reason(refused)[:2] == (403, "exportSizeLimitExceeded")
        assert (await export(client, files["just"], PDF)).status_code == 200


async def test_a_private_document_is_not_found(client: httpx.AsyncClient, store: TreeStore) -> None:
    secret = named(store, "secret.jpg")
    assert reason(await export(client, secret, PDF)) == (404, "notFound", "fileId")
    answer = await client.post(f"/drive/v3/files/{secret.id}/download")
    assert reason(answer) == (404, "notFound", "fileId")


async def test_a_download_is_a_finished_operation(client: httpx.AsyncClient, notes: File) -> None:
    begun = (await client.post(f"/drive/v3/files/{notes.id}/download")).json()
    assert begun["done"] is True
    assert begun["response"]["partialDownloadAllowed"] is True
    asked = (await client.get(f"/drive/v3/operations/{begun['name']}")).json()
    assert asked == begun
    parts = urlsplit(begun["response"]["downloadUri"])
    assert (parts.scheme, parts.netloc) == ("http", "drive")
    answer = await client.get(f"{parts.path}?{parts.query}", params={"alt": "media"})
    assert answer.content.endswith(b"\n")


async def test_a_document_is_downloaded_as_a_format(
    client: httpx.AsyncClient, document: File
) -> None:
    path = f"/drive/v3/files/{document.id}/download"
    usual = (await client.post(path)).json()["response"]["downloadUri"]
    assert usual.endswith(DOCX.replace("/", "%2F"))
    told = (await client.post(path, params={"mimeType": PDF})).json()["response"]
    assert told["partialDownloadAllowed"] is False
    answer = await export(client, document, PDF)
    assert answer.content.startswith(b"%PDF-")
    assert told["downloadUri"].endswith(f"/{document.id}/export?mimeType=application%2Fpdf")


async def test_a_file_with_bytes_cannot_be_converted(
    client: httpx.AsyncClient, notes: File
) -> None:
    path = f"/drive/v3/files/{notes.id}/download"
    assert reason(await client.post(path, params={"mimeType": PDF}))[1] == "fileNotExportable"


async def test_an_operation_is_known_for_a_day(
    client: httpx.AsyncClient, notes: File, state: State
) -> None:
    begun = (await client.post(f"/drive/v3/files/{notes.id}/download")).json()
    state.clock.advance(OPERATION_LIFE_S - 60)
    assert (await client.get(f"/drive/v3/operations/{begun['name']}")).status_code == 200
    state.clock.advance(120)
    answer = await client.get(f"/drive/v3/operations/{begun['name']}")
    assert reason(answer) == (404, "notFound", "name")


@pytest.mark.parametrize("name", ["x", "a" * 500, "%00", "1fYbA1GMfEmRc6c5rWNoz042FP3jeeYXk"])
async def test_an_unknown_operation_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/drive/v3/operations/{name}")
    assert reason(answer) == (404, "notFound", "name")
