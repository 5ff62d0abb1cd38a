"""One page of files.list.

A page token holds the position of the last file of its page and the time of issue, encrypted and
bound to the request. The next page begins after that position. So nothing is stored between two
pages, and a folder can have any length.
"""

import heapq
import random
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from time import time
from typing import Any, NamedTuple

from drive_emulator.auth.caller import Caller
from drive_emulator.drive_api.backend import Knobs
from drive_emulator.drive_api.file_resource import Field, file_json
from drive_emulator.drive_api.list_params import (
    BadOrder,
    Corpus,
    SortKey,
    drive_not_found,
    parse_order,
    read_corpus,
)
from drive_emulator.drive_api.matching import Query, compile_query
from drive_emulator.drive_api.query import BadQuery
from drive_emulator.fields.mask import Mask, read_fields
from drive_emulator.fields.schema import DEFAULT_LIST, FILE_LIST
from drive_emulator.http.errors import invalid, invalid_parameter, not_found
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree

MAX_PAGE_SIZE = 1_000
DEFAULT_PAGE_SIZE = 100
_TOKEN_PREFIX = "~!!~"  # Google's tokens begin like this
_POSITION = struct.Struct(">IIIQ")  # the tree's key, the ordinal in it, the shuffle, the time in ms
_START = (2**32 - 1, 2**32 - 1)  # in place of a key and an ordinal: before the first file


@dataclass(frozen=True)
class ListRequest:
    """A checked request for a page. `binding` is what its page tokens are bound to.

    `size` is never 0 in a client's request. A fault rule can make it 0: then the page is empty and
    its token leads back to the same position.
    """

    query: Query
    order: SortKey | None
    size: int
    token: str
    mask: Mask
    binding: bytes
    caller: Caller
    corpus: Corpus


