"""Every form of a folder link (`drive-api.md` §2), and everything that is none."""

import json
import re
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.core.folder_link import (
    EXAMPLE,
    HOSTS,
    LONGEST_LINK,
    FolderLink,
    NotAFolderLinkError,
    parse_folder_link,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
OWN_VIEWS = {"shared-with-me", "shared-drives"}


def not_of_a_mail(text: str) -> bool:
    """Google's ids begin with 0 or 1, and its keys with `0-`. `=3D` is a mail's `=`."""
    return text[:2].upper() != "3D"


# From 19 characters on: the step of a mobile link's path must be an id and not a word.
ids = (
    st.text(alphabet=LETTERS, min_size=19, max_size=64)
    .filter(lambda i: i not in OWN_VIEWS)
    .filter(not_of_a_mail)
)
FORMS = [
    "/drive/folders/{id}",
    "/drive/u/0/folders/{id}",
    "/drive/u/12/folders/{id}",
    "/drive/mobile/folders/{id}",
    "/drive/mobile/folders/{id}/some/more",
    "/drive/u/2/mobile/folders/{id}",
    "/drive/mobile/folders/1RootRootRootRootRootRootRootRoot0/{id}",
    "/drive/u/0/mobile/folders/1RootRootRootRootRootRootRootRoot0/0AShortestPossible00/{id}",
    "/folders/{id}",
    "/open?id={id}",
    "/folderview?id={id}",
    "/embeddedfolderview?id={id}#grid",
    "/embeddedfolderview?id={id}#list",
    "/drive/folderview?id={id}",
    "/drive/#folders/{id}",
    "/#folders/{id}",
    "/a/example.com/drive/folders/{id}",
    "/a/example.com/folderview?id={id}",
    "/drive/shared-drives/{id}",
    "/drive/u/1/shared-drives/{id}",
]
STEPS = [
    *("drive", "a", "u", "0", "mobile", "folders", "file", "d", "uc", "shared-drives", "root"),
    *("open", "folderview", "document", "my-drive", "..", "%2e", "1AbCdEfGhIjKlMnOpQrStUv"),
]
links = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "//", "http://", "https://", "HTTPS://"]),
    st.sampled_from([*sorted(HOSTS), "Drive.Google.com", "drive.google.com:443"]),
    st.sampled_from(FORMS),
)
extras = st.lists(
    st.sampled_from(["usp=sharing", "hl=de", "authuser=0", "sort=13", "direction=a", "ths=true"]),
    max_size=3,
    unique=True,
)


def with_query(link: str, pairs: list[str]) -> str:
    """The link with these pairs in its query, before its fragment."""
    address, mark, fragment = link.partition("#")
    for pair in pairs:
        address += ("&" if "?" in address else "?") + pair
    return address + mark + fragment


def parsed(text: str) -> FolderLink | NotAFolderLinkError:
    try:
        return parse_folder_link(text)
    except NotAFolderLinkError as why:
        return why


def refusal(text: str) -> NotAFolderLinkError:
    with pytest.raises(NotAFolderLinkError) as raised:
        parse_folder_link(text)
    return raised.value


@given(link=links, id=ids, extra=extras)
def test_every_form_names_its_folder_whatever_else_it_carries(
    link: str, id: str, extra: list[str]
) -> None:
    assert parse_folder_link(with_query(link.format(id=id), extra)) == FolderLink(id)


@given(link=links, id=ids, key=st.text(alphabet=LETTERS, min_size=1, max_size=30), extra=extras)
def test_the_resource_key_is_kept(link: str, id: str, key: str, extra: list[str]) -> None:
    pasted = with_query(link.format(id=id), [*extra, f"resourcekey={key}"])
    assert parse_folder_link(pasted) == FolderLink(id, key)
    assert parse_folder_link(pasted.replace("resourcekey", "resourceKey")) == FolderLink(id, key)


@given(id=ids)
def test_a_bare_id_is_a_folder(id: str) -> None:
    assert parse_folder_link(id) == FolderLink(id)


@given(
    id=ids,
    before=st.text(alphabet=" \t\r\n<(\"'\u00a0\u200b\ufeff", max_size=4),
    after=st.text(alphabet=" \t\r\n>).,;\"'\u00a0\u200b\u2060", max_size=4),
)
def test_what_programs_put_around_a_link_does_not_matter(id: str, before: str, after: str) -> None:
    link = f"https://drive.google.com/drive/folders/{id}"
    assert parse_folder_link(before + link + after) == FolderLink(id)
    assert parse_folder_link(before + link + "/" + after) == FolderLink(id)


