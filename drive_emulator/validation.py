"""Reading what a user wrote: JSON and settings that may be wrong."""

from typing import TypeVar

import msgspec

Shape = TypeVar("Shape")


class InvalidInput(ValueError):
    """Input that cannot be used. The message says what is wrong and what would be right.

    `status` is the HTTP status with which the control API answers.
    """

    status = 400


def decode(
    text: str | bytes, shape: type[Shape], name: str, error: type[InvalidInput] = InvalidInput
) -> Shape:
    """Decode JSON of the given shape; raises `error`, whose message calls the input `name`."""
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise error(f"invalid {name}: {why}") from None
