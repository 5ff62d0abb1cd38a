"""librdkafka's own mock of a cluster, which can be told to answer with an error.

It is part of the library that confluent-kafka brings along, but not of its Python interface.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import confluent_kafka

OFFSET_FETCH = 9
NOT_COORDINATOR = 16
ERROR_BYTES = 512


class MockKafka:
    """One broker in this process, until it ends."""

    def __init__(self) -> None:
        folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
        [path] = folder.glob("librdkafka*.so*")
        library = ctypes.CDLL(str(path))
        library.rd_kafka_new.restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        owner = library.rd_kafka_new(0, None, ctypes.create_string_buffer(ERROR_BYTES), ERROR_BYTES)
        self._library = library
        self._cluster = ctypes.c_void_p(
            library.rd_kafka_mock_cluster_new(ctypes.c_void_p(owner), 1)
        )
        self.servers: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create(self, topic: str, partitions: int) -> None:
        self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)

    def answer(self, request: int, errors: Sequence[int]) -> None:
        """The next answers to this kind of request, by Kafka's numbers."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), codes
        )
