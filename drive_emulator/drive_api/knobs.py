"""Settings for what Google varies or does not document; they can be changed while running."""

from typing import Annotated, Any, Literal

import msgspec

from drive_emulator.validation import InvalidInput

_Life = Annotated[float, msgspec.Meta(ge=0, le=10 * 365 * 86_400.0)]  # seconds, up to ten years


class BadKnob(InvalidInput):
    """An unknown knob, or a value that it does not accept."""


class Knobs(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`token_life`: seconds until a page token expires. `unknown_parent`: the answer to a listing
    none of whose folders can be seen. `shuffle`: every listing has its own order, which its page
    tokens keep. `redirect_media`: `alt=media` answers 302 to a signed address.
    `access_token_life`: seconds until tokens of the token endpoint expire.
    """

    token_life: _Life = 6 * 3600.0
    unknown_parent: Literal["404", "empty"] = "404"
    shuffle: bool = False
    redirect_media: bool = False
    access_token_life: _Life = 3600.0

    def change(self, changes: dict[str, Any]) -> None:
        """Set several knobs; raises `BadKnob` before anything is changed."""
        try:
            wanted = msgspec.convert(msgspec.to_builtins(self) | changes, Knobs)
        except msgspec.ValidationError as why:
            raise BadKnob(f"invalid knobs: {why}") from None
        for name in changes:
            setattr(self, name, getattr(wanted, name))
