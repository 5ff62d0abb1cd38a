"""msgspec's refusals as sentences: which field it is, and what it must be."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
from msgspec import inspect

from services.core.events import Id, Reason, Target

A_TIME = "a time with a time zone, such as 2026-11-25T08:00:00Z"
TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "null": "null",
    "array": "an array",
    "object": "an object",
    "datetime": A_TIME,
}
GIVEN = {"int": "a number", "bool": "a boolean"}
PATTERNS = {
    repr(get_args(each)[1].pattern): words
    for each, words in (
        (Id, "an id of 1 to 256 characters, without spaces"),
        (Reason, "a reason code, such as not_found"),
        (Target, "1 to 63 lower-case letters, digits and hyphens"),
    )
}
SHAPE = re.compile(r"Expected `(?P<wanted>[^`]+)`(?:, got `(?P<given>\w+)`)?")
LENGTH = re.compile(r"Expected `(?P<of>\w+)` of length (?P<sign>>=|<=) (?P<bound>\d+)")
BOUND = re.compile(r"Expected `\w+` (?P<sign>>=|<=) (?P<bound>-?\d+)")
PATTERN = re.compile(r"matching regex (?P<pattern>.+)")
FIELD = re.compile(r"Object (?P<fault>missing required|contains unknown) field `(?P<name>.*)`")
PATH = re.compile(r"(?s)(?P<fault>.*) - at `\$\.?(?P<path>.*)`")
SIGNS = {">=": "at least", "<=": "at most"}
INVALID = "is not valid"


def unreadable(why: Exception, what: str = "The body") -> str:
    """Why it cannot be read as JSON."""
    if isinstance(why, UnicodeDecodeError):
        return f"{what} is not UTF-8."
    if isinstance(why, RecursionError):
        return f"{what} is nested too deeply."
    place = re.search(r"\(byte (\d+)\)", str(why))
    return f"{what} is not valid JSON{f': see byte {place[1]}' if place else ''}."


def refusal(why: msgspec.ValidationError, kind: Any) -> tuple[str, str]:
    """The field, empty for the whole body, and what is wrong with it."""
    found = PATH.fullmatch(str(why))
    fault, path = (found["fault"], found["path"]) if found else (str(why), "")
    field = FIELD.fullmatch(fault)
    if field is None:
        return path, _demand(fault, _allowed(kind, path))
    name = field["name"][:80]
    full = f"{path}.{name}" if path else name
    if field["fault"] == "missing required":
        return full, "is required"
    return full, f"is not a known field (known: {', '.join(_fields(kind, path))})"


def of_parameter(fault: str) -> str:
    """What is wrong with a parameter. It came as text, so that is not held against it, and it may
    be left out, but not be null."""
    return _demand(fault.removesuffix(", got `str`").replace(" | null`", "`"))


def _demand(fault: str, allowed: str = "") -> str:
    """What goes on after the field's name, such as `must be a string`."""
    if fault.startswith("Invalid enum value"):
        return f"must be one of {allowed}" if allowed else "is not one of the allowed values"
    if "datetime" in fault and ("RFC3339" in fault or "timezone" in fault):
        return f"must be {A_TIME}"
    if found := PATTERN.search(fault):
        words = PATTERNS.get(found["pattern"])
        return f"must be {words}" if words else "has a character that is not allowed"
    if found := LENGTH.match(fault):
        return _length(found["of"], found["sign"], int(found["bound"]))
    if found := BOUND.match(fault):
        return f"must be {SIGNS[found['sign']]} {found['bound']}"
    if found := SHAPE.match(fault):
        wanted = [TYPES.get(each, each) for each in found["wanted"].split(" | ")]
        wanted.sort(key=A_TIME.__eq__)  # its words hold a comma
        given = found["given"]
        if given in (None, "float"):
            return f"must be {' or '.join(wanted)}"
        return f"must be {' or '.join(wanted)}, not {GIVEN.get(given, TYPES.get(given, given))}"
    return INVALID


def _length(of: str, sign: str, bound: int) -> str:
    if (sign, bound) == (">=", 1):
        return "must not be empty"
    unit = "items" if of == "array" else "characters"
    return f"must have {SIGNS[sign]} {bound:,} {unit}"


def _fields(kind: Any, path: str) -> Iterator[str]:
    for each in _at(kind, path):
        if isinstance(each, inspect.StructType):
            yield from (field.encode_name for field in each.fields)


def _allowed(kind: Any, path: str) -> str:
    for each in _at(kind, path):
        if isinstance(each, inspect.EnumType):
            return ", ".join(str(member.value) for member in each.cls)
        if isinstance(each, inspect.LiteralType):
            return ", ".join(map(str, each.values))
    return ""


def _at(kind: Any, path: str) -> list[inspect.Type]:
    """What may be at this path."""
    found = [*_plain(inspect.type_info(kind))]
    for step in re.findall(r"[^.\[\]]+", path):
        found = [plain for each in found for inner in _step(each, step) for plain in _plain(inner)]
    return found


def _step(kind: Any, step: str) -> list[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        return [field.type for field in kind.fields if field.encode_name == step]
    return [kind.item_type] if hasattr(kind, "item_type") else []


def _plain(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Without unions and metadata."""
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _plain(each)
    elif isinstance(kind, inspect.Metadata):
        yield from _plain(kind.type)
    else:
        yield kind
