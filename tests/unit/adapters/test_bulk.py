"""How rows are made ready for PostgreSQL."""

from services.adapters.catalog.bulk import pack
from services.adapters.catalog.rows import FileRow, ImageRow, Rows
from tests.catalog_rows import a_file, an_image, rows


def test_rows_come_in_the_order_of_their_keys_and_images_as_they_came() -> None:
    files, images = [a_file(n) for n in (3, 1, 2)], [an_image(n) for n in (3, 1, 2)]
    after = rows(files=files, images=images)
    packed = dict(pack(Rows(), after))
    [lines] = packed[FileRow]
    assert [line.split(b",")[1] for line in lines.splitlines()] == [
        b'"file-0001"',
        b'"file-0002"',
        b'"file-0003"',
    ]
    [lines] = packed[ImageRow]
    found = [line for line in lines.splitlines() if line]
    for image, line in zip(images, found, strict=True):
        assert image.google_drive_id.encode() in line


def test_what_did_not_change_is_left_out() -> None:
    same, other = a_file(1), a_file(2)
    before = rows(files=[same, other])
    after = rows(files=[same, a_file(2, reason="gone")])
    [(kind, [lines])] = pack(before, after)
    assert (kind, lines.count(b"\n")) == (FileRow, 1)
    assert b"file-0002" in lines
