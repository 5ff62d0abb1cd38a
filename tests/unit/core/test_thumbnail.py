"""Where thumbnails are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.core.object_key import object_key, older_key
from services.core.thumbnail import PREFIX, WIDTHS, thumbnail_key, width_of
from tests.fakes.samples import a_file

IDS = st.text(min_size=1, max_size=90) | st.just(PREFIX) | st.just(PREFIX.rstrip("/"))


@pytest.mark.parametrize(
    ("asked", "given"), [(1, 160), (160, 160), (161, 320), (700, 1280), (1280, 1280), (9999, 1280)]
)
def test_a_width_is_rounded_up_to_the_next(asked: int, given: int) -> None:
    assert width_of(asked) == given


@given(file_id=IDS, folder_id=IDS, name=st.text(max_size=300) | st.just(f"../{PREFIX}160/x"))
def test_no_picture_has_a_key_among_the_thumbnails(file_id: str, folder_id: str, name: str) -> None:
    file = replace(a_file(), file_id=file_id, folder_id=folder_id, name=name)
    for key in (object_key(file), older_key(file)):
        assert not key.startswith(PREFIX)
        small = thumbnail_key(key, WIDTHS[-1])
        assert len(small.encode()) <= 1024
        assert max(len(part.encode()) for part in small.split("/")) <= 255


def test_other_bytes_and_other_widths_have_other_thumbnails() -> None:
    files = [replace(a_file(), md5=md5 * 32) for md5 in "ab"]
    keys = {thumbnail_key(object_key(file), width) for file in files for width in WIDTHS}
    assert len(keys) == 2 * len(WIDTHS)