@given(
    id=ids,
    key=st.text(alphabet=LETTERS, min_size=1, max_size=30).filter(not_of_a_mail),
    word=st.data(),
)
def test_the_resource_key_is_known_in_any_spelling(id: str, key: str, word: st.DataObject) -> None:
    letters = [word.draw(st.sampled_from([c, c.upper()])) for c in "resourcekey"]
    spelt = "".join(letters)
    host = "https://drive.google.com"
    assert parse_folder_link(f"{host}/drive/folders/{id}?{spelt}={key}") == FolderLink(id, key)
    assert parse_folder_link(f"{host}/open?{spelt}={key}&id={id}") == FolderLink(id, key)
    assert parse_folder_link(f"{host}/#folders/{id}?{spelt}={key}") == FolderLink(id, key)


@pytest.mark.parametrize("key", ["3D", "3Dabc", "0-3Dx"])
def test_letters_of_a_key_that_look_like_a_mails_source_are_kept(key: str) -> None:
    id = "1AbCdEfGhIjKlMnOpQrStUv"
    link = f"https://drive.google.com/open?id={id}&resourcekey={key}"
    assert parse_folder_link(link) == FolderLink(id, key)
    mailed = link.replace("=", "=3D")
    assert parse_folder_link(mailed) == FolderLink(id, key)


@given(id=st.text(alphabet=LETTERS, min_size=10, max_size=128).filter(not_of_a_mail))
def test_short_and_long_ids_are_taken_as_they_are(id: str) -> None:
    if id.lower() in OWN_VIEWS:
        return
    assert parse_folder_link(f"https://drive.google.com/drive/folders/{id}") == FolderLink(id)
    assert parse_folder_link(f"drive.google.com/open?id={id}") == FolderLink(id)


@given(id=ids)
def test_percent_encoding_is_undone(id: str) -> None:
    assert parse_folder_link(f"https://drive.google.com/drive/%66olders/{id}") == FolderLink(id)
    assert parse_folder_link(f"https://drive.google.com/drive/folders%2F{id}") == FolderLink(id)
    whole = f"https%3A%2F%2Fdrive.google.com%2Fdrive%2Ffolders%2F{id}"
    assert parse_folder_link(whole) == FolderLink(id)
    spelt = "".join(f"%{ord(letter):02x}" for letter in id)
    assert parse_folder_link(f"https://drive.google.com/open?id={spelt}") == FolderLink(id)


@given(text=st.text(max_size=80))
@example("https://[")
@example("https://drive.google.com:99999999/drive/folders/")
@example("https://drive.google.com/drive/folders/\ud800")
@example("%")
@example("://")
def test_any_text_is_a_folder_or_a_refusal_that_says_why(text: str) -> None:
    outcome = parsed(text)
    if isinstance(outcome, FolderLink):
        assert 10 <= len(outcome.folder_id) <= 128
        assert set(outcome.folder_id) <= set(LETTERS)
    else:
        assert outcome.code
        assert_useful(outcome)


def assert_useful(refused: NotAFolderLinkError) -> None:
    """It says what to paste instead, and repeats nothing of what was pasted."""
    assert EXAMPLE in str(refused)
    assert "paste" in str(refused).lower()
    assert str(refused).endswith(".")


@given(
    steps=st.lists(
        st.sampled_from(STEPS),
        max_size=8,
    ),
    tail=st.sampled_from(["", "?id=", "?id=1AbCdEfGhIjKlMnOpQrStUv", "#folders/", "?id=%00", "?#"]),
)
def test_any_address_of_drive_is_a_folder_or_a_refusal_that_says_why(
    steps: list[str], tail: str
) -> None:
    outcome = parsed("https://drive.google.com/" + "/".join(steps) + tail)
    if isinstance(outcome, FolderLink):
        assert outcome.folder_id in ("1AbCdEfGhIjKlMnOpQrStUv", "folderview")
    else:
        assert_useful(outcome)


