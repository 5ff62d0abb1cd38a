"""`/_emu/trees` and `/_emu/mutate`: add, describe and change trees."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.file_resource import file_json
from drive_emulator.drive_api.routing import Route
from drive_emulator.fields.mask import parse_mask
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body, send_lines
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.mutations import parse_mutation
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree

_LINES_AT_ONCE = 200
_MAX_TREE = 64 * 1024 * 1024  # bytes of JSON: an explicit tree can be long
_MUTATED_FIELDS = parse_mask(  # none of which needs rendering
    "id,name,mimeType,parents,trashed,shared,version,modifiedTime,headRevisionId,resourceKey"
)


def routes(state: State) -> list[Route]:
    trees = TreeControl(state)
    return [
        Route("GET", "/_emu/trees", "emu", trees.list),
        Route("POST", "/_emu/trees", "emu", trees.add),
        Route("GET", "/_emu/trees/{name}/files", "emu", trees.files),
        Route("POST", "/_emu/mutate", "emu", trees.mutate),
    ]


class TreeControl:
    def __init__(self, state: State) -> None:
        self._store = state.store
        self._worker = state.worker
        self._changes = state.changes

    async def list(self, context: RequestContext) -> None:
        trees = [describe_tree(tree) for tree in self._store.trees]
        await context.send_json({"trees": trees})

    async def add(self, context: RequestContext) -> None:
        tree = self._store.add(parse_tree(await read_body(context.receive, _MAX_TREE)))
        if context.request.params.get("render") == "true":
            for job in render_jobs(tree):
                await self._worker.run(job)
        await context.send_json(describe_tree(tree), 201)

    async def files(self, context: RequestContext) -> None:
        tree = self._store.tree(context.names[0])
        if tree is None:
            raise control_error("there is no tree with this name", 404)
        await send_lines(context.send, self._lines(tree))

    async def mutate(self, context: RequestContext) -> None:
        file = self._store.mutate(parse_mutation(await read_body(context.receive)))
        self._changes.add(file.id)
        await context.send_json(file_json(_MUTATED_FIELDS)(file))

    async def _lines(self, tree: Tree) -> AsyncIterator[bytes]:
        files = self._store.downloads(tree)
        while chunk := list(islice(files, _LINES_AT_ONCE)):
            ready = all(file.entry.blob and file.entry.blob.ready for file in chunk)
            encode = partial(_encode, self._store, chunk)
            yield encode() if ready else await self._worker.run(encode)
            await asyncio.sleep(0)  # serve other requests between two chunks


def _encode(store: TreeStore, files: list[File]) -> bytes:
    return b"".join(msgspec.json.encode(_expected(store, file)) + b"\n" for file in files)


def _expected(store: TreeStore, file: File) -> dict[str, Any]:
    expected = {
        "id": file.id,
        "name": file.entry.name,
        "path": store.path(file),
        "mimeType": file.entry.mime_type,
        "size": file.entry.blob.size if file.entry.blob else 0,
        "md5Checksum": file.checksum("md5"),
    }
    key = file.entry.extras.resource_key
    return expected | {"resourceKey": key} if key else expected


def describe_tree(tree: Tree) -> dict[str, Any]:
    """A tree's link and totals; `bytes` of its pictures only once all sizes are known."""
    folder_id = tree.id(0)
    description: dict[str, Any] = {
        "name": tree.name,
        "folderId": folder_id,
        "folderUrl": f"https://drive.google.com/drive/folders/{folder_id}",
        "pictures": tree.layout.pictures,
        "folders": tree.layout.folders,
    }
    if tree.drive is not None:
        description["driveId"] = tree.drive.id
    if tree.refs:
        description["refs"] = tree.refs
    size = tree.layout.picture_bytes()
    return description if size is None else description | {"bytes": size}


def render_jobs(tree: Tree) -> Iterator[Callable[[], object]]:
    """One job for each picture of the tree that is not rendered yet."""
    for blob in tree.layout.blobs:
        if not blob.ready:
            yield partial(getattr, blob, "rendered")
