"""Compiles a query into a test for files, and finds the folders that can contain matches."""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from drive_emulator.drive_api.query import And, BadQuery, Node, Not, Or, Term, parse_query
from drive_emulator.tree.tree import File

Test = Callable[[File], bool]

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORD = re.compile(r"[^\W_]+")
_VISIBILITIES = frozenset(
    {"anyoneCanFind", "anyoneWithLink", "domainCanFind", "domainWithLink", "limited"}
)


@dataclass(frozen=True)
class Query:
    """`parents` are the ids of the only folders that can contain matches; None for no limit."""

    test: Test
    parents: frozenset[str] | None


@lru_cache(maxsize=1024)
def compile_query(text: str, account: str = "") -> Query:
    """The query of a `q` text; raises `BadQuery`. An empty text matches everything.

    `account` is the caller's, for `sharedWithMe`; it is empty for an anonymous caller.
    """
    if not text.strip():
        return Query(lambda file: True, None)
    node = parse_query(text)
    return Query(_test(node, account), _parents(node))


def _parents(node: Node) -> frozenset[str] | None:
    match node:
        case Term("parents", "in", str(value)):
            return frozenset({value})
        case And(parts):
            known = [each for part in parts if (each := _parents(part)) is not None]
            return min(known, key=len) if known else None
        case Or(parts):
            sets = [_parents(part) for part in parts]
            every = [each for each in sets if each is not None]
            return frozenset().union(*every) if len(every) == len(sets) else None
        case _:
            return None


def _test(node: Node, account: str) -> Test:
    match node:
        case And(parts):
            tests = [_test(part, account) for part in parts]
            return lambda file: all(test(file) for test in tests)
        case Or(parts):
            return _any_of(parts, account)
        case Not(part):
            inner = _test(part, account)
            return lambda file: not inner(file)
        case Term("sharedWithMe"):
            return _flag(lambda file: account in file.entry.extras.shared_with)(node)
        case Term():
            return _term(node)


def _any_of(parts: Iterable[Node], account: str) -> Test:
    """Some clients ask for fifty parents at once: those are one set lookup, not fifty tests."""
    ids = set()
    tests: list[Test] = []
    for part in parts:
        match part:
            case Term("parents", "in", str(value)):
                ids.add(value)
            case _:
                tests.append(_test(part, account))
    if ids:
        tests.insert(0, lambda file: not ids.isdisjoint(file.parent_ids))
    return lambda file: any(test(file) for test in tests)


def _term(term: Term) -> Test:
    make = _TERMS.get(term.name)
    if make is None:
        raise BadQuery(f"there is no term {term.name}")
    return make(term)


def _text(value: Callable[[File], str]) -> Callable[[Term], Test]:
    def make(term: Term) -> Test:
        if not isinstance(term.value, str):
            raise BadQuery(f"{term.name} is compared with a string")
        wanted = term.value.casefold()
        if term.operator == "=":
            return lambda file: value(file).casefold() == wanted
        if term.operator == "!=":
            return lambda file: value(file).casefold() != wanted
        if term.operator == "contains":
            words = _WORD.findall(wanted)
            if not words:  # an emoji or a dash: without a word, every text would match
                return lambda file: wanted in value(file).casefold()
            return lambda file: _has_words(value(file).casefold(), words)
        raise BadQuery(f"{term.name} does not support {term.operator}")

    return make


def _has_words(text: str, words: list[str]) -> bool:
    """`contains` matches the beginnings of words, in any order: Google's "prefix matching"."""
    present = _WORD.findall(text)
    return all(any(word.startswith(wanted) for word in present) for wanted in words)


def _flag(value: Callable[[File], bool]) -> Callable[[Term], Test]:
    def make(term: Term) -> Test:
        if not isinstance(term.value, bool) or term.operator not in ("=", "!="):
            raise BadQuery(f"{term.name} is true or false")
        wanted = term.value is (term.operator == "=")
        return lambda file: value(file) is wanted

    return make


def _time(value: Callable[[File], int]) -> Callable[[Term], Test]:
    def make(term: Term) -> Test:
        compare = _COMPARE.get(term.operator)
        if compare is None or not isinstance(term.value, str):
            raise BadQuery(f"{term.name} is compared with a time")
        wanted = _milliseconds(term.value)
        return lambda file: compare(value(file), wanted)

    return make


def _milliseconds(text: str) -> int:
    """Parse RFC 3339, or only its date; UTC where no zone is given."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery("not a time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _in_parents(term: Term) -> Test:
    wanted = term.value
    if term.operator != "in":
        raise BadQuery("parents needs in")
    return lambda file: wanted in file.parent_ids


def _target(term: Term) -> Test:
    if term.operator not in ("=", "!=") or not isinstance(term.value, str):
        raise BadQuery("a target is compared with an id")
    wanted, equal = term.value, term.operator == "="

    def test(file: File) -> bool:
        target = file.entry.extras.target
        return (target is not None and target.id == wanted) is equal

    return test


def _visibility(term: Term) -> Test:
    if term.operator not in ("=", "!=") or term.value not in _VISIBILITIES:
        raise BadQuery("no such visibility")
    link, equal = term.value == "anyoneWithLink", term.operator == "="
    limited = term.value == "limited"
    return lambda file: (link if file.entry.shared else limited) is equal


def _has(term: Term) -> Test:
    pairs = dict(term.value) if isinstance(term.value, tuple) else {}
    if term.operator != "has" or set(pairs) != {"key", "value"}:
        raise BadQuery(f"{term.name} needs has {{ key = … and value = … }}")
    # Application properties are private to the application that set them. There are none here.
    public, key, value = term.name == "properties", pairs["key"], pairs["value"]
    return lambda file: public and key == "theme" and file.entry.theme == value != ""


_TERMS: dict[str, Callable[[Term], Test]] = {
    "name": _text(lambda file: file.entry.name),
    "mimeType": _text(lambda file: file.entry.mime_type),
    "modifiedTime": _time(lambda file: file.entry.modified_ms),
    "createdTime": _time(lambda file: file.entry.created_ms),
    "trashed": _flag(lambda file: file.entry.trashed),
    "starred": _flag(lambda file: False),
    "parents": _in_parents,
    "shortcutDetails.targetId": _target,
    "visibility": _visibility,
    "properties": _has,
    "appProperties": _has,
}
