"""Folders of made-up images: real checksums, unique bytes, and no memory for their content."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

FOLDER = "application/vnd.google-apps.folder"
BLOCK = 4 * 1024 * 1024
TAG = 64
_MAGIC = b"\xff\xd8\xff\xe0"
_VIRTUAL = re.compile(r"virtual-(\d{1,12})-(\d{9})")
WHEN = "2026-01-01T00:00:00.000Z"


@cache
def _block() -> memoryview:
    """Noise that begins as a JPEG does: nothing on the way can compress it."""
    return memoryview(_MAGIC + Random(1).randbytes(BLOCK - len(_MAGIC)))


def pieces(size: int, tag: bytes) -> Iterator[bytes | memoryview]:
    """The content of a file: the block, again and again, and at the end its own tag."""
    left = size - TAG
    while left > 0:
        yield _block()[: min(left, BLOCK)]
        left -= BLOCK
    yield tag


@cache
def _hashed(size: int) -> tuple["hashlib._Hash", ...]:
    """The states of md5, sha1 and sha256 before the tag, which files of one size share."""
    states = tuple(hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256"))
    left = size - TAG
    while left > 0:
        for state in states:
            state.update(_block()[: min(left, BLOCK)])
        left -= BLOCK
    return states


@dataclass
class File:
    """One image. A change gives it another tag, and so other bytes and checksums."""

    id: str
    name: str
    size: int
    version: int = 1

    @property
    def tag(self) -> bytes:
        return f"{self.id}/{self.version}".ljust(TAG)[:TAG].encode()

    def digests(self) -> tuple[str, str, str]:
        """md5, sha1 and sha256 of the content."""
        own = [state.copy() for state in _hashed(self.size)]
        for state in own:
            state.update(self.tag)
        md5, sha1, sha256 = (state.hexdigest() for state in own)
        return md5, sha1, sha256

    def described(self) -> bytes:
        """Drive's JSON of it."""
        md5, sha1, sha256 = self.digests()
        return json.dumps(
            {
                "id": self.id,
                "name": self.name,
                "mimeType": "image/jpeg",
                "size": str(self.size),
                "md5Checksum": md5,
                "sha1Checksum": sha1,
                "sha256Checksum": sha256,
                "version": str(self.version),
                "createdTime": WHEN,
                "modifiedTime": WHEN,
                "trashed": False,
                "imageMediaMetadata": {"width": 4032, "height": 3024},
                "capabilities": {"canDownload": True},
            }
        ).encode()


def virtual_file(size: int, number: int) -> File:
    """A file that is in no folder and was never added: there is one for every size and number."""
    return File(id=f"virtual-{size}-{number:09}", name=f"IMG_{number:09}.jpg", size=size)


def folder_described(folder_id: str, name: str) -> bytes:
    """Drive's JSON of a folder."""
    return json.dumps(
        {
            "id": folder_id,
            "name": name,
            "mimeType": FOLDER,
            "version": "1",
            "createdTime": WHEN,
            "modifiedTime": WHEN,
            "trashed": False,
            "capabilities": {"canDownload": False},
        }
    ).encode()


@dataclass
class Trees:
    """Everything that is shared: items by id, as Drive describes them, and what lies in folders."""

    files: dict[str, File] = field(default_factory=dict)
    described: dict[str, bytes] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, count: int, sizes: Sequence[int], folders: int) -> str:
        """A folder with this many files, spread over folders below it; the root's id.

        The sizes are taken in turn. The same tree added twice is there once.
        """
        root = f"{name}-root".ljust(33, "0")
        if root in self.children:
            return root
        below = [f"{name}-folder-{n:04}".ljust(33, "0") for n in range(folders)]
        self.children |= {root: list(below), **{each: [] for each in below}}
        self.described |= {each: folder_described(each, each.rstrip("0")) for each in below}
        self.described[root] = folder_described(root, name)
        for number in range(count):
            file = File(
                id=f"{name}-{number:07}".ljust(33, "0"),
                name=f"IMG_{number:07}.jpg",
                size=sizes[number % len(sizes)],
            )
            self.files[file.id] = file
            self.described[file.id] = file.described()
            self.children[below[number % folders] if below else root].append(file.id)
        return root

    def file(self, file_id: str) -> File:
        """One that was added, or a `virtual_file`; raises `KeyError` if there is none."""
        if virtual := _VIRTUAL.fullmatch(file_id):
            return virtual_file(int(virtual[1]), int(virtual[2]))
        return self.files[file_id]

    def change(self, file_id: str) -> None:
        """Give a file other bytes of the same size."""
        file = self.files[file_id]
        file.version += 1
        self.described[file_id] = file.described()

    def page(self, folder_id: str, size: int, after: int, ids_only: bool) -> bytes:
        """A page of a folder that begins after so many items; raises `KeyError` if unknown."""
        ids = self.children[folder_id]
        shown = ids[after : after + size]
        items = (
            [b'{"id":"%s"}' % each.encode() for each in shown]
            if ids_only
            else [self.described[each] for each in shown]
        )
        token = b""
        if after + size < len(ids):
            token = b',"nextPageToken":"%d"' % (after + size)
        return b'{"incompleteSearch":false,"files":[%s]%s}' % (b",".join(items), token)
