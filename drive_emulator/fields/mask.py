"""The `fields` parameter: which parts of an answer to send.

Grammar (partial responses of Google's APIs): `a,b`, `a/b`, `a(b,c/d)`, `*`, spaces between.
A mask is a tree of names; an empty tree means everything below.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

Mask = dict[str, Any]  # name -> Mask; the empty mask is "all of it"
Schema = Mapping[str, Any]  # name -> Schema; None where anything goes

_TOKEN = re.compile(r"\s*([A-Za-z0-9_.\-]+|[(),/*])")
_DEEPEST = 20


class BadMask(ValueError):
    """Holds the name that the resource does not have, or the whole text if that is no mask."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens: list[str] = []
        place, text = 0, text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise BadMask(text)
            self._tokens.append(found[1])
            place = found.end()
        self._place = 0

    def peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._place += 1
        return token


@lru_cache(maxsize=512)
def parse_mask(text: str) -> Mask:
    """The mask of a `fields` text; raises `BadMask`. Shared between callers: do not change it."""
    reader = _Reader(text)
    mask = _selection(reader, 0)
    if reader.peek():
        raise BadMask(text)
    return mask


def _selection(reader: _Reader, depth: int) -> Mask:
    if depth > _DEEPEST:
        raise BadMask(reader.text)
    mask: Mask = {}
    while True:
        _merge(mask, _path(reader, depth))
        if reader.peek() != ",":
            return mask
        reader.take()


def _path(reader: _Reader, depth: int) -> Mask:
    name = reader.take()
    if not name or name in "(),/":
        raise BadMask(reader.text)
    if reader.peek() == "/":
        reader.take()
        if depth > _DEEPEST:
            raise BadMask(reader.text)
        return {name: _path(reader, depth + 1)}
    if reader.peek() == "(":
        reader.take()
        below = _selection(reader, depth + 1)
        if reader.take() != ")":
            raise BadMask(reader.text)
        return {name: below}
    return {name: {}}


def _merge(into: Mask, more: Mask) -> None:
    for name, below in more.items():
        if name not in into:
            into[name] = below
        elif into[name] and below:
            _merge(into[name], below)
        else:
            into[name] = {}  # one of the two asked for everything


def resolve(mask: Mask, schema: Schema) -> Mask:
    """The mask with every `*` spelled out; raises `BadMask` for a name the schema lacks."""
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
    if not mask or schema is None:  # maps of anybody's keys are given whole
        return {}
    if not schema:
        if lenient:
            return {}
        raise BadMask(next(iter(mask)))
    return resolve(mask, schema)


def apply_mask(value: Any, mask: Mask) -> Any:
    """The part of a JSON value that a mask lets through; lists are filtered item by item."""
    if not mask:
        return value
    if isinstance(value, list):
        return [apply_mask(item, mask) for item in value]
    if isinstance(value, dict):
        return {name: apply_mask(part, mask[name]) for name, part in value.items() if name in mask}
    return value
