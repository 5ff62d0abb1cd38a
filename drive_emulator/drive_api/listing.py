"""One page of files.list.

A page token holds the place of the last file of its page and its own age, sealed together with
what was asked. The next page begins behind that place, so nothing is kept between two pages, and
no folder is too long.
"""

import heapq
import random
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from time import time
from typing import Any

from drive_emulator.auth.caller import Caller
from drive_emulator.drive_api.corpora import Where, no_such_drive, read_where
from drive_emulator.drive_api.file_resource import projection
from drive_emulator.drive_api.knobs import Knobs
from drive_emulator.drive_api.matching import Query, compile_query
from drive_emulator.drive_api.ordering import BadOrder, SortKey, parse_order
from drive_emulator.drive_api.query import BadQuery
from drive_emulator.fields.mask import BadMask, Mask, parse_mask, resolve
from drive_emulator.fields.schema import DEFAULT_LIST, FILE_LIST
from drive_emulator.http.errors import bad_fields, invalid, invalid_parameter, not_found
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.traversal import TreeSlice, children, everything
from drive_emulator.tree.tree import File

MAX_PAGE_SIZE = 1_000
DEFAULT_PAGE_SIZE = 100
_TOKEN_MARK = "~!!~"  # Google's tokens begin so
_PLACE = struct.Struct(">IIIQ")  # the tree's key, the ordinal in it, the shuffle, the time in ms
_START = (2**32 - 1, 2**32 - 1)  # in place of a tree and an ordinal: before the first file


@dataclass(frozen=True)
class ListRequest:
    """A checked request for a page. `binding` is what its tokens are bound to.

    `size` is never 0 in a request; made so, the page is empty and its token leads back here.
    """

    query: Query
    order: SortKey | None
    size: int
    token: str
    mask: Mask
    binding: bytes
    caller: Caller
    where: Where

    @property
    def all_drives(self) -> bool:
        """Whether what is in shared drives counts."""
        return self.where.all_drives


def read_list(params: Mapping[str, str], caller: Caller) -> ListRequest:
    """What is asked for; raises `ApiError` naming the parameter that is wrong."""
    q, order_by = params.get("q", ""), params.get("orderBy", "")
    where = read_where(params)
    try:
        query = compile_query(q, caller.account)
        order = parse_order(order_by)
        mask = resolve(parse_mask(params.get("fields") or DEFAULT_LIST), FILE_LIST)
    except BadQuery:
        raise invalid("q") from None
    except BadOrder:
        raise invalid("orderBy") from None
    except BadMask as why:
        raise bad_fields(str(why)) from None
    bound = (q, order_by, *where.named, caller.key, caller.account)
    return ListRequest(
        query=query,
        order=order,
        size=_page_size(params),
        token=params.get("pageToken", ""),
        mask=mask,
        binding="\0".join(bound).encode(errors="surrogateescape"),
        caller=caller,
        where=where,
    )


def _page_size(params: Mapping[str, str]) -> int:
    text = params.get("pageSize", str(DEFAULT_PAGE_SIZE))
    digits = text.isascii() and text.isdecimal() and len(text) < 20
    size = int(text) if digits else 0
    if size < 1:
        message = f"Invalid value '{text[:40]}'. Values must be within the range: [1, 1000]"
        raise invalid_parameter("pageSize", message)
    return min(size, MAX_PAGE_SIZE)


@dataclass(frozen=True)
class Page:
    """The files of a page, and the token of the next one."""

    files: list[File]
    next_token: str | None


@dataclass(frozen=True)
class _Place:
    """Where a page begins: behind `last`, in Drive's order or the one that `shuffle` gives."""

    last: File | None
    shuffle: int


