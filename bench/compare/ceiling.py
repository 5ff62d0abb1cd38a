"""`python -m bench.compare.ceiling FILES SIZES`: put so many objects from memory.

The store is that of the environment, as for the services. The sizes are taken in turn. Prints the
seconds that it took, and its CPU seconds meanwhile, as JSON: its start is not the store's.
"""

import asyncio
import json
import os
import sys
import time

import obstore
import uvloop

from services.adapters.store.clients import object_client
from services.adapters.store.credentials import StoreCredentials
from services.adapters.store.objects import HICCUPS
from services.adapters.store.settings import StoreSettings
from services.core.settings import Reader

AT_ONCE = 32


async def put_all(files: int, sizes: list[int]) -> None:
    """As fast as the store takes them: no checksum beside that of the signature."""
    settings = StoreSettings.read(Reader(os.environ))
    store = object_client(settings, StoreCredentials(settings), HICCUPS)
    bodies = {size: os.urandom(size) for size in set(sizes)}
    numbers = iter(range(files))
    began, cpu = time.monotonic(), time.process_time()

    async def put() -> None:
        for number in numbers:
            body = bodies[sizes[number % len(sizes)]]
            await obstore.put_async(store, f"ceiling/{number:07}", body, use_multipart=False)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(put())
    told = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(put_all(int(sys.argv[1]), [int(each) for each in sys.argv[2].split(",")]))