@given(tail=st.text(alphabet=LETTERS + "/?=#&%.", max_size=40), form=st.sampled_from(FORMS))
def test_no_other_site_passes_for_drive(tail: str, form: str) -> None:
    id = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
    for host in (
        "example.org",
        "drive.google.com.example.org",
        "drivexgoogle.com",
        "drive.google.com@example.org",
        "google.com",
    ):
        assert refusal(f"https://{host}{form.format(id=id)}{tail}").code == "not_drive"
    for scheme in ("ftp", "javascript", "file", "data"):
        assert refusal(f"{scheme}://drive.google.com{form.format(id=id)}").code == "not_drive"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\u200b", "empty"),
        ("x" * (LONGEST_LINK + 1), "too_long"),
        ("https://drive.google.com/file/d/1AbCdEfGhIjKlMnOp/view?usp=sharing", "file_link"),
        ("https://drive.google.com/file/u/0/d/1AbCdEfGhIjKlMnOp/edit", "file_link"),
        ("https://drive.google.com/uc?id=1AbCdEfGhIjKlMnOp&export=download", "file_link"),
        ("https://docs.google.com/document/d/1AbCdEfGhIjKlMnOp/edit", "document_link"),
        ("https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOp/edit#gid=0", "document_link"),
        ("https://docs.google.com/presentation/d/1AbCdEfGhIjKlMnOp", "document_link"),
        ("https://docs.google.com/forms/d/1AbCdEfGhIjKlMnOp/viewform", "document_link"),
        ("https://docs.google.com/drawings/d/1AbCdEfGhIjKlMnOp/edit", "document_link"),
        ("https://docs.google.com/videos/d/1AbCdEfGhIjKlMnOp/edit", "document_link"),
        ("https://docs.google.com/a/example.com/document/d/1AbCdEfGhIjKlMnOp/", "document_link"),
        ("https://drive.google.com/a/example.com/file/d/1AbCdEfGhIjKlMnOp/view", "file_link"),
        ("https://drive.google.com/drive/my-drive", "private_view"),
        ("https://drive.google.com/drive/u/0/home", "private_view"),
        ("https://drive.google.com/drive/shared-with-me", "private_view"),
        ("https://drive.google.com/drive/u/0/shared-drives", "private_view"),
        ("https://drive.google.com/drive/folders/shared-drives", "private_view"),
        ("https://drive.google.com/drive/folders/root", "private_view"),
        ("https://drive.google.com/drive/folders/shared-with-me", "private_view"),
        ("https://drive.google.com/", "no_folder"),
        ("https://drive.google.com/drive/folders", "no_folder"),
        ("https://drive.google.com/drive/u/0/folders/", "no_folder"),
        ("https://drive.google.com/open", "bad_id"),
        ("https://drive.google.com/open?id=short", "bad_id"),
        ("https://drive.google.com/drive/folders/1AbCdEfGh IjKlMnOp", "broken_link"),
        ("https://drive.google.com/drive/folders/" + "a" * 129, "bad_id"),
        ("https://drive.google.com/drive/folders/../../etc/passwd", "bad_id"),
        ("a folder of mine", "not_drive"),
        ("short", "not_drive"),
        ("shared-with-me", "not_drive"),
    ],
)
def test_what_is_no_folder_is_refused_by_kind(text: str, code: str) -> None:
    refused = refusal(text)
    assert refused.code == code
    assert_useful(refused)


def test_a_mobile_link_names_the_folder_on_screen_which_is_its_last() -> None:
    upper, lower = "1" + "U" * 32, "1" + "L" * 32
    mobile = f"https://drive.google.com/drive/mobile/folders/{upper}/{lower}"
    assert parse_folder_link(f"{mobile}?sort=13&direction=a") == FolderLink(lower)
    assert parse_folder_link(f"{mobile}/edit") == FolderLink(lower)
    assert parse_folder_link(f"{mobile}/edit/{upper}") == FolderLink(lower)
    plain = f"https://drive.google.com/drive/folders/{upper}/{lower}"
    assert parse_folder_link(plain) == FolderLink(upper)


def test_an_empty_resource_key_is_none_and_one_that_cannot_be_one_is_refused() -> None:
    link = "https://drive.google.com/drive/folders/1AbCdEfGhIjKlM?resourcekey="
    assert parse_folder_link(link) == FolderLink("1AbCdEfGhIjKlM")
    for key in ("a b", "x" * 65, "%00a", "0-abc.def", "k%C3%A9y"):
        assert refusal(link + key).code in ("bad_key", "broken_link")


