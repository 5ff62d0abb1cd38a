"""`/_emu/trees` and `/_emu/health`: what tests and demos ask of the emulator itself.

Nothing below `/_emu` needs a key; its errors are `{"error": a sentence}`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Handler, Route
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body, send_lines
from drive_emulator.tree.explicit_spec import BadTree
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree

_LINES_AT_ONCE = 200
_MAX_TREE = 64 * 1024 * 1024  # bytes of JSON: a written tree can be long


def routes(state: State) -> list[Route]:
    """Where trees are planted and described, and the log is read."""
    control = _Control(state)

    def route(method: str, path: str, handle: Handler) -> Route:
        return Route(method, f"/_emu/{path}", "emu", handle, open=True)

    return [
        route("GET", "health", control.health),
        route("GET", "trees", control.trees),
        route("POST", "trees", control.add),
        route("GET", "trees/{name}/files", control.files),
    ]


class _Control:
    def __init__(self, state: State) -> None:
        self._store = state.store
        self._worker = state.worker

    async def health(self, context: RequestContext) -> None:
        await context.answer({"status": "ok"})

    async def trees(self, context: RequestContext) -> None:
        trees = [describe(self._store, tree) for tree in self._store.trees]
        await context.answer({"trees": trees})

    async def files(self, context: RequestContext) -> None:
        tree = self._store.tree(context.names[0])
        if tree is None:
            raise control_error("there is no such tree", 404)
        await send_lines(context.send, self._lines(tree))

    async def add(self, context: RequestContext) -> None:
        try:
            tree = self._store.add(parse_tree(await read_body(context.receive, _MAX_TREE)))
        except BadTree as why:
            raise control_error(str(why)) from None
        if context.request.params.get("render") == "true":
            for work in painting(tree):
                await self._worker.run(work)
        await context.answer(describe(self._store, tree), 201)

    async def _lines(self, tree: Tree) -> AsyncIterator[bytes]:
        files = self._store.downloads(tree)
        while some := list(islice(files, _LINES_AT_ONCE)):
            ready = all(file.entry.blob and file.entry.blob.ready for file in some)
            encode = partial(self._encode, some)
            yield encode() if ready else await self._worker.run(encode)
            await asyncio.sleep(0)  # others are served between two chunks

    def _encode(self, files: list[File]) -> bytes:
        lines = [msgspec.json.encode(self._facts(file)) for file in files]
        return b"\n".join(lines) + b"\n"

    def _facts(self, file: File) -> dict[str, Any]:
        facts = {
            "id": file.id,
            "name": file.entry.name,
            "path": self._store.path(file),
            "mimeType": file.entry.mime_type,
            "size": file.entry.blob.size if file.entry.blob else 0,
            "md5Checksum": file.checksum("md5"),
        }
        key = file.entry.extras.resource_key
        return facts | {"resourceKey": key} if key else facts


def describe(store: TreeStore, tree: Tree) -> dict[str, Any]:
    """A tree's link and numbers; `bytes` of its pictures only once all of them are known."""
    root = store.file(tree, 0)
    facts: dict[str, Any] = {
        "name": tree.name,
        "folderId": root.id,
        "folderUrl": f"https://drive.google.com/drive/folders/{root.id}",
        "pictures": tree.layout.pictures,
        "folders": tree.layout.folders,
    }
    if tree.drive is not None:
        facts["driveId"] = tree.drive.id
    if tree.refs:
        facts["refs"] = tree.refs
    size = tree.layout.picture_bytes()
    return facts if size is None else facts | {"bytes": size}


def painting(tree: Tree) -> Iterator[Callable[[], object]]:
    """One piece of work for each picture that the tree shows and that is not rendered yet."""
    for blob in tree.layout.blobs:
        if not blob.ready:
            yield partial(getattr, blob, "contents")
