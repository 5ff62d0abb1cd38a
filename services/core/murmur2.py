"""Kafka's own hash of a key, by which producers choose its partition."""

SEED, MULTIPLIER, MASK = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """As `org.apache.kafka.common.utils.Utils.murmur2`, without a sign."""
    h = (SEED ^ len(key)) & MASK
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * MULTIPLIER & MASK
        k = (k ^ k >> 24) * MULTIPLIER & MASK
        h = h * MULTIPLIER & MASK ^ k
    rest = key[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * MULTIPLIER & MASK
    h = (h ^ h >> 13) * MULTIPLIER & MASK
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a topic with this many that a key lies in."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
