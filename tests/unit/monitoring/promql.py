"""What a PromQL expression asks for: the names of its series, and the labels that it uses.

No parser: `promtool` is one, and checks the grammar where it is installed. This finds every name,
since `promtool` cannot know which of them are misspelled.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MATCHERS = r'\{(?:[^{}"]|"(?:\\.|[^"\\])*")*\}'
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
TOKEN = re.compile(
    rf"(?P<name>[a-zA-Z_:][\w:]*)\s*(?P<matchers>{MATCHERS})?(?P<call>\s*\()?"
    r'|"(?:\\.|[^"\\])*"|\[[^\]]*\]|\d[\w.]*|\S'
)
KEYWORDS = {
    "and",
    "or",
    "unless",
    "offset",
    "bool",
    "by",
    "without",
    "on",
    "ignoring",
    "inf",
    "nan",
}


@dataclass(frozen=True)
class Selector:
    """A series, and for each label of its matchers the values that it names; a pattern that is no
    list of words names none."""

    name: str
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """`grouped` are the labels that `by`, `on` and their like name."""

    selectors: tuple[Selector, ...]
    grouped: frozenset[str]


def asked(expression: str) -> Asked:
    """What the expression asks for."""
    text = re.sub(r"#.*", "", expression)
    groupings = [label.strip() for each in GROUPING.findall(text) for label in each.split(",")]
    return Asked(tuple(_selectors(GROUPING.sub(" ", text))), frozenset(filter(None, groupings)))


def _selectors(text: str) -> Iterator[Selector]:
    for token in TOKEN.finditer(text):
        name = token["name"]
        if name and not token["call"] and name.lower() not in KEYWORDS:
            yield Selector(name, dict(_values(token["matchers"] or "")))


def _values(matchers: str) -> Iterator[tuple[str, frozenset[str]]]:
    for label, sign, value in MATCHER.findall(matchers):
        words = value.split("|") if "~" in sign else [value]
        known = all(re.fullmatch(r"[\w-]*", word) for word in words)
        yield label, frozenset(words if known else ())
