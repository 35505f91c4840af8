# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""What the flags promise about many requests and large ones."""

from __future__ import annotations

import contextlib
import gzip
import resource
import time
from collections import Counter
from collections.abc import Callable

import grpc
import pytest
from hyperframe.frame import DataFrame, Frame

from algorithms import MIXED
from experiments import experiment, integer, request, trial
from raw_http2 import HEALTH, Connection, frame_message, grpc_fields
from server_process import CHANNEL_OPTIONS, ServerProcess

StartServer = Callable[..., ServerProcess]
METHOD = "/api.v1.beta1.Suggestion/GetSuggestions"
MOST_MESSAGE_BYTES = 64 << 20


def test_a_client_is_not_refused_for_its_own_burst(start_server: StartServer) -> None:
    """As many calls as SETTINGS allow, in one write: the queue once held 64, so that half of them
    were RESOURCE_EXHAUSTED."""
    history = [trial(f"t{n}", {"momentum": "0.5"}, 0.1 * n) for n in range(100)]
    message = frame_message(request(experiment("tpe", MIXED), 1, history).SerializeToString())
    assert len(message) < 16384
    with Connection(start_server().address) as connection:
        connection.read_until(lambda: connection.acknowledged)
        frames: list[Frame] = []
        for _ in range(connection.settings[3]):
            frames.append(connection.headers(grpc_fields()))
            frames.append(DataFrame(frames[-1].stream_id, message, flags=["END_STREAM"]))
        connection.write(*frames)
        exchanges = [connection.answer(frame.stream_id, 60) for frame in frames[::2]]
    assert len(exchanges) == 128
    assert Counter(exchange.status for exchange in exchanges) == {0: 128}


def test_waiting_for_descriptors_takes_no_processor(start_server: StartServer) -> None:
    """With the last descriptor taken and somebody at the door, the server tried again at once, for
    ever: a whole core, and the connections it had waited for their answers."""
    server = start_server()
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (32, 32))
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(Connection(server.address)) for _ in range(40)]
        before = server.cpu_seconds()
        time.sleep(1)
        taken = server.cpu_seconds() - before
        first = connections[0]
        assert first.call(grpc_fields(HEALTH), frame_message(b"")).status == 0
    assert taken < 0.5, f"{taken:.2f} s of processor time in a second of waiting"
    with Connection(server.address) as last:
        assert last.call(grpc_fields(HEALTH), frame_message(b"")).status == 0


@pytest.fixture(scope="module")
def largest() -> bytes:
    """A request of almost 64 MiB, most of it the names of its trials."""
    trials = [trial(f"{number:02}".ljust(1 << 20, "x"), {}, 1.0) for number in range(63)]
    trials.append(trial("63".ljust(1_000_000, "x"), {}, 1.0))
    message = request(experiment("random", [integer("p", 0, 9)]), 1, trials).SerializeToString()
    assert 0.998 * MOST_MESSAGE_BYTES < len(message) <= MOST_MESSAGE_BYTES
    return bytes(message)


# The flag went to 64 MiB, the memory for messages stayed at 32: nothing larger could pass.


def test_the_largest_message_that_can_be_allowed(largest: bytes, start_server: StartServer) -> None:
    server = start_server("--max-message-bytes", str(MOST_MESSAGE_BYTES))
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        channel.unary_unary(METHOD)(largest, timeout=60)
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(METHOD)(bytes(MOST_MESSAGE_BYTES + 1), timeout=60)
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    print(f"peak {server.memory()['VmHWM']:.0f} MiB")
    assert server.memory()["VmHWM"] < 3 * 64 + 24


def test_the_largest_message_compressed(largest: bytes, start_server: StartServer) -> None:
    server = start_server("--max-message-bytes", str(MOST_MESSAGE_BYTES))
    message = frame_message(gzip.compress(largest, 9), 1)
    with Connection(server.address) as connection:
        stream = connection.open(grpc_fields(grpc_encoding="gzip"))
        connection.send(stream, message[:50_000], end=False)
        # The window for the rest comes with the memory.
        connection.settle()
        connection.send(stream, message[50_000:])
        exchange = connection.answer(stream, 60)
    assert exchange.status == 0, exchange.message
    print(f"peak {server.memory()['VmHWM']:.0f} MiB")
    assert server.memory()["VmHWM"] < 3 * 64 + 24
