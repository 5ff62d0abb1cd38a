"""The page has words for the reason codes that the services give.

Each test runs the code that gives the reasons and looks them up in the page's own data. The page
shows a code without words unchanged, next to the message from the API.
"""

import json
from pathlib import Path

import msgspec
import pytest

from services.adapters.drive.problem import Refusal
from services.adapters.drive.refusals import TABLE, ItemKind, RefusalContext
from services.adapters.drive.refusals import verdict as drive_verdict
from services.adapters.kafka import dead_letters
from services.adapters.store import objects
from services.core import errors as reasons
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Page, Target
from services.lister.pages import DEEPEST, page_facts
from tests.fakes.samples import NOW, a_request

PAGE = Path(__file__).resolve().parents[2] / "web" / "src" / "text" / "reasons.json"


class Words(msgspec.Struct, forbid_unknown_fields=True):
    """What the page says about a reason."""

    title: str
    cure: str = ""
    later: bool = False


WORDS = msgspec.json.decode(PAGE.read_bytes(), type=dict[str, Words])


def test_titles_fit_inside_a_sentence_and_cures_are_sentences() -> None:
    for code, words in WORDS.items():
        assert words.title.strip() == words.title != "", code
        assert words.title[-1].isalnum(), code
        assert not words.cure or words.cure.endswith("."), code
        assert not (words.cure and words.later), code


def test_every_shared_reason_has_words() -> None:
    shared = {value for name, value in vars(reasons).items() if name.isupper()}
    assert shared
    assert shared - WORDS.keys() == set()


@pytest.mark.parametrize("account", [False, True])
@pytest.mark.parametrize("said", sorted(TABLE))
def test_every_refusal_by_drive_has_words(said: str, account: bool) -> None:
    body = json.dumps({"error": {"errors": [{"reason": said}], "message": "No."}}).encode()
    context = RefusalContext(kind=ItemKind.FILE, now=NOW, service_account=account)
    refusal = Refusal(status=403, body=body, content_type="application/json")
    assert drive_verdict(refusal, context).reason in WORDS


@pytest.mark.parametrize("code", ["", *sorted(objects.REASONS), "SomethingElse"])
def test_every_refusal_by_the_store_has_words(code: str) -> None:
    for status in range(400, 600):
        said = f"Server returned non-2xx status code: {status} No: <Code>{code}</Code>"
        assert objects.verdict(said, bucket="images", address="here").reason in WORDS


def test_an_unreadable_message_has_words() -> None:
    assert dead_letters.REASON in WORDS


@pytest.mark.parametrize("depth", [1, DEEPEST])
def test_everything_that_the_lister_skips_has_words(depth: int) -> None:
    asked = a_request(ancestors=tuple(f"parent-{n}" for n in range(depth)))
    entries = [
        Entry(id="1", name="notes.txt", mime_type="text/plain"),
        Entry(id="2", name="plan", mime_type="application/vnd.google-apps.document"),
        Entry(id="3", name="old.jpg", mime_type="image/jpeg", trashed=True),
        Entry(id="4", name="locked.jpg", mime_type="image/jpeg", can_download=False),
        Entry(id="parent-0", name="parent", mime_type=FOLDER_TYPE),
        Entry(id="5", name="deep", mime_type=FOLDER_TYPE),
        _shortcut("6", None),
        _shortcut("7", "unseen"),
        _shortcut("8", "6"),
        _shortcut("9", "parent-0"),
    ]
    skipped = page_facts(asked, Page(entries=entries), NOW).manifest.skipped
    assert len(skipped) == len(entries) - (depth < DEEPEST)
    assert {one.reason for one in skipped} - WORDS.keys() == set()


def _shortcut(shortcut_id: str, target_id: str | None) -> Entry:
    target = None if target_id is None else Target(id=target_id, mime_type="text/plain")
    return Entry(id=shortcut_id, name="link", mime_type=SHORTCUT_TYPE, target=target)
