"""The reader of what is out of turn, as far as it asks no broker."""

from services.adapters.kafka.ahead import IDLE, READING, AheadReader
from services.adapters.kafka.deliveries import Assignment, Delivery
from services.adapters.kafka.reader import Raw
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.lookahead import Lookahead
from services.core.flow.offsets import History, Offsets
from services.core.settings import Reader


def test_what_could_not_be_committed_is_looked_at_again_but_not_at_once() -> None:
    """A rebalance refuses commits for seconds: 200 were tried in each of them, and logged."""
    reader = AheadReader(
        KafkaSettings.read(Reader({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})), "g", "topic"
    )
    try:
        offsets = Offsets.resumed(5, None)
        assignment = Assignment(offsets, lookahead=Lookahead(offsets, 5))
        offsets.begin(5)
        assert offsets.begin_ahead(9) is History.NEW
        record = Raw(topic="topic", partition=0, offset=9, key=None, value=None, headers={})
        reader.pause = READING
        reader.withdraw([Delivery(record, assignment, ahead=True)])
        assert reader.pause == IDLE
        assert assignment.lookahead is None
        assert offsets.begin_ahead(9) is History.NEW
    finally:
        reader.close()
