"""The `q` parameter of files.list: its grammar.

    or       = and { "or" and }
    and      = unary { "and" unary }
    unary    = "not" unary | "(" or ")" | term
    term     = string "in" name | name operator value | name "has" "{" pairs "}" | name
    pairs    = name "=" string { "and" name "=" string }

Strings are quoted with `'` or `"`; a backslash escapes the next character. Google does not document
that `and` binds tighter than `or`; the rest is in its guide to search terms.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

MAX_QUERY = 64 * 1024  # characters of one query
_MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<word>[A-Za-z][A-Za-z0-9_.]*)
      | (?P<sign>!=|<=|>=|[=<>(){}])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">=", "contains"})


class BadQuery(ValueError):
    """The text is not a query, or uses a term that does not exist."""


@dataclass(frozen=True)
class Or:
    """True if any part is."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class And:
    """True if every part is."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    """True if the part is not."""

    part: "Node"


@dataclass(frozen=True)
class Term:
    """`name operator value`. `in` is written with the value first; a bare name means `= true`."""

    name: str
    operator: str
    value: str | bool | tuple[tuple[str, str], ...]  # pairs for `has`


Node = Or | And | Not | Term


def parse_query(text: str) -> Node:
    """The syntax tree of a query; raises `BadQuery`."""
    if len(text) > MAX_QUERY:
        raise BadQuery("the query is too long")
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, text = [], 0, text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise BadQuery(f"syntax error at character {position}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._position = 0

    def query(self) -> Node:
        node = self._disjunction(0)
        return node if self._position == len(self._tokens) else self._fail()

    def _disjunction(self, depth: int) -> Node:
        parts = [self._conjunction(depth)]
        while self._skip("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self, depth: int) -> Node:
        parts = [self._unary(depth)]
        while self._skip("and"):
            parts.append(self._unary(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _unary(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise BadQuery("the query is nested too deeply")
        if self._skip("not"):
            return Not(self._unary(depth + 1))
        if self._skip("("):
            inner = self._disjunction(depth + 1)
            self._expect(")")
            return inner
        return self._term()

    def _term(self) -> Node:
        kind, text = self._next()
        if kind == "string":
            self._expect("in")
            return Term(self._take("word"), "in", _unquoted(text))
        if kind != "word" or text in ("and", "or", "in", "has", "contains"):
            self._fail()
        if self._skip("has"):
            return Term(text, "has", self._pairs())
        operator = self._peek()
        if operator not in _OPERATORS:
            return Term(text, "=", True)
        self._position += 1
        return Term(text, operator, self._value())

    def _value(self) -> str | bool:
        kind, text = self._next()
        if kind == "string":
            return _unquoted(text)
        if text in ("true", "false"):
            return text == "true"
        self._fail()

    def _pairs(self) -> tuple[tuple[str, str], ...]:
        self._expect("{")
        pairs = []
        while True:
            name = self._take("word")
            self._expect("=")
            pairs.append((name, _unquoted(self._take("string"))))
            if not self._skip("and"):
                break
        self._expect("}")
        return tuple(pairs)

    def _peek(self) -> str:
        """The next token unless it is a string: a quoted "or" is a value, not a keyword."""
        if self._position < len(self._tokens) and self._tokens[self._position][0] != "string":
            return self._tokens[self._position][1]
        return ""

    def _next(self) -> tuple[str, str]:
        if self._position >= len(self._tokens):
            self._fail()
        self._position += 1
        return self._tokens[self._position - 1]

    def _take(self, kind: str) -> str:
        found, text = self._next()
        return text if found == kind else self._fail()

    def _skip(self, text: str) -> bool:
        if self._peek() != text:
            return False
        self._position += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            self._fail()

    def _fail(self) -> NoReturn:
        raise BadQuery(f"syntax error at word {self._position}")


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1])
