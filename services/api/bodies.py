"""Bodies of requests: checked by a struct, and described in the OpenAPI document.

Handlers take the bytes and parse them here, since Litestar's own message names no field.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from services.api.problems import AnyRequest, Problem, bad_parameter
from services.core.validation import refusal, unreadable

T = TypeVar("T", bound=msgspec.Struct)


async def body_of(request: AnyRequest) -> bytes:
    """In UTF-8, without a byte-order mark: shells on Windows write one, and UTF-16. Raises a
    `bad_body` problem if an object has a name twice, since parsers take one of them in silence."""
    body = await request.body()
    try:
        text = body.decode(json.detect_encoding(body))
        json.loads(text, object_pairs_hook=_check_names)
    except (ValueError, RecursionError):  # who parses it says what is wrong
        return body.removeprefix(BOM_UTF8)
    return text.encode()


def _check_names(pairs: Sequence[tuple[str, object]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise Problem("bad_body", f"The body has `{name[:80]}` twice; send it once.")
        names.add(name)


def parsed(
    body: bytes, kind: type[T], *, refused: str = "bad_body", not_json: str = "bad_body"
) -> T:
    """The body as this struct; raises a problem of these codes that says what is wrong, and
    where."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as why:
        field, fault = refusal(why, kind)
        if field:
            raise bad_parameter(field, fault, code=refused) from None
        raise Problem(refused, f"The body {fault}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        detail = unreadable(why) if body else "The body is empty. Send a JSON object."
        raise Problem(not_json, detail) from None


def described(
    fields: Mapping[str, Schema], example: Mapping[str, object], *, needed: bool = True
) -> type[Operation]:
    """An operation whose body is a JSON object of these fields. If it is needed, so are the fields
    of the example."""

    @dataclass
    class WithBody(Operation):
        def __post_init__(self) -> None:
            body = Schema(
                type=OpenAPIType.OBJECT,
                properties=dict(fields),
                required=list(example) if needed else None,
                examples=[dict(example)],
            )
            content = {"application/json": OpenAPIMediaType(schema=body)}
            self.request_body = RequestBody(required=needed, content=content)

    return WithBody


def text(description: str) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=description)


def number(description: str) -> Schema:
    return Schema(type=OpenAPIType.INTEGER, description=description)


def flag(description: str) -> Schema:
    return Schema(type=OpenAPIType.BOOLEAN, description=description)


def texts(description: str) -> Schema:
    return Schema(
        type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING), description=description
    )
