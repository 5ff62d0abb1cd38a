"""What can be turned while the emulator runs: where Google's behaviour is unknown, or varies."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

MAX_TOKEN_LIFE = 10 * 365 * 86_400.0  # seconds


class BadKnob(ValueError):
    """A knob that is not there, or a value that it does not take; the message says what would."""


@dataclass(kw_only=True)
class Knobs:
    """`token_life`: seconds for which a page token can be used. `unknown_parent`: how a listing
    answers if none of its folders can be seen. `shuffle`: every listing has an order of its own,
    which its page tokens keep. `redirect_media`: `alt=media` is 302 to a signed address.
    `access_token_life`: seconds for which the token endpoint's tokens are good.
    """

    token_life: float = 6 * 3600.0
    unknown_parent: Literal["404", "empty"] = "404"
    shuffle: bool = False
    redirect_media: bool = False
    access_token_life: float = 3600.0

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Turn several at once, or none: raises `BadKnob` before anything is changed."""
        known = asdict(self)
        for name, value in wanted.items():
            if name not in known:
                raise BadKnob(f"there is no knob {name[:40]!r}: there are {', '.join(known)}")
            if not _TAKES[name](value):
                raise BadKnob(f"{name} is {_WORDS[name]}")
        for name, value in wanted.items():
            setattr(self, name, value)


def _is_life(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= MAX_TOKEN_LIFE


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


_TAKES = {
    "token_life": _is_life,
    "unknown_parent": lambda value: value in ("404", "empty"),
    "shuffle": _is_bool,
    "redirect_media": _is_bool,
    "access_token_life": _is_life,
}
_SECONDS = f"a number of seconds from 0 to {MAX_TOKEN_LIFE:.0f}"
_WORDS = {
    "token_life": _SECONDS,
    "access_token_life": _SECONDS,
    "unknown_parent": '"404" or "empty"',
    "shuffle": "true or false",
    "redirect_media": "true or false",
}
