# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The reference client, grpcio, with everything it can switch on."""

from __future__ import annotations

import time
from concurrent import futures
from typing import Any

import grpc
import pytest

from algorithms import BY_NAME, MIXED
from clients import Suggestion
from experiments import categorical, experiment, points_of, request, trial
from server_process import CHANNEL_OPTIONS, ServerProcess
from stubs import pb

CODES = grpc.StatusCode
SPEC = experiment("random", MIXED, settings={"random_state": "1"})
MIB = 1 << 20


def padded(size: int) -> Any:
    """A request of at least `size` bytes: its trials have long names."""
    trials = [trial("n" * 100_000 + str(each), {}, 1) for each in range(size // 100_000 + 1)]
    return request(SPEC, 3, trials)


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate], ids=str)
def test_compression(compression: grpc.Compression, suggestion: Suggestion) -> None:
    trials = [trial(f"t{each}", {"rate": "0.5"}, each) for each in range(300)]
    message = request(SPEC, 400, trials)
    assert suggestion.ask(message, compression=compression) == suggestion.ask(message)


def test_metadata(suggestion: Suggestion) -> None:
    metadata = (
        ("x-text", "plain"),
        ("x-empty", ""),
        ("x-trace-bin", bytes(range(256))),
        ("x-trace-bin", b""),
        ("grpc-trace-bin", b"\0\1"),
    )
    reply, call = suggestion.stub.GetSuggestions.with_call(
        request(SPEC, 2), metadata=metadata, timeout=60
    )
    assert len(reply.parameter_assignments) == 2
    assert call.code() == CODES.OK


def test_tiny_deadlines(suggestion: Suggestion) -> None:
    """Shorter than sending 2 MiB takes; within a millisecond a fast machine may be done."""
    message = padded(2 * MIB)
    for timeout in (1e-6, 1e-4):
        with pytest.raises(grpc.RpcError) as caught:
            suggestion.stub.GetSuggestions(message, timeout=timeout)
        assert caught.value.code() == CODES.DEADLINE_EXCEEDED


def test_cancelled_calls(suggestion: Suggestion) -> None:
    message = request(SPEC, 5000)
    calls = [suggestion.stub.GetSuggestions.future(message, timeout=60) for _ in range(50)]
    for number, call in enumerate(calls):
        if number % 5:
            call.cancel()
    for number, call in enumerate(calls):
        if number % 5 == 0:
            assert len(call.result().parameter_assignments) == 5000
        else:
            assert call.code() in (CODES.CANCELLED, CODES.OK)


@pytest.mark.parametrize("size", [4 * MIB + 1, 8 * MIB, 15 * MIB])
def test_messages_over_four_mebibytes(size: int, suggestion: Suggestion) -> None:
    """Katib's own services stop at 4 MiB, and with them experiments of many trials."""
    assert len(suggestion.ask(padded(size)).parameter_assignments) == 3


def test_messages_over_the_limit(suggestion: Suggestion) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        suggestion.ask(padded(17 * MIB))
    assert caught.value.code() == CODES.RESOURCE_EXHAUSTED


def test_large_replies(suggestion: Suggestion) -> None:
    spec = experiment("random", [categorical("p", "v" * 300)])
    assert len(points_of(suggestion.suggest(spec, 10_000))) == 10_000


def test_unimplemented_methods(suggestion: Suggestion) -> None:
    for path in ("/api.v1.beta1.EarlyStopping/SetTrialStatus", "/api.v1.beta1.Suggestion/No"):
        with pytest.raises(grpc.RpcError) as caught:
            suggestion.channel.unary_unary(path)(b"", timeout=10)
        assert caught.value.code() == CODES.UNIMPLEMENTED


def test_other_call_types(suggestion: Suggestion) -> None:
    """A unary method called as a stream: one message is fine, none and two are not."""
    serialized = request(SPEC, 2).SerializeToString()
    method = suggestion.channel.stream_stream("/api.v1.beta1.Suggestion/GetSuggestions")
    assert len(list(method(iter([serialized]), timeout=10))) == 1
    for messages in ([], [serialized, serialized]):
        with pytest.raises(grpc.RpcError) as caught:
            list(method(iter(messages), timeout=10))
        assert caught.value.code() == CODES.UNIMPLEMENTED


def test_bytes_that_are_no_request(suggestion: Suggestion) -> None:
    method = suggestion.channel.unary_unary("/api.v1.beta1.Suggestion/GetSuggestions")
    with pytest.raises(grpc.RpcError) as caught:
        method(b"\xff\xff\xff", timeout=10)
    assert caught.value.code() == CODES.INTERNAL


def test_concurrent_clients(server: ServerProcess) -> None:
    """Forty connections with twenty-five calls each: every reply is its request's."""
    names = ("random", "grid", "sobol")
    specs = [BY_NAME[name].experiment(settings={"random_state": "5"}) for name in names]
    messages = [request(spec, count) for spec in specs for count in (1, 4, 7)]
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        expected = [Suggestion(channel).ask(message) for message in messages]

    def client(number: int) -> list[int]:
        with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
            asked = [(number + each) % len(messages) for each in range(25)]
            return [
                each for each in asked if Suggestion(channel).ask(messages[each]) != expected[each]
            ]

    with futures.ThreadPoolExecutor(40) as pool:
        assert [wrong for wrong in pool.map(client, range(40)) if wrong] == []


def test_keepalive_pings_are_not_punished(server: ServerProcess) -> None:
    """A client that works and pings: no GOAWAY, so the one connection carries all calls."""
    options = [
        *CHANNEL_OPTIONS,
        ("grpc.keepalive_time_ms", 200),
        ("grpc.keepalive_timeout_ms", 2000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.bdp_probe", 1),
    ]
    states: list[grpc.ChannelConnectivity] = []
    with grpc.insecure_channel(server.address, options=options) as channel:
        channel.subscribe(states.append, try_to_connect=True)
        client = Suggestion(channel)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            client.suggest(SPEC, 300)
            time.sleep(0.3)
    idle_or_failed = (
        grpc.ChannelConnectivity.TRANSIENT_FAILURE,
        grpc.ChannelConnectivity.CONNECTING,
    )
    after_ready = states[states.index(grpc.ChannelConnectivity.READY) :]
    assert not [state for state in after_ready if state in idle_or_failed]


def test_a_request_as_the_successor_of_katib_sends_it(suggestion: Suggestion) -> None:
    """Kubeflow's OptimizationJob speaks the same message: no objective in the trials, no times."""
    bare = pb.Trial(name="job-0")
    bare.spec.parameter_assignments.assignments.add(name="rate", value="0.1")
    bare.status.condition = pb.TrialStatus.RUNNING
    assert len(suggestion.suggest(SPEC, 2, [bare]).parameter_assignments) == 2
