"""Files with shared prefixes are valid at any length."""

import io
import struct
import zipfile

import pytest
from PIL import Image

from drive_emulator.content import documents
from drive_emulator.content.containers import GIF, JPEG, PNG, TAG_LENGTH, WEBP, Container
from drive_emulator.content.documents import Document
from drive_emulator.content.paintings import encode

FORMATS = (JPEG, PNG, GIF, WEBP)
TAGS = (b"0" * TAG_LENGTH, b"f" * TAG_LENGTH)
PADDINGS = (0, 16, 18, 255, 256, 258, 259, 260, 1_000, 65_536, 65_537, 65_538, 65_540, 131_077)


def whole(container: Container, padding: int, tag: bytes) -> bytes:
    picture = Image.linear_gradient("L").resize((80, 60)).convert("RGB")
    parts = container.prefix(encode(picture, container, 84), padding)
    return b"".join(parts) + container.suffix(tag)


@pytest.mark.parametrize("container", FORMATS, ids=lambda each: each.extension)
@pytest.mark.parametrize("padding", PADDINGS)
def test_a_padded_picture_decodes_and_is_exactly_as_long(
    container: Container, padding: int
) -> None:
    if container.even_only and padding % 2:
        padding += 1
    bare, padded = (whole(container, each, TAGS[0]) for each in (0, padding))
    assert len(padded) - len(bare) == padding
    with Image.open(io.BytesIO(padded)) as picture, Image.open(io.BytesIO(bare)) as same:
        picture.load()
        assert picture.format == container.extension.upper().replace("JPG", "JPEG")
        assert picture.size == (80, 60)
        assert picture.convert("RGB").tobytes() == same.convert("RGB").tobytes()


@pytest.mark.parametrize("container", FORMATS, ids=lambda each: each.extension)
def test_two_files_differ_only_in_their_suffix(container: Container) -> None:
    first, second = (whole(container, 0, tag) for tag in TAGS)
    start = len(first) - container.suffix_length
    assert first[:start] == second[:start]
    assert first[start:] != second[start:]
    assert len(first) == len(second)


def test_a_webp_header_states_the_length_of_the_file() -> None:
    for padding in (0, 5_000):
        content = whole(WEBP, padding, TAGS[0])
        assert struct.unpack("<I", content[4:8])[0] == len(content) - 8


def test_padding_of_any_size_shares_one_filler() -> None:
    size = 500_000_000
    for container in FORMATS:
        picture = Image.new("RGB", (8, 8))
        parts = container.prefix(encode(picture, container, 84), size)
        assert sum(map(len, parts)) >= size
        assert sum(len(part) for part in parts if isinstance(part, bytes)) < 200_000


@pytest.mark.parametrize("document", documents.GENERATED, ids=lambda each: each.container.extension)
def test_documents_differ_by_their_suffix(document: Document) -> None:
    one, other = (document.container.suffix(tag) for tag in TAGS)
    assert one != other
    assert len(one) == len(other)


def test_an_archive_with_its_suffix_can_be_read() -> None:
    content = documents.ZIP.content + documents.ZIP.container.suffix(TAGS[1])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["readme.txt", "places.csv"]
        assert archive.comment == TAGS[1]


def test_the_pdf_has_correct_object_offsets() -> None:
    content = documents.PDF.content
    table = int(content[content.rindex(b"startxref") :].split()[1])
    assert content[table:].startswith(b"xref")
    assert content[int(content[table:].split(b"\n")[3][:10]) :].startswith(b"1 0 obj")


def test_the_boxes_of_the_video_cover_it_exactly() -> None:
    content = documents.MP4.content + documents.MP4.container.suffix(TAGS[0])
    place, kinds = 0, []
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        kinds.append(kind)
        place += length
    assert (place, kinds) == (len(content), [b"ftyp", b"mdat", b"free"])
