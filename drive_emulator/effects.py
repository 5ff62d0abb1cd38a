"""The places of the pipeline at which a fault can take hold."""

from typing import Any, TypeVar

from drive_emulator.errors import ApiError
from drive_emulator.forest import File
from drive_emulator.listing import Asked, Page

Value = TypeVar("Value")


class Effects:
    """Of one request. This one changes nothing; `faults.acting` has the one that does."""

    def asked(self, asked: Asked) -> Asked:
        """What a listing was asked for."""
        return asked

    def page(self, page: Page, asked: Asked) -> Page:
        """The files that a listing found, before they become JSON."""
        return page

    def value(self, value: dict[str, Any], files: list[File]) -> dict[str, Any]:
        """The JSON of an answer; `files` are those in it, in order."""
        return value

    def failed(self, error: ApiError) -> ApiError:
        """The error that the answer would be."""
        return error


NO_EFFECTS = Effects()
