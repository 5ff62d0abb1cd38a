"""Where bytes are kept: keys that every store takes, and that never meet by accident."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from services.core.events import FileFound
from services.core.object_key import PART_BYTES, object_key, older_key, safe_part
from tests.fakes.samples import a_file

HEX = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=400)
ANY_ID = st.one_of(
    st.text(alphabet="abcXYZ019_-", min_size=1, max_size=44),
    st.text(alphabet=st.characters(exclude_categories=()), min_size=1, max_size=256),
)
FILES = st.builds(
    lambda file_id, folder_id, name, md5, version: a_file(
        file_id=file_id, folder_id=folder_id, name=name, md5=md5, version=version
    ),
    file_id=ANY_ID,
    folder_id=ANY_ID,
    name=ANY_TEXT,
    md5=st.none() | HEX,
    version=st.integers(min_value=0, max_value=2**70),
)


@given(FILES)
def test_any_file_gets_a_key_that_a_store_takes(file: FileFound) -> None:
    key = older_key(file)
    assert len(key.encode()) <= 1024
    folder, *names = key.split("/")
    assert names == [object_key(file)]
    for part in (folder, *names):
        assert 0 < len(part.encode()) <= PART_BYTES
        assert part not in {".", ".."}
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in key)


@given(FILES, FILES)
def test_two_files_of_one_name_have_distinct_keys(one: FileFound, other: FileFound) -> None:
    other = a_file(file_id=other.file_id, name=one.name, version=one.version)
    one = a_file(file_id=one.file_id, name=one.name, version=one.version)
    assert (object_key(one) == object_key(other)) == (one.file_id == other.file_id)


@given(FILES, ANY_ID)
def test_a_file_has_one_key_whichever_import_and_folder_bring_it(
    file: FileFound, folder: str
) -> None:
    again = a_file(
        import_id="another import",
        file_id=file.file_id,
        folder_id=folder,
        name=file.name,
        md5=file.md5,
        version=file.version,
        round=7,
        path=("elsewhere",),
    )
    assert object_key(again) == object_key(file)


@given(FILES, HEX)
def test_other_bytes_make_another_key(file: FileFound, md5: str) -> None:
    changed = a_file(file_id=file.file_id, name=file.name, md5=md5)
    same_bytes = (file.md5 or "")[:12] == md5[:12]
    assert (object_key(file) == object_key(changed)) == same_bytes


def test_the_key_reads_file_checksum_name() -> None:
    file = a_file(folder_id="F", file_id="A", md5="0123456789abcdef" * 2, name="Sunset.JPG")
    assert object_key(file) == "A_0123456789ab_Sunset.JPG"
    assert older_key(file) == "F/A_0123456789ab_Sunset.JPG"


def test_without_a_checksum_the_version_tells_two_states_apart() -> None:
    assert object_key(a_file(version=7)) == "file-1_v7_pixel.png"


def test_slashes_newlines_and_emoji_leave_a_readable_name() -> None:
    key = object_key(a_file(name="a/b\n\U0001f305 c.jpg"))
    assert key == "file-1_v0_a_b_\U0001f305 c.jpg"


def test_a_long_name_is_cut_before_its_ending() -> None:
    part = safe_part("ä" * 300 + ".jpeg", 101)
    assert part.endswith(".jpeg")
    assert len(part.encode()) <= 101
    assert part.startswith("ä" * 40)


def test_a_name_of_nothing_safe_still_names_something() -> None:
    assert safe_part(" .. ", 100) == "_"
    assert safe_part("", 100) == "_"


def test_ids_that_differ_only_after_the_cut_do_not_meet() -> None:
    long = "a" * 200
    assert object_key(a_file(file_id=long + "1")) != object_key(a_file(file_id=long + "2"))
