"""What follows from a page of a folder: found, opened, skipped, and what to ask next."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core import events as e
from services.core.errors import PAGE_TOKEN_INVALID, SetAside
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Page
from services.core.wire import MAX_RECORD_BYTES, encode
from services.lister.pages import DEEPEST, PageFacts, page_facts, without_page
from services.lister.passes import MOST_PAGES, PASSES
from tests.fakes.samples import NOW, a_request, an_image

GOOGLE_DOC = "application/vnd.google-apps.document"
ENTRIES = st.builds(
    Entry,
    id=st.text(alphabet="abcdef", min_size=1, max_size=2),
    name=st.text(alphabet="a/ \n\u00e9\U0001f305", max_size=300),
    mime_type=st.sampled_from(
        ["image/jpeg", "image/svg+xml", "text/plain", "", FOLDER_TYPE, SHORTCUT_TYPE, GOOGLE_DOC]
    ),
    size=st.none() | st.integers(0, 2**40),
    can_download=st.booleans(),
    trashed=st.booleans(),
)
ASKED = st.builds(
    a_request,
    folder_id=st.sampled_from("abz"),
    pass_number=st.integers(0, PASSES - 1),
    page_number=st.integers(0, 3),
    confirms=st.booleans(),
    before=st.none() | st.just(e.ListingDigest()) | st.just(e.ListingDigest(count=1)),
    token=st.none() | st.just("t1"),
    ancestors=st.lists(st.sampled_from("cdy"), max_size=3).map(tuple),
    path=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    mode=st.sampled_from(e.Mode),
    round=st.integers(0, 3),
    epoch=st.integers(0, 3),
)
PAGES = st.builds(
    Page,
    entries=st.lists(ENTRIES, max_size=12),
    next_token=st.sampled_from([None, "t1", "t2"]),
    incomplete=st.booleans(),
)


def facts_of(asked: e.PageRequested, **page: Any) -> PageFacts:
    return page_facts(asked, Page(**({"entries": []} | page)), NOW)


def folder(folder_id: str, name: str = "Holiday") -> Entry:
    return Entry(id=folder_id, name=name, mime_type=FOLDER_TYPE)


@given(ASKED, PAGES)
def test_every_entry_ends_in_exactly_one_of_found_opened_and_skipped(
    asked: e.PageRequested, page: Page
) -> None:
    facts = page_facts(asked, page, NOW)
    found = [file.file_id for file in facts.files]
    opened = [folder.folder_id for folder in facts.folders]
    skipped = [entry.id for entry in facts.manifest.skipped]
    all_ids = sorted({entry.id for entry in page.entries})
    assert sorted(found + opened + skipped) == ([] if asked.confirms else all_ids)
    assert facts.manifest.entries == len(page.entries)


@given(ASKED, PAGES)
def test_the_manifest_names_what_the_page_led_to(asked: e.PageRequested, page: Page) -> None:
    facts = page_facts(asked, page, NOW)
    manifest = facts.manifest
    assert [brief.id for brief in manifest.files] == [file.file_id for file in facts.files]
    assert [brief.id for brief in manifest.opened] == [ask.folder_id for ask in facts.folders]
    assert manifest.confirms == asked.confirms
    assert (manifest.import_id, manifest.folder_id, manifest.epoch, manifest.path) == (
        asked.import_id,
        asked.folder_id,
        asked.epoch,
        asked.path,
    )
    assert (manifest.pass_number, manifest.page_number) == (asked.pass_number, asked.page_number)
    names = [b.name for b in manifest.files] + [b.name for b in manifest.opened]
    names += [b.name for b in manifest.skipped]
    assert all(len(name) <= e.BRIEF_NAME for name in names)


@given(ASKED, PAGES)
def test_a_folder_is_closed_only_by_a_last_page_that_nothing_follows(
    asked: e.PageRequested, page: Page
) -> None:
    facts = page_facts(asked, page, NOW)
    whole = not page.incomplete and page.next_token is None
    assert not facts.manifest.closes or whole
    assert facts.manifest.closes == (facts.next_page is None)
    assert facts.manifest.closes == (facts.manifest.last and facts.manifest.doubt is None)
    following = facts.next_page
    if isinstance(following, e.PageRequested) and following.pass_number == asked.pass_number:
        assert not facts.manifest.last
        assert following.page_number == asked.page_number + 1
        assert following.token == page.next_token
    else:
        assert facts.manifest.last


@given(ASKED, PAGES)
def test_whatever_is_asked_next_is_asked_for_the_same_import_and_round(
    asked: e.PageRequested, page: Page
) -> None:
    facts = page_facts(asked, page, NOW)
    for event in (*facts.files, *facts.folders, facts.next_page):
        if event is not None:
            assert (event.import_id, event.epoch) == (asked.import_id, asked.epoch)
        if isinstance(event, e.FileFound | e.PageRequested):
            assert event.round == asked.round
    for event in (*facts.files, *facts.folders):
        assert isinstance(event, e.FileFound | e.PageRequested)
        assert event.mode == asked.mode


@given(ASKED, PAGES)
def test_no_folder_is_followed_into_its_own_ancestry(asked: e.PageRequested, page: Page) -> None:
    for opened in page_facts(asked, page, NOW).folders:
        assert isinstance(opened, e.PageRequested)
        assert opened.folder_id != asked.folder_id
        assert opened.folder_id not in asked.ancestors
        assert opened.ancestors == (*asked.ancestors, asked.folder_id)
        assert (opened.pass_number, opened.page_number, opened.token) == (0, 0, None)
        assert (opened.confirms, opened.seen, opened.before) == (False, e.ListingDigest(), None)


def test_a_file_carries_all_that_drive_said_of_it() -> None:
    entry = an_image(
        size=5,
        md5="0" * 32,
        sha1="1" * 40,
        sha256="2" * 64,
        version=9,
        created_time=NOW,
        modified_time=NOW,
        width=4,
        height=3,
        resource_key="0-k",
    )
    asked = a_request(path=("a", "b"))
    (file,) = facts_of(asked, entries=[entry]).files
    assert isinstance(file, e.FileFound)
    fields = [name for name in Entry.__dataclass_fields__ if hasattr(file, name)]
    assert [getattr(file, name) for name in fields] == [getattr(entry, name) for name in fields]
    assert len(fields) == 12
    assert (file.file_id, file.folder_id, file.path, file.found_at) == (
        entry.id,
        asked.folder_id,
        ("a", "b"),
        NOW,
    )


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (an_image(mime_type="text/plain"), "not_an_image"),
        (an_image(mime_type=""), "not_an_image"),
        (an_image(mime_type="application/octet-stream"), "not_an_image"),
        (an_image(mime_type=GOOGLE_DOC), "google_document"),
        (an_image(mime_type="application/vnd.google-apps.drawing"), "google_document"),
        (an_image(mime_type=SHORTCUT_TYPE), "shortcut_dangling"),
        (an_image(can_download=False), "not_downloadable"),
        (an_image(trashed=True), "trashed"),
        (Entry(id="f", name="", mime_type=FOLDER_TYPE, trashed=True), "trashed"),
        (folder("root-1"), "folder_cycle"),
        (folder("above"), "folder_cycle"),
    ],
)
def test_what_is_not_imported_is_skipped_with_its_reason(entry: Entry, reason: str) -> None:
    facts = facts_of(a_request(ancestors=("above",)), entries=[entry])
    (skipped,) = facts.manifest.skipped
    assert (skipped.id, skipped.reason, skipped.mime_type) == (entry.id, reason, entry.mime_type)


@pytest.mark.parametrize("mime_type", ["image/jpeg", "image/svg+xml", "image/x-unheard-of"])
def test_every_kind_of_image_is_found(mime_type: str) -> None:
    assert len(facts_of(a_request(), entries=[an_image(mime_type=mime_type)]).files) == 1


def test_a_subfolder_is_opened_with_its_name_on_the_path() -> None:
    asked = a_request(path=("top",), ancestors=("above",), resource_key="0-own")
    entry = Entry(id="sub", name="n" * 999, mime_type=FOLDER_TYPE, resource_key="0-sub")
    (opened,) = facts_of(asked, entries=[entry]).folders
    assert isinstance(opened, e.PageRequested)
    assert opened.path == ("top", "n" * 255)
    assert opened.ancestors == ("above", "root-1")
    assert opened.resource_key == "0-sub"


def test_a_page_far_down_among_long_names_stays_small() -> None:
    asked, levels = a_request(), 0
    while True:
        facts = facts_of(asked, entries=[folder(f"{levels:044}", "\x01" * 1024), an_image()])
        if not facts.folders:
            break
        (opened,) = facts.folders
        assert isinstance(opened, e.PageRequested)
        asked, levels = opened, levels + 1
    assert levels == DEEPEST - 1
    assert len(asked.path) == levels
    # A thousand such files are on the way at once, for each of sixteen pages.
    assert len(encode(facts.files[0], source="lister").value) < 50_000


def test_folders_without_a_bottom_are_not_followed_for_ever() -> None:
    asked = a_request(ancestors=tuple(str(n) for n in range(DEEPEST - 1)))
    facts = facts_of(asked, entries=[folder("deeper")])
    assert facts.folders == ()
    assert facts.manifest.skipped[0].reason == "too_deep"


def test_an_entry_that_repeats_counts_once() -> None:
    facts = facts_of(a_request(), entries=[an_image(1), an_image(1), folder("f"), folder("f")])
    assert (len(facts.files), len(facts.folders)) == (1, 1)


@pytest.mark.parametrize(
    "page", [{"incomplete": True}, {"next_token": "t1"}, {"incomplete": True, "next_token": "t2"}]
)
def test_a_page_that_cannot_be_trusted_starts_another_pass(page: dict[str, Any]) -> None:
    asked = a_request(token="t1", page_number=4, path=("p",), ancestors=("a",), resource_key="0-k")
    facts = facts_of(asked, entries=[an_image()], **page)
    following = msgspec.structs.replace(
        asked, pass_number=1, page_number=0, token=None, mode=e.Mode.CHECK
    )
    assert facts.next_page == following
    assert (facts.manifest.last, facts.manifest.closes) == (True, False)
    assert len(facts.files) == 1  # what was seen was there


def test_the_last_pass_that_cannot_be_trusted_fails_the_folder() -> None:
    facts = facts_of(a_request(pass_number=PASSES - 1, path=("p",)), incomplete=True)
    assert isinstance(facts.next_page, e.FolderFailed)
    assert facts.next_page.reason == "listing_incomplete"
    assert facts.next_page.path == ("p",)


def test_a_token_that_is_always_new_ends_too() -> None:
    facts = facts_of(a_request(page_number=MOST_PAGES - 1, token="t1"), next_token="t2")
    assert isinstance(facts.next_page, e.FolderFailed)


def test_a_token_that_drive_no_longer_knows_starts_another_pass() -> None:
    asked = a_request(token="t1", page_number=4)
    too_old = SetAside(PAGE_TOKEN_INVALID, "Too old.")
    again = without_page(asked, too_old, NOW)
    assert again == a_request(pass_number=1, mode=e.Mode.CHECK)
    last = without_page(a_request(pass_number=PASSES - 1), too_old, NOW)
    assert isinstance(last, e.FolderFailed)
    assert last.reason == "listing_incomplete"


def test_any_other_refusal_fails_the_folder_in_words() -> None:
    why = SetAside("not_found", "It does not exist.")
    failed = without_page(a_request(page_number=2), why, NOW)
    assert failed == e.FolderFailed(
        import_id="import-1",
        folder_id="root-1",
        reason="not_found",
        message="It does not exist.",
        failed_at=NOW,
        page_number=2,
    )


def test_the_worst_page_still_fits_a_record() -> None:
    name = "\x01" * 1024  # six bytes each in JSON
    entries = [
        an_image(n, id=f"{n:04}".ljust(256, "x"), name=name, mime_type="image/" + "\x01" * 122)
        for n in range(1000)
    ]
    asked = a_request(path=tuple("\x01" * 255 for _ in range(DEEPEST)))
    facts = facts_of(asked, entries=entries)
    for event in (facts.manifest, facts.files[0]):
        assert len(encode(event, source="lister").value) < MAX_RECORD_BYTES
