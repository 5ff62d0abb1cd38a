"""`/_emu/trees` and `/_emu/health`: what tests and demos ask of the emulator itself.

Nothing below `/_emu` needs a key; its errors are `{"error": a sentence}`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from drive_emulator.control.state import World
from drive_emulator.drive_api.context import Exchange
from drive_emulator.drive_api.routing import Handler, Route
from drive_emulator.http.errors import wrong
from drive_emulator.http.messages import read_body, send_lines
from drive_emulator.tree.explicit_spec import BadTree
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import Forest
from drive_emulator.tree.tree import File, Tree

_LINES_AT_ONCE = 200
_LARGEST_TREE = 64 * 1024 * 1024  # bytes of JSON: a written tree can be long


def routes(world: World) -> list[Route]:
    """Where trees are planted and described, and the log is read."""
    control = _Control(world)

    def route(method: str, path: str, handle: Handler) -> Route:
        return Route(method, f"/_emu/{path}", "emu", handle, open=True)

    return [
        route("GET", "health", control.health),
        route("GET", "trees", control.trees),
        route("POST", "trees", control.add),
        route("GET", "trees/{name}/files", control.files),
    ]


class _Control:
    def __init__(self, world: World) -> None:
        self._forest = world.forest
        self._beside = world.beside

    async def health(self, exchange: Exchange) -> None:
        await exchange.answer({"status": "ok"})

    async def trees(self, exchange: Exchange) -> None:
        trees = [describe(self._forest, tree) for tree in self._forest.trees]
        await exchange.answer({"trees": trees})

    async def files(self, exchange: Exchange) -> None:
        tree = self._forest.tree(exchange.names[0])
        if tree is None:
            raise wrong("there is no such tree", 404)
        await send_lines(exchange.send, self._lines(tree))

    async def add(self, exchange: Exchange) -> None:
        try:
            tree = self._forest.add(parse_tree(await read_body(exchange.receive, _LARGEST_TREE)))
        except BadTree as why:
            raise wrong(str(why)) from None
        if exchange.request.params.get("render") == "true":
            for work in painting(tree):
                await self._beside.run(work)
        await exchange.answer(describe(self._forest, tree), 201)

    async def _lines(self, tree: Tree) -> AsyncIterator[bytes]:
        files = self._forest.downloads(tree)
        while some := list(islice(files, _LINES_AT_ONCE)):
            ready = all(file.entry.stock and file.entry.stock.ready for file in some)
            encode = partial(self._encode, some)
            yield encode() if ready else await self._beside.run(encode)
            await asyncio.sleep(0)  # others are served between two chunks

    def _encode(self, files: list[File]) -> bytes:
        lines = [msgspec.json.encode(self._facts(file)) for file in files]
        return b"\n".join(lines) + b"\n"

    def _facts(self, file: File) -> dict[str, Any]:
        facts = {
            "id": file.id,
            "name": file.entry.name,
            "path": self._forest.path(file),
            "mimeType": file.entry.mime_type,
            "size": file.entry.stock.size if file.entry.stock else 0,
            "md5Checksum": file.checksum("md5"),
        }
        key = file.entry.rare.resource_key
        return facts | {"resourceKey": key} if key else facts


def describe(forest: Forest, tree: Tree) -> dict[str, Any]:
    """A tree's link and numbers; `bytes` of its pictures only once all of them are known."""
    root = forest.file(tree, 0)
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
    for stock in tree.layout.stocks:
        if not stock.ready:
            yield partial(getattr, stock, "contents")
