"""What is named and typed like a picture, and is none."""

import gzip
import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drive_emulator.content.documents import BY_KIND
from services.adapters.store.urls import SHOWN
from services.core.errors import CONTENT_MISMATCH, SetAside
from services.core.events import FileFailed, FileStored, Mode
from services.core.object_key import object_key
from services.transfer.content import HEAD_BYTES, OTHER_CONTENT, refuse_other_content, type_of
from services.transfer.copier import WHOLE_BYTES
from tests.fakes.object_store import Kept
from tests.fakes.samples import a_file
from tests.fakes.transferring import Transferring, said_of
from tests.fakes.virtual_time import virtual_time

PAGE = b"<!DOCTYPE html>\n<html><body>We are sorry</body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
TYPES = ("image/jpeg", "image/png", "image/heic")


def zipped() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("a.txt", "a")
    return memory.getvalue()


@pytest.mark.parametrize("mime_type", TYPES)
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (PAGE, "an HTML page"),
        (b"\xef\xbb\xbf\r\n  <HTML lang=en>" + bytes(9), "an HTML page"),
        (b"<script>x</script>", "an HTML page"),
        (b"<!-- saved from url=(0014)about:internet -->\n<html>", "an HTML page"),
        (b'<?xml version="1.0"?><!DOCTYPE html><html/>', "an HTML page"),
        (b"<!DOCTYPE html><html><body>" + SVG + b"Sign in", "an HTML page"),
        (b'<meta charset="utf-8">', "an HTML page"),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "text"),
        (b"<Error><Code>AccessDenied</Code></Error>", "text"),
        (b'[["error", 403]]', "text"),
        (b"{}", "text"),
        (b"FLV\x01\x05", "a video"),
        (b'<?xml version="1.0"?>\n<rss/>', "text"),
        (b'{"error": {"code": 403}}', "text"),
        ("Grüße\naus Tirol".encode(), "text"),
        ("Grüße".encode("utf-16"), "text"),
        (b"%PDF-1.7\n" + bytes(99), "a PDF document"),
        (zipped(), "a ZIP archive or an Office document"),
        (gzip.compress(b"x", mtime=0), "an archive"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0", "a video"),
        *((document.content, "it contains") for document in BY_KIND.values()),
    ],
)
def test_it_fails_with_what_it_is(body: bytes, what: str, mime_type: str) -> None:
    with pytest.raises(SetAside, match=what) as caught:
        refuse_other_content(a_file(mime_type=mime_type), body[:HEAD_BYTES])
    assert caught.value.reason == OTHER_CONTENT
    assert mime_type in caught.value.message


@pytest.mark.parametrize(
    ("mime_type", "head"),
    [
        ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"),
        ("image/jpeg", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),  # of another type, but a picture
        ("image/png", b"\xff\xd8\xff\n"),  # no byte of it is binary
        ("image/png", b""),
        ("image/png", b"\0"),
        ("image/png", b"some letters"),
        ("image/gif", b"GIF89a\1\0\1\0"),
        ("image/webp", b"RIFF\x24\0\0\0WEBPVP8 "),
        ("image/bmp", b"BM\x46\0\0\0"),
        ("image/tiff", b"II*\0\x08\0\0\0"),
        ("image/heic", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("image/avif", b"\0\0\0\x1cftypavif\0\0\0\0"),
        ("image/x-canon-cr3", b"\0\0\0\x18ftypcrx \0\0\0\1"),
        ("image/jp2", b"\0\0\0\x0cjP  \r\n\x87\n"),
        ("image/svg+xml", SVG),
        ("image/svg+xml", b'<?xml version="1.0"?>\n<!-- a drawing program -->\n' + SVG),
        ("image/svg+xml", b'<?xml version="1.0"?>\n<!--' + b" long" * 400),
        ("image/svg+xml", gzip.compress(SVG, mtime=0)),
        ("image/png", b"<!-- saved under another type -->" + SVG),
        ("image/openraster", zipped()),
        ("image/x-portable-pixmap", b"P3\n1 1\n255\n0 0 0\n"),
        ("image/x-xpixmap", b"/* XPM */\nstatic char *a[] = {"),
        ("image/fits", b"SIMPLE  =                    T"),
        ("image/x-of-the-future", b"some text, then whatever"),
    ],
)
def test_every_picture_passes_and_so_does_what_nobody_knows(mime_type: str, head: bytes) -> None:
    refuse_other_content(a_file(mime_type=mime_type), head)


@pytest.mark.parametrize("page", [PAGE, b"<html><body>" + SVG + b"</body></html>"])
def test_a_page_is_no_drawing(page: bytes) -> None:
    with pytest.raises(SetAside, match="an HTML page"):
        refuse_other_content(a_file(mime_type="image/svg+xml"), page)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
DOCUMENTS = st.recursive(
    st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=9), VALUES, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
RASTER = (
    *TYPES,
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/tiff",
    "image/avif",
    "image/x-icon",
)
"""What a browser shows in place, and so may be opened under our address."""


def test_each_of_these_types_is_shown_in_place() -> None:
    assert all(SHOWN.fullmatch(mime_type) for mime_type in RASTER)


@given(
    document=DOCUMENTS,
    mime_type=st.sampled_from(RASTER),
    before=st.sampled_from([b"", b"\n", b"  ", b"\xef\xbb\xbf"]),
    indent=st.sampled_from([None, 2]),
)
def test_no_json_document_is_stored_as_a_picture(
    document: object, mime_type: str, before: bytes, indent: int | None
) -> None:
    body = before + json.dumps(document, indent=indent).encode()
    with pytest.raises(SetAside, match="contains text"):
        refuse_other_content(a_file(mime_type=mime_type), body[:HEAD_BYTES])


@given(
    tag=st.sampled_from([b"html", b"script", b"HEAD", b"body", b"iframe", b"!DOCTYPE html"]),
    mime_type=st.sampled_from(
        [*RASTER, "image/svg+xml", "image/x-canon-cr2", "image/x-of-the-future"]
    ),
    before=st.lists(
        st.sampled_from([b" ", b"\r\n", b"<!-- a > b -->", b'<?xml version="1.0"?>']), max_size=4
    ),
    end=st.sampled_from([b">", b" lang=en>", b"\n>"]),
    after=st.binary(max_size=40),
)
def test_no_page_is_stored_as_a_picture_whatever_its_type_and_what_comes_before(
    tag: bytes, mime_type: str, before: list[bytes], end: bytes, after: bytes
) -> None:
    body = b"".join(before) + b"<" + tag + end + after
    with pytest.raises(SetAside, match="an HTML page"):
        refuse_other_content(a_file(mime_type=mime_type), body[:HEAD_BYTES])


@pytest.mark.parametrize(
    "mime_type",
    [
        "image/svg+xml",
        "IMAGE/SVG+XML",
        "image/svg",
        "image/svg+xml;charset=utf-8",
        "text/html",
        "application/xhtml+xml",
        "text/xml",
        "application/pdf",
        "image/png\r\ncontent-type: text/html",
    ],
)
def test_nothing_that_can_run_scripts_is_shown_in_place(mime_type: str) -> None:
    """It is only downloaded: see `store/objects.py` and `store/urls.py`."""
    assert SHOWN.fullmatch(mime_type.lower()) is None


@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        PAGE + b" " * WHOLE_BYTES,
        b" " * HEAD_BYTES + PAGE,
        b"\xef\xbb\xbf" + b"\r\n" * 99_999 + b'{"error": {"code": 403}}',
        b"\t" * WHOLE_BYTES + PAGE,
    ],
    ids=["whole", "in parts", "behind white space", "behind a mark and more", "behind parts"],
)
@virtual_time
async def test_nothing_becomes_visible_of_a_page_saved_as_a_picture(body: bytes) -> None:
    worker = Transferring(body)
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert outcome.reason == OTHER_CONTENT
    assert worker.store.objects == {}
    assert worker.drive.opened == ["file-1"]
    worker.check_nothing_is_held()


