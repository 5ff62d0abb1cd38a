"""The id that Kafka's log is formatted with."""

from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from local.servers.kafka import cluster_id


@given(st.uuids())
@example(UUID(bytes=b"\xf8" + bytes(15)))
def test_a_cluster_id_is_never_taken_for_an_option(number: UUID) -> None:
    text = cluster_id(number)
    assert not text.startswith("-")
    assert len(text) == 22
