"""Three minutes of a market of your own into topics of your own, with confluent-kafka alone.

`candlewick ingest --topics trades=my.trades,books=my.books,derivatives=my.funding,instruments=my.instruments` then
makes them a part of the log. Broker: KAFKA in the environment, else 127.0.0.1:9092.
"""

import json
import math
import os
import time

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

INSTRUMENT = "myvenue:BTC/USDT:USDT"
SECOND = 1_000_000_000

settings: dict[str, str | int | float | bool] = {"bootstrap.servers": os.environ.get("KAFKA", "127.0.0.1:9092")}
admin = AdminClient(settings)
topics = [NewTopic(name, 3) for name in ("my.trades", "my.books", "my.funding", "my.instruments")]
for made in admin.create_topics(topics).values():
    try:
        made.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise

producer = Producer({**settings, "enable.idempotence": True})


def send(topic: str, ts_event: int, **fields: object) -> None:
    """One message; its key keeps an instrument's messages in their order, its time stamp says when you received it."""
    received = ts_event + SECOND // 100
    value = json.dumps({"instrument_id": INSTRUMENT, "ts_event": ts_event, **fields})
    producer.produce(topic, value, INSTRUMENT, timestamp=received // 1_000_000)


begin = time.time_ns() - 180 * SECOND
send("my.instruments", begin, kind="perpetual", base="BTC", quote="USDT", settle="USDT", tick_size=0.1, lot_size=0.001)
for second in range(180):
    now = begin + second * SECOND
    price = round(61_000 + 40 * math.sin(second / 20), 1)
    send("my.trades", now, price=price, size=0.25, aggressor_side="buy", trade_id=str(begin + second))
    send(
        "my.books", now, type="book_snapshot", sequence=second + 1, depth=2,
        bid_prices=[price - 0.1, price - 0.2], bid_sizes=[1.5, 4], ask_prices=[price, price + 0.1], ask_sizes=[2, 3],
    )  # fmt: skip
    if second % 60 == 0:
        send("my.funding", now, type="funding_rate", rate=0.0001)
producer.flush()