CASES = json.loads((Path(__file__).parents[2] / "links.json").read_text())
FOLDER, FOLDER_KEY = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345", "0-AbCdEfGhIjKlMnOpQrStUv"


def filled_in(text: str) -> str:
    return text.replace("KEY", FOLDER_KEY).replace("ID", FOLDER)


@pytest.mark.parametrize("case", CASES["accepted"], ids=itemgetter("text"))
def test_what_people_paste_is_accepted_with_its_id_and_key(case: Mapping[str, str | None]) -> None:
    text, key = filled_in(str(case["text"])), FOLDER_KEY if case["key"] else None
    found = parse_folder_link(text)
    assert found == FolderLink(FOLDER, key)
    assert parse_folder_link(found.url) == found
    # The page's field has one line, so that the page sends spaces for line breaks.
    assert parse_folder_link(re.sub(r"[\r\n]+", " ", text)) == found


@pytest.mark.parametrize("case", CASES["refused"], ids=itemgetter("text"))
def test_what_may_have_lost_a_part_is_refused_and_says_why(case: Mapping[str, str]) -> None:
    refused = refusal(filled_in(case["text"]))
    assert refused.code == case["code"]
    assert_useful(refused)
    assert refusal(re.sub(r"[\r\n]+", " ", filled_in(case["text"]))).code == case["code"]


@pytest.mark.parametrize(
    ("host", "equals"),
    [
        ("me:secret@drive.google.com", "="),
        ("drive.google.com:8443", "="),
        ("drive.google.com", "=3D"),
    ],
)
def test_the_address_of_a_link_is_one_that_opens_and_has_no_secret(host: str, equals: str) -> None:
    link = f"/drive/folders/{FOLDER}?resourcekey={FOLDER_KEY}"
    found = parse_folder_link(f"https://{host}{link.replace('=', equals)}")
    assert found == FolderLink(FOLDER, FOLDER_KEY)
    assert found.url == f"https://drive.google.com{link}"


SPACES = [" ", "\t", "\r\n", "\n\n", "\u00a0", "\u200b", "\u2028", "\ufeff", "\u3000", "&nbsp;"]
WORDS = ["next", "Thanks", "и", "です", "ünder", "42", "key", "the folder", "", "", ""]
around = st.lists(st.sampled_from([*SPACES, *CASES["marks"]]), max_size=4).map("".join)
real_ids = st.one_of(ids, st.text(alphabet=LETTERS, min_size=32, max_size=32).map("1".__add__))
real_keys = st.one_of(
    st.none(),
    st.text(alphabet=LETTERS, min_size=1, max_size=30),
    st.text(alphabet=LETTERS, min_size=22, max_size=22).map("0-".__add__),
)


@given(
    link=links,
    id=real_ids,
    key=real_keys,
    html=st.sampled_from(["&", "&amp;", "&#38;"]),
    words=st.tuples(st.sampled_from(WORDS), around, around, st.sampled_from(WORDS)),
)
@settings(max_examples=600)
def test_whatever_is_around_a_link_changes_neither_id_nor_key(
    link: str, id: str, key: str | None, html: str, words: tuple[str, str, str, str]
) -> None:
    whole = with_query(link.format(id=id), [f"resourcekey={key}"] if key else [])
    before, left, right, behind = words
    outcome = parsed(before + left + whole.replace("&", html) + right + behind)
    if isinstance(outcome, FolderLink):
        assert outcome == FolderLink(id, key) or re.match("[a-zA-Z0-9]", right + behind)
    else:
        assert_useful(outcome)


@given(link=links, id=real_ids, key=real_keys, space=st.sampled_from(SPACES), at=st.data())
@settings(max_examples=600)
def test_a_link_that_was_broken_is_never_one_to_another_folder(
    link: str, id: str, key: str | None, space: str, at: st.DataObject
) -> None:
    whole = with_query(link.format(id=id), [f"resourcekey={key}"] if key else [])
    cut = at.draw(st.integers(0, len(whole)))
    outcome = parsed(whole[:cut] + space + whole[cut:])
    if isinstance(outcome, FolderLink):
        assert outcome == FolderLink(id, key)
    else:
        assert_useful(outcome)
