"""An execution desk's consumer: nothing of Candlewick's, only confluent-kafka. Ends after five quiet seconds."""

import json
import os

from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("KAFKA", "127.0.0.1:9092"),
        "group.id": "execution",
        "isolation.level": "read_committed",  # a signal of an unfinished transaction is never seen
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe(["signals.published"])
while (message := consumer.poll(5.0)) is not None:
    if message.error():
        raise SystemExit(str(message.error()))
    signal = json.loads(message.value())
    print(signal["id"], signal["direction"], signal["instrument_id"], signal["timeframe"], signal["confidence"])
    consumer.commit(message)  # only now: what was not acted on comes again
consumer.close()
