"""What a service has traced: its ports, wrapped where they are put together."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol, TypeVar

from services.adapters.tracing.settings import TracingSettings
from services.core.events import Message
from services.core.ports import HandlesMessages, KeepsObjects, ReadsFolders, ServesFiles
from services.core.wire import Record

Moves = Mapping[tuple[str, int], tuple[int, int]]
"""From where to where a batch moves the offset of each topic and partition."""


class PublishesRecords(Protocol):
    async def publish(self, events: Sequence[Message | Record]) -> None: ...


class ReadRecord(Protocol):
    """A record of the log."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, bytes]: ...


R_co = TypeVar("R_co", bound=ReadRecord, covariant=True)
App = TypeVar("App")


class ReadsRecords(Protocol[R_co]):
    """`kafka.reader.ReadsLog`."""

    def partitions(self, topic: str) -> Sequence[int]: ...
    def ends(self, topic: str, partition: int) -> tuple[int, int]: ...
    def start(self, topic: str, partition: int, since: Any) -> int: ...
    def seek(self, positions: Mapping[tuple[str, int], int]) -> None: ...
    def read(self, at_most: int, timeout: float) -> Sequence[R_co]: ...
    def close(self) -> None: ...


class Answered(Protocol):
    """`webhooks.client.Answer`."""

    @property
    def status(self) -> int | None: ...
    @property
    def why(self) -> str: ...
    @property
    def delivered(self) -> bool: ...


A_co = TypeVar("A_co", bound=Answered, covariant=True)


class SendsWebhooks(Protocol[A_co]):
    """`webhooks.client.WebhookClient`."""

    async def send(self, id: str, body: str) -> A_co: ...


class Tracing:
    """Off: each port is handed back as it is."""

    metrics: Sequence[Any] = ()
    """Collectors, for Prometheus."""

    def requests(self, app: App) -> App:
        """An ASGI application. What a POST asks for begins a trace, or continues its caller's."""
        return app

    def publisher(self, inner: PublishesRecords) -> PublishesRecords:
        """Events then carry the trace on, and each file found begins one of its own."""
        return inner

    def handler(self, inner: HandlesMessages) -> HandlesMessages:
        return inner

    def files(self, drive: ServesFiles) -> ServesFiles:
        return drive

    def folders(self, drive: ReadsFolders) -> ReadsFolders:
        return drive

    def store(self, store: KeepsObjects) -> KeepsObjects:
        return store

    def receiver(self, client: SendsWebhooks[A_co], endpoint: str) -> SendsWebhooks[A_co]:
        """`endpoint` is its name, not its address, which is a secret."""
        del endpoint
        return client

    def reader(self, inner: ReadsRecords[R_co]) -> ReadsRecords[R_co]:
        """Whose records are then saved in batches."""
        return inner

    def saving(self, moves: Moves) -> AbstractContextManager[None]:
        """The block writes the rows of the records that were read between these offsets."""
        del moves
        return nullcontext()

    def close(self) -> None:
        """Send what is left, for a few seconds at most. It blocks."""


@asynccontextmanager
async def open_tracing(settings: TracingSettings, service: str) -> AsyncIterator[Tracing]:
    """For the time of the block. Without an endpoint nothing is traced."""
    tracing = Tracing() if not settings.endpoint else _exported(settings, service)
    try:
        yield tracing
    finally:
        await asyncio.to_thread(tracing.close)


def _exported(settings: TracingSettings, service: str) -> Tracing:
    # Importing it takes a fifth of a second, and some megabytes.
    module = importlib.import_module("services.adapters.tracing.exported")
    tracing: Tracing = module.open_exported(settings, service)
    return tracing
