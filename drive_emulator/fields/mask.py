"""The `fields` parameter: which parts of a response to send.

The grammar of Google's partial responses: `a,b`, `a/b`, `a(b,c/d)`, `*`, with spaces in between.
A mask is a tree of names; an empty mask selects everything below.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from drive_emulator.http.errors import bad_fields

Mask = dict[str, Any]  # name -> Mask; empty for everything
Schema = Mapping[str, Any]  # name -> Schema; None where any key is allowed

_TOKEN = re.compile(r"\s*([A-Za-z0-9_.\-]+|[(),/*])")
_MAX_DEPTH = 20


class BadMask(ValueError):
    """Holds the name that the resource does not have, or the whole text if it is no mask."""


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise BadMask(text)
            self._tokens.append(found[1])
            position = found.end()
        self._position = 0

    def parse(self) -> Mask:
        mask = self._selection(0)
        if self._peek():
            raise BadMask(self._text)
        return mask

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _selection(self, depth: int) -> Mask:
        mask: Mask = {}
        while True:
            _merge(mask, self._path(depth))
            if self._peek() != ",":
                return mask
            self._next()

    def _path(self, depth: int) -> Mask:
        name = self._next()
        if not name or name in "(),/" or depth > _MAX_DEPTH:
            raise BadMask(self._text)
        if self._peek() == "/":
            self._next()
            return {name: self._path(depth + 1)}
        if self._peek() == "(":
            self._next()
            inner = self._selection(depth + 1)
            if self._next() != ")":
                raise BadMask(self._text)
            return {name: inner}
        return {name: {}}


@lru_cache(maxsize=512)
def parse_mask(text: str) -> Mask:
    """The mask of a `fields` text; raises `BadMask`. Callers share it and must not change it."""
    return _Parser(text).parse()


def _merge(target: Mask, more: Mask) -> None:
    for name, below in more.items():
        if name not in target:
            target[name] = below
        elif target[name] and below:
            _merge(target[name], below)
        else:
            target[name] = {}  # one of the two asks for everything


def resolve(mask: Mask, schema: Schema) -> Mask:
    """The mask with every `*` spelled out; raises `BadMask` for a name not in the schema."""
    if not mask:
        return {}
    result: Mask = {}
    for name, below in mask.items():
        if name == "*":
            for each in schema:
                _merge(result, {each: _below(below, schema[each], lenient=True)})
        elif name in schema:
            _merge(result, {name: _below(below, schema[name])})
        else:
            raise BadMask(name)
    return result


def _below(mask: Mask, schema: Schema | None, lenient: bool = False) -> Mask:
    if not mask or schema is None:  # maps with arbitrary keys are sent whole
        return {}
    if not schema:
        if lenient:
            return {}
        raise BadMask(next(iter(mask)))
    return resolve(mask, schema)


def read_fields(text: str, schema: Schema) -> Mask:
    """The resolved mask of a `fields` text; raises `ApiError` 400."""
    try:
        return resolve(parse_mask(text), schema)
    except BadMask as why:
        raise bad_fields(str(why)) from None


def apply_mask(value: Any, mask: Mask) -> Any:
    """The part of a JSON value that a mask selects; lists are filtered item by item."""
    if not mask:
        return value
    if isinstance(value, list):
        return [apply_mask(item, mask) for item in value]
    if isinstance(value, dict):
        return {name: apply_mask(part, mask[name]) for name, part in value.items() if name in mask}
    return value
