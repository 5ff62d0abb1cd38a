"""`python -m bench.compare.bytes_alone FOLDER`: a folder's bytes to the store, and no more.

Through the libraries that the transfer uses, with as many files at once, but without events, rows,
limits, retries and a hash of its own: the store compares Drive's MD5. No import can be faster that
moves its bytes in this way. Drive and the store are those of the environment, as for the services.
Prints as `bench.compare.ceiling` does; the time of listing the folder is not counted.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import uvloop

from bench.compare.ceiling import AT_ONCE
from services.adapters.drive.client import MEDIA_HEADERS, media_client
from services.adapters.drive.media import MediaClient
from services.adapters.environment import proxy_for
from services.adapters.process import end
from services.adapters.store.credentials import StoreCredentials
from services.adapters.store.settings import StoreSettings
from services.adapters.store.whole import WholeObjects
from services.core.ports import FOLDER_TYPE
from services.core.settings import Reader

FILES = "https://www.googleapis.com/drive/v3/files"
KEY, SILENCE_S = {"key": "bench"}, 60.0


def listed(folder: str) -> Iterator[dict[str, Any]]:
    """The files in it, and in the folders below."""
    folders = [folder]
    with httpx.Client(params=KEY, timeout=SILENCE_S) as drive:
        while folders:
            asked = {"q": f"'{folders.pop()}' in parents and trashed=false", "pageSize": "1000"}
            while asked:
                page = drive.get(FILES, params=asked).raise_for_status().json()
                for each in page["files"]:
                    if each["mimeType"] == FOLDER_TYPE:
                        folders.append(each["id"])
                    else:
                        yield each
                token = page.get("nextPageToken")
                asked = {**asked, "pageToken": token} if token else {}


async def copy_all(files: list[dict[str, Any]]) -> None:
    settings = StoreSettings.read(Reader(os.environ))
    store = WholeObjects(settings, StoreCredentials(settings))
    drive = MediaClient(partial(media_client, SILENCE_S, AT_ONCE, proxy_for(FILES)))
    waiting = iter(files)
    began, cpu = time.monotonic(), time.process_time()

    async def copy() -> None:
        for file in waiting:
            answer = await drive.get_file(
                f"{FILES}/{file['id']}?alt=media&key=bench", MEDIA_HEADERS
            )
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
            await answer.aclose()
            about = {"content-type": file["mimeType"]}
            md5 = file["md5Checksum"]
            await store.put(file["id"], body, about, sha256="", md5=md5, checksum=False)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(copy())
    told = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(copy_all([*listed(sys.argv[1])]))
        end(0)
