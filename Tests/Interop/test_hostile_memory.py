# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Small requests that ask for much memory: refused or served, but inside the pod's limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from hyperframe.frame import DataFrame, SettingsFrame

from algorithms import MIXED
from clients import Suggestion
from conftest import MEMORY_LIMIT_MIB
from experiments import categorical, experiment, integer, request, trial
from raw_http2 import Connection, frame_message, grpc_fields
from server_process import CHANNEL_OPTIONS, ServerProcess

StartServer = Callable[..., ServerProcess]
REFUSALS = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT)
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
