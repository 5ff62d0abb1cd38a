"""`/_emu/…`: what tests and demos ask of the emulator itself. It needs no key."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from drive_emulator.asgi import Receive, Request, Send, read_body, send_json, send_lines
from drive_emulator.beside import Beside
from drive_emulator.counters import Counters
from drive_emulator.forest import File, Forest, Tree
from drive_emulator.trees import BadTree, parse_tree

_LINES_AT_ONCE = 200


class Control:
    """Answers under `/_emu/`; errors are `{"error": a sentence}`."""

    def __init__(self, forest: Forest, counters: Counters, beside: Beside) -> None:
        self._forest = forest
        self._counters = counters
        self._beside = beside

    async def answer(self, request: Request, receive: Receive, send: Send) -> None:
        match (request.method, request.path.split("/")[2:]):
            case ("GET", ["health"]):
                await send_json(send, request, {"status": "ok"})
            case ("GET", ["requests"]):
                await send_json(send, request, asdict(self._counters))
            case ("GET", ["trees"]):
                trees = [describe(self._forest, tree) for tree in self._forest.trees]
                await send_json(send, request, {"trees": trees})
            case ("POST", ["trees"]):
                await self._add(request, receive, send)
            case ("GET", ["trees", name, "files"]) if tree := self._forest.tree(name):
                await send_lines(send, self._lines(tree))
            case _:
                await send_json(send, request, {"error": "no such address, or not so"}, 404)

    async def _add(self, request: Request, receive: Receive, send: Send) -> None:
        try:
            tree = self._forest.add(parse_tree(await read_body(receive)))
        except BadTree as why:
            await send_json(send, request, {"error": str(why)}, 400)
            return
        if request.params.get("render") == "true":
            for work in painting(tree):
                await self._beside.run(work)
        await send_json(send, request, describe(self._forest, tree), 201)

    async def _lines(self, tree: Tree) -> AsyncIterator[bytes]:
        files = self._forest.downloads(tree)
        while some := list(islice(files, _LINES_AT_ONCE)):
            ready = all(file.entry.stock and file.entry.stock.ready for file in some)
            encode = partial(self._encode, some)
            yield encode() if ready else await self._beside.run(encode)
            await asyncio.sleep(0)  # others are served between two chunks

    def _encode(self, files: list[File]) -> bytes:
        lines = [
            msgspec.json.encode(
                {
                    "id": file.id,
                    "name": file.entry.name,
                    "path": self._forest.path(file),
                    "mimeType": file.entry.mime_type,
                    "size": file.entry.stock.size if file.entry.stock else 0,
                    "md5Checksum": file.checksum("md5"),
                }
            )
            for file in files
        ]
        return b"\n".join(lines) + b"\n"


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
    size = tree.layout.picture_bytes()
    return facts if size is None else facts | {"bytes": size}


def painting(tree: Tree) -> Iterator[Callable[[], object]]:
    """One piece of work for each picture that the tree shows and that is not rendered yet."""
    for stock in tree.layout.stocks:
        if not stock.ready:
            yield partial(getattr, stock, "contents")
