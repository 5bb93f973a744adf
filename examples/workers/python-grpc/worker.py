"""A worker in Python: runs the tasks of the type `charge`, over the worker gateway.

It needs gRPC and the messages of the protocol, and no Kafka client; see README.md beside it.
What a worker may and must do is in docs/reference/worker-protocol.md.
"""

import json
import os
import queue
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from flowmill.v1 import worker_pb2 as messages
from flowmill.v1 import worker_pb2_grpc as services

# The queue of a task is its type, unless the flow names another.
QUEUE = "charge"

# How many tasks run here at the same time. The gateway sends no more than that.
AT_ONCE = 8


class Declined(Exception):
    """The card will not be charged, however often it is tried."""


def charge(order, idempotency_key):
    """What this worker is for. The key is the same in all attempts of a task: send it along."""
    if order["amount"] > 1000:
        raise Declined(f"{order['amount']} is more than the card's limit")
    return {"charged": order["amount"], "reference": idempotency_key[:8]}


def run(task):
    """Runs one task; gives what the gateway is told of it."""
    try:
        output = charge(json.loads(task.input), task.idempotency_key)
    except Declined as declined:
        problem = messages.TaskProblem(
            type="https://example.com/declined", status=402, title="Declined", detail=str(declined)
        )
        return messages.WorkRequest(
            throw=messages.ThrowRequest(token=task.token, problem=problem)
        )
    except Exception as error:
        problem = messages.TaskProblem(detail=f"{type(error).__name__}: {error}")
        return messages.WorkRequest(fail=messages.FailRequest(token=task.token, problem=problem))
    output = json.dumps(output).encode()
    return messages.WorkRequest(
        complete=messages.CompleteRequest(token=task.token, output=output)
    )


def requests(outbox):
    """What goes to the gateway: first the wish for tasks, then whatever there is to say."""
    subscribe = messages.Subscribe(queue=QUEUE, credits=AT_ONCE, worker=f"python-{os.getpid()}")
    yield messages.WorkRequest(subscribe=subscribe)
    while True:
        yield outbox.get()


def work(channel, pool):
    """Works until the stream ends."""
    outbox = queue.SimpleQueue()

    def run_and_ask_for_another(task):
        outbox.put(run(task))
        # An answer gives no credit by itself: this worker takes one task more.
        outbox.put(messages.WorkRequest(credits=messages.Credits(queue=QUEUE, credits=1)))

    token = os.environ.get("FLOWMILL_API_TOKEN")
    metadata = [("authorization", f"Bearer {token}")] if token else None
    for response in services.WorkerServiceStub(channel).Work(requests(outbox), metadata=metadata):
        kind = response.WhichOneof("response")
        if kind == "task":
            pool.submit(run_and_ask_for_another, response.task)
        elif kind == "refused":
            # The task's time was up, or somebody else has answered. There is nothing to do.
            print(f"refused: {response.refused.code}: {response.refused.detail}", flush=True)


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7400"
    options = [("grpc.keepalive_time_ms", 20_000), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options) as channel, ThreadPoolExecutor(AT_ONCE) as pool:
        while True:
            try:
                work(channel, pool)
            except grpc.RpcError as error:
                print(f"{error.code().name}: {error.details()}; again in a second", flush=True)
            time.sleep(1)


if __name__ == "__main__":
    main()
