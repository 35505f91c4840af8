# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Small requests that ask for much memory: refused or served, but inside the pod's limit."""

from __future__ import annotations

import contextlib
import gzip
import resource
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from hpack import Encoder
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from algorithms import ALGORITHMS, MIXED
from clients import Suggestion
from conftest import MEMORY_LIMIT_MIB
from experiments import categorical, double, experiment, integer, request, trial
from raw_http2 import PREFACE, REFLECTION, Connection, frame_message, grpc_fields
from server_process import CHANNEL_OPTIONS, ServerProcess

StartServer = Callable[..., ServerProcess]
REFUSALS = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT)
RESOURCE_EXHAUSTED = 8
RANDOM = experiment("random", MIXED)


@pytest.fixture
def own(start_server: StartServer) -> Iterator[ServerProcess]:
    """A fresh server, so that the peak is this test's, which must end alive and small."""
    server = start_server()
    yield server
    assert server.alive(), server.log()
    assert server.memory()["VmHWM"] < MEMORY_LIMIT_MIB
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        Suggestion(channel).suggest(RANDOM, 1)


def answer(server: ServerProcess, message: Any, seconds: float = 60) -> grpc.StatusCode:
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        try:
            Suggestion(channel).stub.GetSuggestions(message, timeout=seconds)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize(
    "parameters",
    [
        [integer("n" * 100_000, 0, 9)],
        [categorical("p", "a" * 100_000, "b" * 100_000)],
        [integer(f"p{number}", 0, 9) for number in range(1000)],
    ],
    ids=["long name", "long value", "many parameters"],
)
def test_replies_much_larger_than_their_request(parameters: list[dict], own: ServerProcess) -> None:
    """Ten thousand suggestions of 100 kB are a gigabyte: memory for replies is bounded too."""
    code = answer(own, request(experiment("grid", parameters), 10_000))
    assert code == grpc.StatusCode.OK or code in REFUSALS


