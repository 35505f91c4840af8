# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The health service, as the kubelet's probes and service meshes use it."""

from __future__ import annotations

import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from algorithms import MIXED
from clients import Suggestion
from experiments import experiment, request
from server_process import ServerProcess

Response = health_pb2.HealthCheckResponse
# The second is what the service is called, the third is what Katib's manifests probe.
NAMES = ["", "api.v1.beta1.Suggestion", "manager.v1beta1.Suggestion"]
UNKNOWN = ["api.v1.beta1.EarlyStopping", "nothing", "API.v1.beta1.Suggestion", "x" * 1000]


@pytest.fixture
def health(suggestion: Suggestion) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(suggestion.channel)


@pytest.mark.parametrize("name", NAMES)
def test_check(name: str, health: health_pb2_grpc.HealthStub) -> None:
    reply = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    assert reply.status == Response.SERVING


@pytest.mark.parametrize("name", UNKNOWN)
def test_check_of_an_unknown_service(name: str, health: health_pb2_grpc.HealthStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "status"),
    [(name, Response.SERVING) for name in NAMES]
    + [(name, Response.SERVICE_UNKNOWN) for name in UNKNOWN],
)
def test_watch(name: str, status: int, health: health_pb2_grpc.HealthStub) -> None:
    """The first answer comes at once, and the stream stays open."""
    watch = health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=0.3)
    assert next(watch).status == status
    with pytest.raises(grpc.RpcError) as caught:
        next(watch)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_many_watches_that_come_and_go(health: health_pb2_grpc.HealthStub) -> None:
    message = health_pb2.HealthCheckRequest()
    for _ in range(10):
        watches = [health.Watch(message, timeout=30) for _ in range(50)]
        assert {next(watch).status for watch in watches} == {Response.SERVING}
        for watch in watches:
            watch.cancel()


def test_probes_pass_while_every_worker_is_busy(
    server: ServerProcess, suggestion: Suggestion, health: health_pb2_grpc.HealthStub
) -> None:
    """A probe that waits its turn would have the pod restarted in the middle of its work."""
    heavy = request(experiment("random", MIXED), 10_000)
    calls = [suggestion.stub.GetSuggestions.future(heavy, timeout=60) for _ in range(8)]
    slowest, probes = 0.0, 0
    while not all(call.done() for call in calls):
        start = time.monotonic()
        health.Check(health_pb2.HealthCheckRequest(service=NAMES[2]), timeout=1)
        slowest = max(slowest, time.monotonic() - start)
        probes += 1
    assert probes and slowest < 1
    for call in calls:
        assert call.code() in (grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED)