class Listing:
    """Answers files.list out of a forest. `now` gives seconds: tokens expire by it."""

    def __init__(
        self, store: TreeStore, knobs: Knobs | None = None, now: Callable[[], float] = time
    ) -> None:
        self._store = store
        self._knobs = knobs or Knobs()
        self._now = now

    def cost(self, list_request: ListRequest) -> int:
        """How many files the page may have to look at."""
        return sum(stretch.length for stretch in self._walk(list_request))

    def page(self, list_request: ListRequest) -> Page:
        """The page asked for; raises `ApiError` for a folder or a token that is not there."""
        place = self._place(list_request)
        order = _shuffled(place.shuffle) if place.shuffle else list_request.order
        if order is None:
            later = self._files(list_request, place.last)
            files = list(islice(filter(list_request.query.test, later), list_request.size + 1))
        else:
            files = self._sorted(list_request, order, place.last)
        if len(files) <= list_request.size:
            return Page(files, None)
        del files[list_request.size :]
        return Page(
            files, self._token(list_request, files[-1] if files else place.last, place.shuffle)
        )

    def _sorted(self, list_request: ListRequest, order: SortKey, last: File | None) -> list[File]:
        """The smallest after the last one: memory for one page, however long the folder."""
        number = {tree.key: index for index, tree in enumerate(self._store.trees)}

        def key(file: File) -> tuple[Any, ...]:
            return (*order(file), number[file.tree.key], file.tree.rank(file.ordinal))

        everything = filter(list_request.query.test, self._files(list_request, None))
        if last is not None:
            end = key(last)
            everything = filter(lambda file: key(file) > end, everything)
        return heapq.nsmallest(list_request.size + 1, everything, key=key)

    def _token(self, list_request: ListRequest, last: File | None, shuffle: int) -> str:
        place = (last.tree.key, last.ordinal) if last else _START
        payload = _PLACE.pack(*place, shuffle, round(self._now() * 1000))
        return _TOKEN_MARK + self._store.cipher.close(payload, list_request.binding)

    def _place(self, list_request: ListRequest) -> _Place:
        if not list_request.token:
            return _Place(None, random.randrange(1, 2**32) if self._knobs.shuffle else 0)
        sealed = list_request.token.removeprefix(_TOKEN_MARK)
        payload = self._store.cipher.open(sealed, list_request.binding)
        if payload is None or sealed == list_request.token:
            raise invalid("pageToken")
        key, ordinal, shuffle, issued = _PLACE.unpack(payload)
        if self._now() * 1000 - issued > self._knobs.token_life * 1000:
            raise invalid("pageToken")
        if (key, ordinal) == _START:
            return _Place(None, shuffle)
        tree = next((tree for tree in self._store.trees if tree.key == key), None)
        if tree is None or ordinal >= tree.count:  # of an earlier run that had more
            raise invalid("pageToken")
        return _Place(self._store.file(tree, ordinal), shuffle)

    def _walk(self, list_request: ListRequest) -> list[TreeSlice]:
        """Where to look, tree by tree."""
        trees = self._store.trees
        if list_request.where.drive_id:
            trees = [t for t in trees if t.drive and t.drive.id == list_request.where.drive_id]
            if not trees:
                raise no_such_drive(list_request.where.drive_id)
        if list_request.where.nowhere:
            return []
        if list_request.query.parents is None:
            return [everything(tree) for tree in trees]
        folders: dict[int, list[int]] = {}
        for parent in map(self._store.find, list_request.query.parents):
            if parent is not None and self._store.visible(
                parent, list_request.caller, all_drives=list_request.all_drives
            ):
                below = folders.setdefault(parent.tree.key, [])
                below += [parent.ordinal] if parent.is_folder else []
        empty = any(map(list_request.caller.owns, list_request.query.parents))
        if not folders and not empty and self._knobs.unknown_parent == "404":
            raise not_found("")
        return [children(tree, folders[tree.key]) for tree in trees if tree.key in folders]

    def _files(self, list_request: ListRequest, after: File | None) -> Iterator[File]:
        """Everything that the caller may see there, behind a file if one is given."""
        keys = [tree.key for tree in self._store.trees]
        reached = after is None
        for stretch in self._walk(list_request):
            tree, start = stretch.tree, None
            if after is not None and not reached:
                if keys.index(tree.key) < keys.index(after.tree.key):
                    continue
                reached = True
                start = tree.rank(after.ordinal) if tree is after.tree else None
            for ordinal in stretch.ordinals(start):
                file = self._store.file(tree, ordinal)
                if self._store.listed(
                    file, list_request.caller, all_drives=list_request.all_drives
                ) and (tree.overlay is None or tree.exists(ordinal)):
                    yield file


def _shuffled(seed: int) -> SortKey:
    """An order that has nothing to do with the files, another for every seed."""
    factor = seed | 1
    return lambda file: ((file.ordinal + seed) * factor * 2_654_435_761 % 2**32,)


def render_list(page: Page, mask: Mask) -> dict[str, Any]:
    """The JSON object of a page, with what its mask names."""
    whole: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
    if page.next_token is not None:
        whole["nextPageToken"] = page.next_token
    made = {name: value for name, value in whole.items() if not mask or name in mask}
    if not mask or "files" in mask:
        project = projection(mask.get("files", {}))
        made["files"] = [project(file) for file in page.files]
    return made


def is_cold(page: Page) -> bool:
    """Whether describing the page may have to render pictures first."""
    return any(file.entry.blob and not file.entry.blob.ready for file in page.files)
