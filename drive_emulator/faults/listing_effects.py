"""Effects on files.list, and on what is said of single files."""

from dataclasses import replace
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec

from drive_emulator.drive_api.listing import ListRequest, Page
from drive_emulator.faults.effect import Effect, FaultContext
from drive_emulator.fields.mask import parse_mask
from drive_emulator.fields.schema import DEFAULT_LIST
from drive_emulator.http.errors import ApiError, invalid
from drive_emulator.tree.tree import File

_TOKEN = "nextPageToken"


class DropToken(Effect, tag="drop_token"):
    """The listing ends at this page, and says nothing of the rest."""

    def value(
        self, value: dict[str, Any], files: list[File], fault: FaultContext
    ) -> dict[str, Any]:
        return {name: each for name, each in value.items() if name != _TOKEN}


class RepeatToken(Effect, tag="repeat_token"):
    """The next page's token is this page's own, for ever (from the second page on)."""

    def value(
        self, value: dict[str, Any], files: list[File], fault: FaultContext
    ) -> dict[str, Any]:
        token = fault.context.request.params.get("pageToken")
        return value | {_TOKEN: token} if token else value


class RejectToken(Effect, tag="reject_token"):
    """A page token is 400 `invalid`: the listing has to begin again."""

    async def before(self, fault: FaultContext) -> None:
        if fault.context.request.params.get("pageToken"):
            raise invalid("pageToken")


class ShortPage(Effect, tag="short_page"):
    """A page has at most `size` files, and a token for what follows; 0 gives an empty page."""

    size: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0

    def list_request(self, list_request: ListRequest, fault: FaultContext) -> ListRequest:
        return replace(list_request, size=min(list_request.size, self.size))


class Duplicate(Effect, tag="duplicate"):
    """The last file of a page is the first of the next one, too."""

    def page(self, page: Page, list_request: ListRequest, fault: FaultContext) -> Page:
        last = fault.memory.get(list_request.token) if list_request.token else None
        if page.next_token is not None and page.files:
            fault.memory.put(page.next_token, page.files[-1])
        return page if last is None else replace(page, files=[last, *page.files])


class Omit(Effect, tag="omit"):
    """Files are missing: each with a probability, drawn anew every time, or once for all."""

    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    stable: bool = False
    seed: int = 0

    def page(self, page: Page, list_request: ListRequest, fault: FaultContext) -> Page:
        draw = fault.memory.rng.random
        kept = [
            file
            for file in page.files
            if (self._lot(file) if self.stable else draw()) >= self.share
        ]
        return replace(page, files=kept)

    def _lot(self, file: File) -> float:
        """From 0 to 1, the same for the same file and seed."""
        digest = blake2b(f"{self.seed}/{file.id}".encode(), digest_size=7).digest()
        return int.from_bytes(digest) / 2**56


class Group(Effect, tag="group"):
    """What becomes of a query for several folders at once.

    `empty`: no files. `partial`: only the files of every other folder. `bad_parent_empties`: no
    files as soon as one of the folders cannot be seen.
    """

    answer: Literal["empty", "partial", "bad_parent_empties"] = "empty"

    def page(self, page: Page, list_request: ListRequest, fault: FaultContext) -> Page:
        parents = sorted(set(list_request.query.parents or ()))
        if len(parents) < 2:
            return page
        if self.answer == "partial":
            answered = set(parents[::2])
            return replace(page, files=[file for file in page.files if file.parent_id in answered])
        if self.answer == "empty" or not all(
            _seen(parent, list_request, fault) for parent in parents
        ):
            return replace(page, files=[], next_token=None)
        return page


def _seen(folder_id: str, list_request: ListRequest, fault: FaultContext) -> bool:
    folder = fault.store.find(folder_id)
    caller, all_drives = list_request.caller, list_request.all_drives
    return folder is not None and fault.store.visible(folder, caller, all_drives=all_drives)


class EmptyForMissing(Effect, tag="empty_for_missing"):
    """A folder that is not there, or not shared, is an empty one: 200 instead of 404."""

    def failed(self, error: ApiError, fault: FaultContext) -> ApiError:
        if error.status != 404 or fault.context.kind != "list":
            return error
        mask = parse_mask(fault.context.request.params.get("fields") or DEFAULT_LIST)
        whole = {"kind": "drive#fileList", "incompleteSearch": False, "files": []}
        shown = {name: each for name, each in whole.items() if name in mask or "*" in mask}
        return ApiError(200, shown)


class Incomplete(Effect, tag="incomplete"):
    """`incompleteSearch` is true, where `fields` asks for it."""

    def value(
        self, value: dict[str, Any], files: list[File], fault: FaultContext
    ) -> dict[str, Any]:
        return value | {"incompleteSearch": True} if "incompleteSearch" in value else value


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files: all that is given must fit; `name` and `mime_type` with `*` and `?`."""

    id: str = ""
    name: str = ""
    mime_type: str = ""

    def fits(self, file: File) -> bool:
        return (
            (not self.id or file.id == self.id)
            and (not self.name or fnmatchcase(file.entry.name, self.name))
            and (not self.mime_type or fnmatchcase(file.entry.mime_type, self.mime_type))
        )


class SetFields(Effect, tag="set"):
    """Fields of files say something else, in listings and in files.get.

    A name may be a path (`shortcutDetails.targetMimeType`); null takes the field away. Only what
    an answer has is changed: `fields` still decides what is shown.
    """

    fields: dict[str, Any]
    where: Where = Where()

    def value(
        self, value: dict[str, Any], files: list[File], fault: FaultContext
    ) -> dict[str, Any]:
        shown = value.get("files", []) if fault.context.kind == "list" else [value]
        for item, file in zip(shown, files, strict=False):
            if self.where.fits(file):
                for path, wanted in self.fields.items():
                    _overwrite(item, path.split("."), wanted)
        return value


def _overwrite(item: dict[str, Any], path: list[str], wanted: Any) -> None:
    *above, name = path
    for each in above:
        below = item.get(each)
        if not isinstance(below, dict):
            return
        item[each] = item = dict(below)  # a copy: what is in the answer may be shared
    if name not in item:
        return
    if wanted is None:
        del item[name]
    else:
        item[name] = wanted
