"""A Faust app: reads topics as raw bytes, one record after another, and keeps one table.

The only place that knows Faust, whose types say little. One process of a group reads everything,
and the others nothing, so that one table has all of the counts.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import faust
import structlog
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor

from services.adapters.kafka.faust_batches import MOST_BATCHES, PARTITION_BYTES, BatchTransport
from services.adapters.kafka.reader import Raw
from services.adapters.kafka.security import KafkaSecurity
from services.adapters.kafka.settings import KafkaSettings
from services.core.errors import Stop

SESSION_SECONDS = 10.0
"""After so long without a heartbeat the broker gives the partitions to another process."""
START_SECONDS, STOP_SECONDS = 30.0, 10.0
QUIET_SECONDS, MOST_SAID = 60.0, 1_000
RAW: Any = {
    "key_type": bytes,
    "value_type": bytes,
    "key_serializer": "raw",
    "value_serializer": "raw",
}
"""With the types alone, Faust would read values as JSON."""
log = structlog.get_logger("faust")


class AppEndedError(Exception):
    """The app cannot go on, or is no longer the one that reads: start another one."""


class OneReads(PartitionAssignor):
    """All partitions for one member: for the one that has them, if there is one."""

    def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
        has = {
            member: bool(self._get_client_metadata(metadata).assignment.actives)
            for member, metadata in member_metadata.items()
        }
        reads = min(has, key=lambda member: (not has[member], member))
        urls = {m: self._get_client_metadata(data).url for m, data in member_metadata.items()}
        whole = super()._perform_assignment(cluster, {reads: member_metadata[reads]})
        self._member_urls = urls
        idle = {m: ClientAssignment(actives={}, standbys={}) for m in urls if m != reads}
        return {**whole, **self._protocol_assignments(idle, {}, {}, {})}


class OneTable(faust.Table[bytes, bytes]):
    """A table whose changelog has one partition. It may be changed by whoever runs beside Faust's
    streams, where Faust would ask in vain which partition a key belongs to."""

    def partition_for_key(self, _key: object) -> int:
        return 0


class _NoEnvironment(faust.Settings):
    """Faust would let any WEB_PORT or BROKER_URL in the environment override what we say."""

    def getenv(self, env_name: str) -> None:
        return None


class _App(faust.App):
    Settings = _NoEnvironment


class _ToStructlog(logging.Handler):
    """What Faust and aiokafka warn of, in our log; what they repeat, only now and then."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        why, now = record.getMessage()[:500], time.monotonic()
        if now - self._said.get(why, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        if len(self._said) >= MOST_SAID:
            self._said.clear()
        self._said[why] = now
        log.warning("faust.trouble", source=record.name, why=why)


@dataclass(eq=False)
class FaustApp:
    """One stay in the group. `restored` is given the table's values before `record` is given the
    first record; an error in either ends the app."""

    settings: KafkaSettings
    group: str
    topics: Sequence[str]
    changelog: str
    restored: Callable[[Iterable[bytes]], None]
    record: Callable[[Raw], None]
    _assigned: list[bool] = field(default_factory=list)
    _failure: BaseException | None = None
    _is_restored: bool = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read while the block runs. Raises `AppEndedError` if it does not begin in time, and
        `Stop` without a directory for temporary files, which Faust does not start without."""
        _quiet_logs()
        with _temporary() as folder:
            self._app = self._made(folder)
            starting = asyncio.ensure_future(self._app.start())
            try:
                async with asyncio.timeout(START_SECONDS):
                    await starting
                yield
            except TimeoutError as why:
                raise AppEndedError("Faust did not start in time") from why
            finally:
                starting.cancel()
                with suppress(TimeoutError):
                    async with asyncio.timeout(STOP_SECONDS):
                        await self._app.stop()

    @property
    def reads(self) -> bool:
        """Whether this process is the one that reads."""
        return self._is_restored and self._assigned[-1:] == [True]

    def check(self) -> None:
        """Raise `AppEndedError` if the app has failed, or if another process took over, or this
        one took over from another: its table may be older than what that one has committed."""
        if self._failure is not None:
            raise AppEndedError(f"a record could not be counted: {self._failure!r}")
        if self._app.crashed:
            raise AppEndedError(f"Faust has crashed: {self._app.crash_reason!r}")
        if len(set(self._assigned)) > 1:
            raise AppEndedError("another process reads, or has read until now")

    def put(self, key: str, value: bytes) -> None:
        self._table[key.encode()] = value

    def remove(self, key: str) -> None:
        self._table.pop(key.encode(), None)

    def _made(self, folder: str) -> Any:
        prefixed = self.settings.prefixed
        servers = self.settings.bootstrap_servers.split(",")
        app = _App(
            prefixed(self.group),
            broker=";".join(f"kafka://{server.strip()}" for server in servers),
            broker_credentials=_credentials(self.settings.security),
            PartitionAssignor=OneReads,
            Table=OneTable,
            datadir=folder,
            store="memory://",
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=SESSION_SECONDS / 4,
            broker_request_timeout=2 * SESSION_SECONDS,
            consumer_max_fetch_size=PARTITION_BYTES,
            # Faust seeks to one before the first record of a changelog: from there to the end of
            # it, with `latest`, and then waits for ever.
            consumer_auto_offset_reset="earliest",
            stream_buffer_maxsize=MOST_BATCHES,
            stream_recovery_delay=0.0,
            stream_wait_empty=False,
            loghandlers=[],
        )
        app.transport = BatchTransport(app.conf.broker_consumer, app)
        self._add_streams(app)
        app.on_partitions_assigned.connect(self._on_assigned)
        return app

    def _add_streams(self, app: Any) -> None:
        """The table, and what is read into it."""
        prefixed = self.settings.prefixed
        self._table = app.Table(
            self.changelog,
            key_type=bytes,
            value_type=bytes,
            partitions=1,
            changelog_topic=app.topic(prefixed(self.changelog), **RAW),
            on_recover=self._restore,
        )
        names = [prefixed(topic) for topic in self.topics]
        # Keys and values are empty: what a batch holds is not for Faust to read.
        source = app.topic(*names, allow_empty=True, **RAW)
        app.agent(source, name="records", concurrency=1)(self._read)

    async def _on_assigned(self, *args: Any, **_: Any) -> None:
        _app, assigned = args
        self._assigned.append(bool(assigned))

    async def _restore(self) -> None:
        if not self._is_restored:
            self._guarded(self.restored, list(self._table.values()))
            self._is_restored = True

    async def _read(self, stream: Any) -> None:
        async for batch in stream.events():
            own = self.settings.own(batch.message.topic)
            for record in batch.message.records:
                raw = Raw(
                    topic=own,
                    partition=record.partition,
                    offset=record.offset,
                    key=record.key,
                    value=record.value,
                    headers={},
                    at_ms=record.timestamp,
                )
                self._guarded(self.record, raw)

    def _guarded(self, act: Callable[[Any], None], argument: object) -> None:
        """Faust would log the error, restart the agent and pass the record over."""
        if self._failure is None:
            try:
                act(argument)
            except Exception as why:
                log.exception("faust.failed")
                self._failure = why


def _credentials(security: KafkaSecurity) -> Any:
    if security.logs_in:
        return faust.SASLCredentials(
            username=security.username,
            password=security.password.reveal(),
            mechanism=security.mechanism,
            ssl_context=security.tls(),
        )
    return faust.SSLCredentials(security.tls()) if security.encrypts else None


def _temporary() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="faust-")
    except OSError as why:
        message = (
            f"No temporary directory can be made ({why.strerror or why}). Mount a writable /tmp, "
            "or set TMPDIR to a writable directory."
        )
        raise Stop("no_temporary_directory", message) from why


def _quiet_logs() -> None:
    handler = _ToStructlog()
    for name in ("faust", "mode", "aiokafka"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
