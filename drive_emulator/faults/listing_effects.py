"""Effects on listings and on the JSON of single files."""

from dataclasses import replace
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec

from drive_emulator.drive_api.context import Json
from drive_emulator.drive_api.listing import ListRequest, Page
from drive_emulator.faults.effect import Effect, Hit
from drive_emulator.fields.mask import parse_mask
from drive_emulator.fields.schema import DEFAULT_LIST
from drive_emulator.http.errors import ApiError, invalid
from drive_emulator.tree.tree import File

_TOKEN = "nextPageToken"


class DropToken(Effect, tag="drop_token"):
    """The listing ends with this page, as if there were no more."""

    def body(self, body: Json, files: list[File], hit: Hit) -> Json:
        return {name: each for name, each in body.items() if name != _TOKEN}


class RepeatToken(Effect, tag="repeat_token"):
    """From the second page on, the next page's token is the page's own."""

    def body(self, body: Json, files: list[File], hit: Hit) -> Json:
        token = hit.context.request.params.get("pageToken")
        return body | {_TOKEN: token} if token else body


class RejectToken(Effect, tag="reject_token"):
    """Every page token is 400 `invalid`: the client has to start again."""

    async def before(self, hit: Hit) -> None:
        if hit.context.request.params.get("pageToken"):
            raise invalid("pageToken")


class ShortPage(Effect, tag="short_page"):
    """A page has at most `size` files, and a token for the rest; 0 gives an empty page."""

    size: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0

    def list_request(self, request: ListRequest, hit: Hit) -> ListRequest:
        return replace(request, size=min(request.size, self.size))


class Duplicate(Effect, tag="duplicate"):
    """The last file of a page is also the first of the next one."""

    def page(self, page: Page, request: ListRequest, hit: Hit) -> Page:
        last = hit.memory.get(request.token) if request.token else None
        if page.next_token is not None and page.files:
            hit.memory.put(page.next_token, page.files[-1])
        return page if last is None else replace(page, files=[last, *page.files])


class Omit(Effect, tag="omit"):
    """Each file is missing with a probability; with `stable`, always the same files are."""

    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    stable: bool = False
    seed: int = 0

    def page(self, page: Page, request: ListRequest, hit: Hit) -> Page:
        draw = hit.memory.rng.random
        kept = [
            file
            for file in page.files
            if (self._fraction(file) if self.stable else draw()) >= self.share
        ]
        return replace(page, files=kept)

    def _fraction(self, file: File) -> float:
        """Pseudorandom, from 0 to 1; the same for the same file and seed."""
        digest = blake2b(f"{self.seed}/{file.id}".encode(), digest_size=7).digest()
        return int.from_bytes(digest) / 2**56


class Group(Effect, tag="group"):
    """A wrong answer to a query for several folders at once.

    `empty`: no files. `partial`: only the files of every second folder. `bad_parent_empties`: no
    files if one of the folders cannot be seen.
    """

    answer: Literal["empty", "partial", "bad_parent_empties"] = "empty"

    def page(self, page: Page, request: ListRequest, hit: Hit) -> Page:
        parents = sorted(set(request.query.parents or ()))
        if len(parents) < 2:
            return page
        if self.answer == "partial":
            answered = set(parents[::2])
            return replace(
                page,
                files=[file for file in page.files if not answered.isdisjoint(file.parent_ids[:1])],
            )
        if self.answer == "empty" or not all(
            _is_visible(parent, request, hit) for parent in parents
        ):
            return replace(page, files=[], next_token=None)
        return page


def _is_visible(folder_id: str, request: ListRequest, hit: Hit) -> bool:
    folder = hit.store.find(folder_id)
    caller, all_drives = request.caller, request.corpus.all_drives
    return folder is not None and hit.store.visible(folder, caller, all_drives=all_drives)


class EmptyForMissing(Effect, tag="empty_for_missing"):
    """A folder that does not exist or is not shared is 200 and empty, instead of 404."""

    def error(self, error: ApiError, hit: Hit) -> ApiError:
        if error.status != 404 or hit.context.kind != "list":
            return error
        mask = parse_mask(hit.context.request.params.get("fields") or DEFAULT_LIST)
        whole = {"kind": "drive#fileList", "incompleteSearch": False, "files": []}
        shown = {name: each for name, each in whole.items() if name in mask or "*" in mask}
        return ApiError(200, shown)


class Incomplete(Effect, tag="incomplete"):
    """`incompleteSearch` is true if `fields` asks for it."""

    def body(self, body: Json, files: list[File], hit: Hit) -> Json:
        return body | {"incompleteSearch": True} if "incompleteSearch" in body else body


class FileMatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files: everything given must match; `name` and `mime_type` may have `*` and `?`."""

    id: str = ""
    name: str = ""
    mime_type: str = ""

    def matches(self, file: File) -> bool:
        return (
            (not self.id or file.id == self.id)
            and (not self.name or fnmatchcase(file.entry.name, self.name))
            and (not self.mime_type or fnmatchcase(file.entry.mime_type, self.mime_type))
        )


class SetFields(Effect, tag="set"):
    """Fields of files have other values, in listings and in files.get.

    A name may be a path (`shortcutDetails.targetMimeType`); null removes the field. Only fields
    that the response has are changed.
    """

    fields: dict[str, Any]
    where: FileMatch = FileMatch()

    def body(self, body: Json, files: list[File], hit: Hit) -> Json:
        shown = body.get("files", []) if hit.context.kind == "list" else [body]
        for item, file in zip(shown, files, strict=False):
            if self.where.matches(file):
                for path, value in self.fields.items():
                    _overwrite(item, path.split("."), value)
        return body


def _overwrite(item: Json, path: list[str], value: Any) -> None:
    *parents, name = path
    for each in parents:
        child = item.get(each)
        if not isinstance(child, dict):
            return
        item[each] = item = dict(child)  # a copy: parts of a response may be shared
    if name not in item:
        return
    if value is None:
        del item[name]
    else:
        item[name] = value


ListingEffect = (
    DropToken | RepeatToken | RejectToken | ShortPage | Duplicate
    | Omit | Group | EmptyForMissing | Incomplete | SetFields
)  # fmt: skip
