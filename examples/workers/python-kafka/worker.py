"""A worker in Python: runs the tasks of the type `charge`, with a Kafka client and nothing else.

It follows docs/reference/worker-protocol.md; the numbers in comments are those of its rules.
"""

import json
import os
import signal
import sys
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Consumer, Producer, TopicPartition

PREFIX = os.environ.get("FLOWMILL_TOPIC_PREFIX", "flowmill.")

# The queue of a task is its type, unless the flow names another.
QUEUE = "charge"

# How many tasks run here at the same time.
AT_ONCE = 8

# A task that has run for so long holds back no position: its time-out guards it (2).
TOPIC_GUARDS_TASK = 30.0

# Results of the last tasks, to answer one that comes again (5).
REMEMBERED = 10_000


class Declined(Exception):
    """The card will not be charged, however often it is tried."""


def charge(order, idempotency_key):
    """What this worker is for. The key is the same in all attempts of a task: send it along."""
    if order["amount"] > 1000:
        raise Declined(f"{order['amount']} is more than the card's limit")
    return {"charged": order["amount"], "reference": idempotency_key[:8]}


def attempt(attributes, value):
    """Runs one attempt; gives the kind of its result, the headers that go with it, and the value."""
    if attributes["ce_tasktype"] != QUEUE:
        problem = {"detail": f"no handler for {attributes['ce_tasktype']}"}
        return "failed", {"ce_retryable": "true"}, problem
    try:
        return "completed", {}, charge(json.loads(value), attributes["ce_idempotencykey"])
    except Declined as declined:
        problem = {"type": "https://example.com/declined", "status": 402, "title": "Declined",
                   "detail": str(declined)}
        return "failed", {"ce_retryable": "false"}, problem
    except Exception as error:
        return "failed", {"ce_retryable": "true"}, {"detail": f"{type(error).__name__}: {error}"}


def result(attributes, value):
    """The headers and the value of a task's result."""
    kind, more, output = attempt(attributes, value)
    media = "application/json" if kind == "completed" else "application/problem+json"
    headers = {
        "ce_specversion": "1.0",
        "ce_type": f"io.flowmill.result.{kind}.v1",
        "ce_source": "/workers/python-kafka",
        "ce_id": attributes["ce_id"],
        "content-type": media,
        "ce_taskid": attributes["ce_taskid"],
        "ce_token": attributes["ce_token"],
        **more,
    }
    if "traceparent" in attributes:
        headers["traceparent"] = attributes["traceparent"]
    return list(headers.items()), json.dumps(output).encode()


class Worker:
    def __init__(self, servers):
        self.consumer = Consumer({
            "bootstrap.servers": servers,
            "group.id": f"{PREFIX}workers.{QUEUE}",  # (1)
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "partition.assignment.strategy": "cooperative-sticky",
            "isolation.level": "read_uncommitted",
        })
        # Outside transactions, with the word of all replicas (3).
        self.producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True})
        self.pool = ThreadPoolExecutor(AT_ONCE)
        self.running = {}  # (partition, offset) -> (when it began, its future)
        self.positions = {}  # partition -> the offset after the last record that was taken
        self.committed = {}  # partition -> what the group was told
        self.answers = OrderedDict()  # ce_id -> result
        self.stopping = False

    def run(self):
        """Works until it is asked to end."""
        topic = f"{PREFIX}tasks.{QUEUE}"
        self.consumer.subscribe([topic], on_revoke=self.revoked)
        while not self.stopping:
            # What waits for a free place is not taken (2).
            full = len(self.running) >= AT_ONCE
            (self.consumer.pause if full else self.consumer.resume)(self.consumer.assignment())
            message = self.consumer.poll(0.05)
            if message is not None and message.error() is None:
                self.take(message)
            self.producer.poll(0)
            self.commit(topic, self.done)
        self.pool.shutdown()
        self.producer.flush()
        self.commit(topic, self.taken)
        self.consumer.close()

    def take(self, message):
        attributes = {name: text.decode() for name, text in message.headers() or []}
        kind = attributes.get("ce_type", "")
        if kind.startswith("io.flowmill.task.v") and kind != "io.flowmill.task.v1":
            raise SystemExit(f"a task of a newer version, {kind}: run a newer worker")  # (9)
        place = (message.partition(), message.offset())
        self.positions[place[0]] = place[1] + 1
        if kind == "io.flowmill.task.v1":
            began, value = time.monotonic(), message.value()
            self.running[place] = (began, self.pool.submit(self.answer, attributes, value))

    def answer(self, attributes, value):
        """Runs a task, unless it was run before, and writes its result."""
        known = self.answers.get(attributes["ce_id"])
        headers, output = known if known else result(attributes, value)
        self.answers[attributes["ce_id"]] = (headers, output)
        while len(self.answers) > REMEMBERED:
            self.answers.popitem(last=False)
        written = []
        while not written or written[0] is not None:  # (4)
            written.clear()
            self.producer.produce(
                f"{PREFIX}results",
                partition=int(attributes["ce_shard"]),  # (3): by number, never by a hash
                headers=headers,
                value=output,
                on_delivery=lambda error, _: written.append(error),
            )
            while not written:
                self.producer.poll(0.05)

    def done(self, partition):
        """The position below which everything is done (2)."""
        now = time.monotonic()
        for place, (began, future) in list(self.running.items()):
            if future.done():
                del self.running[place]
        open_ones = [offset for (of, offset), (began, _) in self.running.items()
                     if of == partition and now - began < TOPIC_GUARDS_TASK]
        return min(open_ones, default=self.positions[partition])

    def taken(self, partition):
        """The position below which everything was taken: this worker lives, and ends it."""
        return self.positions[partition]

    def commit(self, topic, position):
        for partition in list(self.positions):
            next_one = position(partition)
            if next_one > self.committed.get(partition, 0):
                self.committed[partition] = next_one
                offsets = [TopicPartition(topic, partition, next_one)]
                self.consumer.commit(offsets=offsets, asynchronous=True)

    def revoked(self, consumer, partitions):
        for partition in partitions:
            if partition.partition in self.positions:
                partition.offset = self.positions.pop(partition.partition)
                self.committed.pop(partition.partition, None)
                consumer.commit(offsets=[partition], asynchronous=False)


def main():
    worker = Worker(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9092")

    def stop(*_):
        worker.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run()


if __name__ == "__main__":
    main()