def read_list_request(params: Mapping[str, str], caller: Caller) -> ListRequest:
    """Read the parameters; raises `ApiError` naming the one that is wrong."""
    q, order_by = params.get("q", ""), params.get("orderBy", "")
    corpus = read_corpus(params)
    try:
        query = compile_query(q, caller.account)
        order = parse_order(order_by)
    except BadQuery:
        raise invalid("q") from None
    except BadOrder:
        raise invalid("orderBy") from None
    bound = (q, order_by, *corpus.parameters, caller.key, caller.account)
    return ListRequest(
        query=query,
        order=order,
        size=_page_size(params),
        token=params.get("pageToken", ""),
        mask=read_fields(params.get("fields") or DEFAULT_LIST, FILE_LIST),
        binding="\0".join(bound).encode(errors="surrogateescape"),
        caller=caller,
        corpus=corpus,
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
class _Position:
    """Where a page begins: after `last`, in Drive's order or the one that `shuffle` gives."""

    last: File | None
    shuffle: int


class _Segment(NamedTuple):
    """A part of one tree: disjoint ranges of ordinals, and ranks of added items, both in order."""

    tree: Tree
    ranges: list[range]
    added: Sequence[int]

    @property
    def length(self) -> int:
        """An upper bound of the number of files."""
        return sum(map(len, self.ranges)) + len(self.added)

    def ordinals(self, after: int | None) -> Iterator[int]:
        """Every file once, after the rank `after` if one is given."""
        ranges = self.ranges
        if after is not None:
            ranges = [each[max(0, after + 1 - each.start) :] for each in ranges]
        original: Iterator[int] = chain.from_iterable(ranges)
        if not self.added:
            return original
        start = 0 if after is None else bisect_right(self.added, after)
        return map(self.tree.ordinal, _distinct(heapq.merge(original, self.added[start:])))


def _distinct(ranks: Iterator[int]) -> Iterator[int]:
    """An item that was moved from one of the folders to another comes twice in a row."""
    last: int | None = None
    for rank in ranks:
        if rank != last:
            yield rank
        last = rank


class Listing:
    """Answers files.list from a store. `now` gives seconds, by which tokens expire."""

    def __init__(
        self, store: TreeStore, knobs: Knobs | None = None, now: Callable[[], float] = time
    ) -> None:
        self._store = store
        self._knobs = knobs or Knobs()
        self._now = now

    def cost(self, request: ListRequest) -> int:
        """How many files may have to be looked at for a page."""
        return sum(segment.length for segment in self._segments(request))

    def page(self, request: ListRequest) -> Page:
        position = self._position(request)
        order = _shuffled(position.shuffle) if position.shuffle else request.order
        if order is None:
            rest = self._files(request, position.last)
            files = list(islice(filter(request.query.test, rest), request.size + 1))
        else:
            files = self._sorted(request, order, position.last)
        if len(files) <= request.size:
            return Page(files, None)
        del files[request.size :]
        last = files[-1] if files else position.last
        return Page(files, self._token(request, last, position.shuffle))

    def _sorted(self, request: ListRequest, order: SortKey, last: File | None) -> list[File]:
        """The smallest after the last one: memory for one page, however long the folder is."""
        number = {tree.key: index for index, tree in enumerate(self._store.trees)}

        def key(file: File) -> tuple[Any, ...]:
            return (*order(file), number[file.tree.key], file.tree.rank(file.ordinal))

        files = filter(request.query.test, self._files(request, None))
        if last is not None:
            end = key(last)
            files = filter(lambda file: key(file) > end, files)
        return heapq.nsmallest(request.size + 1, files, key=key)

    def _token(self, request: ListRequest, last: File | None, shuffle: int) -> str:
        position = (last.tree.key, last.ordinal) if last else _START
        payload = _POSITION.pack(*position, shuffle, round(self._now() * 1000))
        return _TOKEN_PREFIX + self._store.cipher.encrypt(payload, request.binding)

    def _position(self, request: ListRequest) -> _Position:
        if not request.token:
            return _Position(None, random.randrange(1, 2**32) if self._knobs.shuffle else 0)
        token = request.token.removeprefix(_TOKEN_PREFIX)
        payload = self._store.cipher.decrypt(token, request.binding)
        if payload is None or token == request.token:
            raise invalid("pageToken")
        key, ordinal, shuffle, issued = _POSITION.unpack(payload)
        if self._now() * 1000 - issued > self._knobs.token_life * 1000:
            raise invalid("pageToken")
        if (key, ordinal) == _START:
            return _Position(None, shuffle)
        tree = next((tree for tree in self._store.trees if tree.key == key), None)
        if tree is None or ordinal >= tree.count:  # from an earlier run with more files
            raise invalid("pageToken")
        return _Position(File(tree, ordinal), shuffle)

    def _segments(self, request: ListRequest) -> list[_Segment]:
        trees, corpus = self._store.trees, request.corpus
        if corpus.drive_id:
            trees = [tree for tree in trees if tree.drive_id == corpus.drive_id]
            if not trees:
                raise drive_not_found(corpus.drive_id)
        if corpus.app_data:
            return []
        if request.query.parents is None:
            return [
                _Segment(tree, [range(tree.original_count)], tree.added_to(None)) for tree in trees
            ]
        folders: dict[int, list[int]] = {}
        for parent in map(self._store.find, request.query.parents):
            if parent is not None and self._store.visible(
                parent, request.caller, all_drives=corpus.all_drives
            ):
                children = folders.setdefault(parent.tree.key, [])
                children += [parent.ordinal] if parent.is_folder else []
        my_drive = any(map(request.caller.owns, request.query.parents))
        if not folders and not my_drive and self._knobs.unknown_parent == "404":
            raise not_found("")
        return [
            # What is or once was in these folders; the query's own test decides.
            _Segment(tree, tree.original_children(inside), tree.added_to(inside))
            for tree in trees
            if (inside := folders.get(tree.key)) is not None
        ]

    def _files(self, request: ListRequest, after: File | None) -> Iterator[File]:
        keys = [tree.key for tree in self._store.trees]
        reached = after is None
        all_drives = request.corpus.all_drives
        for segment in self._segments(request):
            tree, start = segment.tree, None
            if after is not None and not reached:
                if keys.index(tree.key) < keys.index(after.tree.key):
                    continue
                reached = True
                start = tree.rank(after.ordinal) if tree is after.tree else None
            for ordinal in segment.ordinals(start):
                file = File(tree, ordinal)
                if self._store.listed(file, request.caller, all_drives=all_drives) and (
                    tree.overlay is None or tree.exists(ordinal)
                ):
                    yield file


def _shuffled(seed: int) -> SortKey:
    """An order that is unrelated to the files and differs for every seed."""
    factor = seed | 1
    return lambda file: ((file.ordinal + seed) * factor * 2_654_435_761 % 2**32,)


def page_json(page: Page, mask: Mask, thumbnail_link: Field) -> dict[str, Any]:
    """The JSON object of a page, with the fields that the mask names."""
    whole: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
    if page.next_token is not None:
        whole["nextPageToken"] = page.next_token
    body = {name: value for name, value in whole.items() if not mask or name in mask}
    if not mask or "files" in mask:
        describe = file_json(mask.get("files", {}), thumbnail_link)
        body["files"] = [describe(file) for file in page.files]
    return body


def needs_rendering(page: Page) -> bool:
    """Whether describing the page may have to render pictures first."""
    return any(file.entry.blob and not file.entry.blob.ready for file in page.files)
