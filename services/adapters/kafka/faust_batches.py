"""Faust's way to the broker, in batches: what one fetch brings of a partition is one message.

Faust makes tasks, futures and sensors' states for each message, which together take three times as
long as counting it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from faust.transport.drivers import aiokafka
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP, ConsumerMessage

PARTITION_BYTES = 64 * 1024
MOST_BATCHES = 16
"""How many wait for the agent before Faust fetches no more. Its default is 4,096 messages, which as
batches held most of a backlog: 700 MB beside a million files found at once."""
FETCH_BYTES, FETCH_WAIT_MS = 256 * 1024, 1_000


class Batch(ConsumerMessage):
    """Records of one partition, in order. Its offset is that of the last one."""

    __slots__ = ("records",)
    records: Sequence[Any]


class _UnhurriedThread(AIOKafkaConsumerThread):
    """Waits for a batch: answers of a record or two, each of all partitions, would cost a quarter
    of a processor at thirty files a second. Faust has no setting for it."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_min_bytes = FETCH_BYTES
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing is read of a changelog any more once the tables are recovered. Faust calls that a
        stream that does not begin, every seven seconds, until something is written there."""
        if not self.consumer._is_changelog_tp(tp):
            super().verify_event_path(now, tp)

    async def on_thread_stop(self) -> None:
        """aiokafka cancels a fetch that waits to try a lost broker again, and does not expect it to
        end so. Then the thread would fail, and the process would wait for its limit."""
        with suppress(asyncio.CancelledError):
            await super().on_thread_stop()


class _BatchConsumer(aiokafka.Consumer):
    """Of changelogs it gives single records, as Faust's recovery expects them.

    It commits what comes after the newest batch that is done. That leaves nothing out as long as
    one agent takes the batches one after another: then all before it are done, too.
    """

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _UnhurriedThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        found: Mapping[TP, list[Any]] = await super()._getmany(active_partitions, timeout)
        return {
            tp: records if self._is_changelog_tp(tp) else [records]
            for tp, records in found.items()
            if records
        }

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, list):
            return super()._to_message(tp, record)
        last = record[-1]
        generation = self.app.consumer_generation_id
        batch = Batch(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            headers=None,
            key=None,
            value=None,
            checksum=None,
            tp=tp,
            generation_id=generation,
        )
        batch.records = record
        return batch

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Between the last offsets of two batches there is always one."""

    def _new_offset(self, tp: TP) -> int | None:
        done = self._acked[tp]
        if not done:
            return None
        newest = max(done) + 1
        done.clear()
        self._acked_index[tp].clear()
        return newest


class BatchTransport(aiokafka.Transport):
    Consumer = _BatchConsumer
