"""A second consumer of `files.stored`: it prints every picture as it arrives."""

import json
import os

from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        "group.id": "my-second-consumer",
        "auto.offset.reset": "earliest",
    }
)
consumer.subscribe([os.environ.get("KAFKA_TOPIC_PREFIX", "") + "files.stored"])
while True:
    message = consumer.poll(1.0)
    if message is None or message.error() is not None:
        continue
    if dict(message.headers() or ()).get("ce_type") == b"drivestream.FileStored.v1":
        event = json.loads(message.value() or b"")
        print(event["file"]["name"], event["size"], event["object_key"], flush=True)
