"""One page of files.list.

A page token holds the place of the last file of its page, sealed together with what was asked.
The next page begins behind that place, so nothing is kept between two pages, and no folder is
too long.
"""

import heapq
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from drive_emulator.caller import Caller
from drive_emulator.errors import bad_fields, invalid, invalid_parameter, not_found
from drive_emulator.forest import File, Forest, Tree
from drive_emulator.mask import BadMask, Mask, narrow, parse_mask
from drive_emulator.matching import Query, compile_query
from drive_emulator.ordering import BadOrder, SortKey, parse_order
from drive_emulator.query import BadQuery
from drive_emulator.resource import projection
from drive_emulator.schema import DEFAULT_LIST, FILE_LIST

LARGEST_PAGE = 1_000
USUAL_PAGE = 100
_TOKEN_MARK = "~!!~"  # Google's tokens begin so
_PLACE = struct.Struct(">II")  # the tree's key, the ordinal in it
_CORPORA = frozenset({"", "user", "domain", "drive", "allDrives"})
_SPACES = frozenset({"", "drive", "appDataFolder"})

Walk = list[tuple[Tree, list[range]]]  # the trees and, in each, ordinals in order


@dataclass(frozen=True)
class Asked:
    """A checked request for a page. `binding` is what its tokens are bound to."""

    query: Query
    order: SortKey | None
    size: int
    token: str
    mask: Mask
    binding: bytes
    caller: Caller
    all_drives: bool


def read_list(params: Mapping[str, str], caller: Caller) -> Asked:
    """What is asked for; raises `ApiError` naming the parameter that is wrong."""
    q, order_by = params.get("q", ""), params.get("orderBy", "")
    corpora, spaces = params.get("corpora", ""), params.get("spaces", "")
    if corpora not in _CORPORA:
        raise invalid("corpora")
    if spaces not in _SPACES:
        raise invalid("spaces")
    try:
        query = compile_query(q)
        order = parse_order(order_by)
        mask = narrow(parse_mask(params.get("fields") or DEFAULT_LIST), FILE_LIST)
    except BadQuery:
        raise invalid("q") from None
    except BadOrder:
        raise invalid("orderBy") from None
    except BadMask as why:
        raise bad_fields(str(why)) from None
    bound = (q, order_by, corpora, spaces, caller.key, caller.account)
    return Asked(
        query=query,
        order=order,
        size=_page_size(params),
        token=params.get("pageToken", ""),
        mask=mask,
        binding="\0".join(bound).encode(errors="surrogateescape"),
        caller=caller,
        all_drives=_is_true(params, "supportsAllDrives")
        and _is_true(params, "includeItemsFromAllDrives"),
    )


def _is_true(params: Mapping[str, str], name: str) -> bool:
    return params.get(name, "").lower() == "true"


def _page_size(params: Mapping[str, str]) -> int:
    text = params.get("pageSize", str(USUAL_PAGE))
    try:
        size = int(text) if len(text) < 20 else -1
    except ValueError:
        size = -1
    if size < 1:
        message = f"Invalid value '{text[:40]}'. Values must be within the range: [1, 1000]"
        raise invalid_parameter("pageSize", message)
    return min(size, LARGEST_PAGE)


@dataclass(frozen=True)
class Page:
    """The files of a page, and the token of the next one."""

    files: list[File]
    next_token: str | None


class Listing:
    """Answers files.list out of a forest."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest

    def cost(self, asked: Asked) -> int:
        """How many files the page may have to look at."""
        walk = self._walk(asked)
        return sum(len(ordinals) for _, ranges in walk for ordinals in ranges)

    def page(self, asked: Asked) -> Page:
        """The page asked for; raises `ApiError` for a folder or a token that is not there."""
        last = self._place(asked)
        test = asked.query.test
        if asked.order is None:
            later = self._files(asked, last)
            files = list(islice(filter(test, later), asked.size + 1))
        else:
            files = self._sorted(asked, asked.order, last)
        if len(files) <= asked.size:
            return Page(files, None)
        del files[asked.size :]
        end = files[-1]
        sealed = self._forest.seal.close(_PLACE.pack(end.tree.key, end.ordinal), asked.binding)
        return Page(files, _TOKEN_MARK + sealed)

    def _sorted(self, asked: Asked, order: SortKey, last: File | None) -> list[File]:
        """The smallest after the last one: memory for one page, however long the folder."""
        number = {tree.key: index for index, tree in enumerate(self._forest.trees)}

        def key(file: File) -> tuple[Any, ...]:
            return (*order(file), number[file.tree.key], file.ordinal)

        everything = filter(asked.query.test, self._files(asked, None))
        if last is not None:
            end = key(last)
            everything = filter(lambda file: key(file) > end, everything)
        return heapq.nsmallest(asked.size + 1, everything, key=key)

    def _place(self, asked: Asked) -> File | None:
        if not asked.token:
            return None
        sealed = asked.token.removeprefix(_TOKEN_MARK)
        payload = self._forest.seal.open(sealed, asked.binding)
        if payload is None or sealed == asked.token:
            raise invalid("pageToken")
        key, ordinal = _PLACE.unpack(payload)
        tree = next((tree for tree in self._forest.trees if tree.key == key), None)
        if tree is None:  # of an earlier run that had more trees
            raise invalid("pageToken")
        return self._forest.file(tree, ordinal)

    def _walk(self, asked: Asked) -> Walk:
        """Where to look. The children of folders of one tree are disjoint runs of ordinals."""
        if asked.query.parents is None:
            return [(tree, [range(tree.count)]) for tree in self._forest.trees]
        runs: dict[int, list[range]] = {}
        found = False
        for parent_id in asked.query.parents:
            parent = self._forest.find(parent_id)
            if parent is None or not self._forest.visible(
                parent, asked.caller, all_drives=asked.all_drives
            ):
                continue
            found = True
            if parent.is_folder:
                layout = parent.tree.layout
                below = (layout.subfolders(parent.ordinal), layout.files_in(parent.ordinal))
                runs.setdefault(parent.tree.key, []).extend(below)
        if not found:
            raise not_found("")
        return [
            (tree, sorted(runs[tree.key], key=lambda run: run.start))
            for tree in self._forest.trees
            if tree.key in runs
        ]

    def _files(self, asked: Asked, after: File | None) -> Iterator[File]:
        """Everything that the caller may see there, behind a file if one is given."""
        seen = after is None
        keys = [tree.key for tree in self._forest.trees]
        for tree, runs in self._walk(asked):
            start = 0
            if after is not None and not seen:
                if keys.index(tree.key) < keys.index(after.tree.key):
                    continue
                seen = True
                start = after.ordinal + 1 if tree is after.tree else 0
            for run in runs:
                for ordinal in run[max(0, start - run.start) :]:
                    file = self._forest.file(tree, ordinal)
                    if self._forest.listed(file, asked.caller, all_drives=asked.all_drives):
                        yield file


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
    return any(file.entry.stock and not file.entry.stock.ready for file in page.files)