@virtual_time
async def test_a_page_instead_of_the_picture_that_drive_listed_is_a_mismatch() -> None:
    worker = Transferring(PAGE, said_of(b"\xff\xd8\xff" * 30, "md5", size=len(PAGE)))
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert outcome.reason == CONTENT_MISMATCH


JPEG, PNG = b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("claimed", "head", "served"),
    [
        ("image/jpeg", JPEG, "image/jpeg"),
        ("image/jpeg", PNG, "image/png"),
        ("image/png", JPEG, "image/jpeg"),
        ("image/apng", PNG, "image/apng"),
        ("image/svg+xml", PNG, "image/png"),
        ("image/png", b"GIF89a\1\0\1\0", "image/gif"),
        ("image/jpeg", b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        ("image/jpeg", b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        ("image/heif", b"\0\0\0\x18ftypheic\0\0\0\0", "image/heif"),
        ("image/png", b"II*\0\x08\0\0\0", "image/tiff"),
        ("image/x-nikon-nef", b"MM\0*\0\0\0\x08", "image/x-nikon-nef"),
        ("image/jpeg", SVG, "image/svg+xml"),
        ("image/jpeg", b"some letters", "image/jpeg"),
        ("image/png", b"", "image/png"),
    ],
)
def test_it_is_served_as_what_it_is(claimed: str, head: bytes, served: str) -> None:
    assert type_of(claimed, head) == served


@pytest.mark.parametrize("size", [len(PNG) + 99, WHOLE_BYTES + 1], ids=["whole", "in parts"])
@virtual_time
async def test_the_object_has_the_type_of_its_bytes(size: int) -> None:
    body = PNG.ljust(size, b"\0")
    worker = Transferring(body, said_of(body, "md5", mime_type="image/jpeg"))
    outcome = await worker.outcome()
    (kept,) = worker.store.objects.values()
    assert (kept.content_type, kept.body) == ("image/png", body)
    assert isinstance(outcome, FileStored)
    assert (outcome.content_type, outcome.file.mime_type) == ("image/png", "image/jpeg")
    again = await worker.outcome(replace(worker.file, mode=Mode.CHECK, import_id="again"))
    assert isinstance(again, FileStored)
    assert (again.unchanged, again.content_type) == (True, "image/png")
    read = await worker.outcome(replace(worker.file, mode=Mode.VERIFY, round=2))
    assert isinstance(read, FileStored)
    assert (read.unchanged, read.content_type) == (True, "image/png")


@pytest.mark.parametrize("told", ["", "application/octet-stream", "text/html"])
@virtual_time
async def test_what_the_store_says_of_an_object_counts_only_if_it_is_a_picture(told: str) -> None:
    worker = Transferring(PNG, said_of(PNG, "md5", mime_type="image/jpeg", mode=Mode.CHECK))
    key = object_key(worker.file)
    worker.store.objects[key] = Kept(PNG, told)
    outcome = await worker.outcome()
    assert isinstance(outcome, FileStored)
    assert (outcome.unchanged, outcome.content_type) == (True, None)
