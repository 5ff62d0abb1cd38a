"""The page has words for the reason codes that the services give.

Most tests run the code that gives the reasons and look them up in the page's own data; the last two
read the source. The page shows a code without words unchanged, next to the message from the API.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.adapters.drive.refusals import TABLE, Refusal
from services.adapters.drive.refusals import verdict as drive_verdict
from services.adapters.kafka import producer
from services.adapters.store import answers
from services.api.problems import KINDS
from services.core import errors as reasons
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Page, Target
from services.lister.pages import DEEPEST, page_facts
from tests.fakes.samples import NOW, a_request

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "web" / "src" / "text" / "reasons.json"
PROBLEMS = PAGE.parent / "de" / "problems.json"
# `services.verifying` is a command of its own, and says itself what is wrong.
SOURCES = [
    ast.parse(path.read_text())
    for path in sorted((ROOT / "services").rglob("*.py"))
    if "verifying" not in path.parts
]
VERDICTS = {"TryAgain", "RateLimited", "Corrupt", "SetAside", "Stop", "Outage", "CoolDown"}
ENDS_A_PROCESS = {
    "cannot_listen",
    "topic_changed",
    "no_temporary_directory",
    "log_incomplete",
    "rebuild_running",
    "schema_refused",
    "tables_refused",
    "tables_in_use",
}
"""Only its log has it."""
ELSEWHERE = {
    *ENDS_A_PROCESS,
    # The API answers a request with it, as a problem with a title of its own.
    "bad_value",
    "database_busy",
    "database_not_ready",
    "database_slow",
    "store_slow",
    "thumbnails_busy",
    # The API's own status on `workers.status`; no import waits for the API.
    "not_ready",
    # The `limit` of `GET /system`, which says it in a sentence.
    "database",
    "google_quota",
    "kafka",
    "memory",
    "nothing_to_do",
    "replay_rate",
    "same_file",
    "too_few_workers",
}
"""Reasons that the page never shows."""


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
    refusal = Refusal(status=403, body=body, kind="file", service_account=account)
    assert drive_verdict(refusal).reason in WORDS


@pytest.mark.parametrize("code", ["", *sorted(answers.REASONS), "SomethingElse"])
def test_every_refusal_by_the_store_has_words(code: str) -> None:
    for status in range(400, 600):
        said = f"Server returned non-2xx status code: {status} No: <Code>{code}</Code>"
        assert answers.verdict(said, bucket="images", address="here").reason in WORDS


def test_an_unreadable_message_has_words() -> None:
    assert producer.REASON in WORDS


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


def test_every_reason_in_the_source_has_words_unless_the_page_never_shows_it() -> None:
    given = {code for source in SOURCES for code in _reasons_given(source)}
    assert given - WORDS.keys() == ELSEWHERE


def test_every_problem_of_the_api_has_a_german_sentence() -> None:
    sentences = msgspec.json.decode(PROBLEMS.read_bytes(), type=dict[str, str])
    assert sentences.keys() == KINDS.keys()
    assert [text for text in sentences.values() if not text.endswith((".", ":"))] == []


def test_every_word_is_of_a_reason_in_the_source() -> None:
    texts = {
        node.value
        for source in SOURCES
        for node in ast.walk(source)
        if isinstance(node, ast.Constant)
    }
    assert WORDS.keys() - texts == set()


def _reasons_given(source: ast.Module) -> Iterator[str]:
    """The literal codes in verdicts, in `reason=` and in constants that are named REASON…."""
    for node in ast.walk(source):
        match node:
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name),
                args=[ast.Constant(value=str(code)), *_],
            ) if name in VERDICTS:
                yield code
            case ast.keyword(arg="reason", value=ast.Constant(value=str(code))):
                yield code
            case ast.Assign(targets=[ast.Name(id="REASON")], value=ast.Constant(value=str(code))):
                yield code
            case ast.Assign(targets=[ast.Name(id="REASONS")], value=ast.Dict(values=values)):
                yield from (str(one.value) for one in values if isinstance(one, ast.Constant))
            case _:
                pass


def _shortcut(shortcut_id: str, target_id: str | None) -> Entry:
    target = None if target_id is None else Target(id=target_id, mime_type="text/plain")
    return Entry(id=shortcut_id, name="link", mime_type=SHORTCUT_TYPE, target=target)
