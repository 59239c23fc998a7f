"""Kafka's default partitioner, so that any client in any language finds an instrument where we put it."""

__all__ = ["murmur2", "partition_for"]


def murmur2(data: bytes) -> int:
    """MurmurHash2 as in Apache Kafka's ``Utils.murmur2``, unsigned 32 bits.

    >>> murmur2(b"21") == -973932308 % 2**32
    True
    """
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_for(key: str, partitions: int) -> int:
    """The partition of ``key`` among ``partitions``: Kafka's ``toPositive(murmur2(key)) % partitions``."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
