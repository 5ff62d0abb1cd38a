"""Kafka, on confluent-kafka's synchronous handles: one thread owns each (see `kafka.md` §0)."""