def test_large_replies_that_nobody_reads(own: ServerProcess) -> None:
    """2 MB each, on streams without a window: what waits for a slow reader counts as well."""
    body = frame_message(request(RANDOM, 10_000).SerializeToString())
    with Connection(own.address, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as connection:
        connection.read_until(lambda: connection.acknowledged)
        frames = []
        for _ in range(100):
            headers = connection.headers(grpc_fields())
            frames += [headers, DataFrame(headers.stream_id, body, flags=["END_STREAM"])]
        connection.write(*frames)
        deadline, worked = time.monotonic() + 30, -1.0
        while time.monotonic() < deadline and own.cpu_seconds() - worked > 0.02:
            worked = own.cpu_seconds()
            connection.read_until(lambda: False, 0.3)


@pytest.mark.parametrize(
    "text",
    ["[" + "{}," * 3_000_000 + "{}]", "[" + '{"p":1},' * 300_000 + "{}]", "[" * 10_000_000],
    ids=["empty points", "full points", "brackets"],
)
def test_initial_points_without_end(text: str, own: ServerProcess) -> None:
    spec = experiment("random", [integer("p", 0, 9)], settings={"initial_points": text})
    code = answer(own, request(spec, 1))
    assert code == grpc.StatusCode.OK or code in REFUSALS


def test_stalled_messages_do_not_starve_a_good_one(own: ServerProcess) -> None:
    """Ten clients announce 15 MiB, send a little and stop. Their memory is not theirs for long: a
    real request of 5 MiB must get through well within Katib's 60 seconds."""
    stalled = [Connection(own.address) for _ in range(10)]
    for connection in stalled:
        prefix = b"\0" + (15 << 20).to_bytes(4, "big")
        connection.send(connection.open(grpc_fields()), prefix + b"x" * 60_000, end=False)
    good = request(RANDOM, 1, [trial("n" * 100_000, {}, 1) for _ in range(50)])
    code = answer(own, good, seconds=20)
    for connection in stalled:
        connection.socket.close()
    assert code == grpc.StatusCode.OK


@pytest.mark.parametrize("how", ["cancelled", "past their deadline"])
def test_calls_nobody_waits_for_stop_working(how: str, own: ServerProcess) -> None:
    """Forty calls of a second each are given up after 0.3 s: the work ends with the waiting."""
    heavy = request(RANDOM, 10_000)
    with grpc.insecure_channel(own.address, options=CHANNEL_OPTIONS) as channel:
        stub = Suggestion(channel).stub
        seconds = 60 if how == "cancelled" else 0.3
        calls = [stub.GetSuggestions.future(heavy, timeout=seconds) for _ in range(40)]
        time.sleep(0.3)
        for call in calls:
            call.cancel()
        time.sleep(0.2)
        before = own.cpu_seconds()
        time.sleep(0.5)
        assert own.cpu_seconds() - before < 0.1


def field(number: int, value: bytes) -> bytes:
    length, prefix = len(value), b""
    while length > 127:
        prefix, length = prefix + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + prefix + bytes([length]) + value


def test_reflection_requests_that_inflate(own: ServerProcess) -> None:
    """15 KB become 15 MiB, which the answer repeats, and nobody reads the answers: 312 MiB once."""
    message = gzip.compress(field(1, b"a" * (15 << 20)) + field(7, b""), 9)
    with Connection(own.address, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as connection:
        connection.read_until(lambda: connection.acknowledged)
        for _ in range(16):
            stream = connection.open(grpc_fields(REFLECTION, grpc_encoding="gzip"))
            connection.send(stream, frame_message(message, flag=1), end=False)
            assert connection.answer(stream).status == RESOURCE_EXHAUSTED
        assert own.memory()["VmHWM"] < 40


def test_reflection_requests_without_end(own: ServerProcess) -> None:
    """Each dozen bytes are answered with seven kilobytes, and nobody reads: 118 MiB once."""
    asked = frame_message(field(3, b"api.proto"))
    connections = []
    for _ in range(6):
        connection = Connection(own.address)
        connection.read_until(lambda connection=connection: connection.acknowledged)
        parts: list[Any] = []
        for _ in range(100):
            headers = connection.headers(grpc_fields(REFLECTION))
            parts += [headers, DataFrame(headers.stream_id, asked * (16_384 // len(asked)))]
        connection.socket.settimeout(1)
        connection.write(*parts)
        connections.append(connection)
    time.sleep(1)
    assert own.memory()["VmHWM"] < MEMORY_LIMIT_MIB
    for connection in connections:
        connection.socket.close()


@contextlib.contextmanager
def unread_connections(server: ServerProcess, count: int) -> Iterator[None]:
    """Connections of which each has asked for more than its socket takes, and reads nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    asked = frame_message(field(3, b"api.proto"))
    asked *= 16_384 // len(asked)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(count):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.setblocking(False)
            settings = SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: (1 << 31) - 1})
            out = PREFACE + settings.serialize() + WindowUpdateFrame(0, 1 << 30).serialize()
            encoder = Encoder()
            for stream in (1, 3):
                block = encoder.encode(grpc_fields(REFLECTION))
                out += HeadersFrame(stream, block, flags=["END_HEADERS"]).serialize()
                out += DataFrame(stream, asked).serialize() * 2
            with contextlib.suppress(BlockingIOError):
                client.send(out)
        before, now = 0.0, 1.0
        while now != before:
            time.sleep(1)
            before, now = now, server.memory()["VmRSS"]
        yield


def test_output_of_all_connections_that_nobody_reads(own: ServerProcess) -> None:
    """A hundred such clients once took a megabyte each, later 508 of them 92 MiB; and all of it
    stayed when they had gone, beside whatever came then."""
    with unread_connections(own, 508):
        peak = own.memory()["VmRSS"]
    time.sleep(2)
    afterwards = own.memory()["VmRSS"]
    print(f"unread output of 508 connections: {peak:.1f} MiB, afterwards {afterwards:.1f} MiB")
    assert peak < 72
    assert afterwards < 40


def test_validation_while_all_workers_compute(start_server: Callable[..., ServerProcess]) -> None:
    """With the queue full a larger Experiment was answered RESOURCE_EXHAUSTED, and so was valid."""
    own = start_server("--queue-depth", "16")
    slow = next(each for each in ALGORITHMS if each.name == "bayesianoptimization")
    parameters = [double(f"p{number}", 0, 1) for number in range(20)]
    history = [
        trial(f"t{at}", {f"p{each}": str((at * each) % 97 / 97) for each in range(20)}, at)
        for at in range(20)
    ]
    body = frame_message(request(slow.experiment(parameters), 4, history).SerializeToString())
    wrong = experiment("random", [integer(f"p{number}", 9, 0) for number in range(1000)])
    assert wrong.ByteSize() > 16_384
    with Connection(own.address) as connection:
        connection.read_until(lambda: connection.acknowledged)
        streams = []
        for _ in range(100):
            streams.append(connection.open(grpc_fields()))
            connection.send(streams[-1], body)
        connection.settle()
        assert any(connection.exchanges[stream].status == RESOURCE_EXHAUSTED for stream in streams)
        with grpc.insecure_channel(own.address, options=CHANNEL_OPTIONS) as channel:
            assert "p0" in Suggestion(channel).validation_message(wrong)
