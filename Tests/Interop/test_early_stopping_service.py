# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The early-stopping executable as a pod, a probe, a person and a manifest see it."""

from __future__ import annotations

import signal
import statistics
import subprocess
import time
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from db_manager import DBManager
from early_stopping import EarlyStopping, early_stopping, rules_request, trial, wait_until
from server_process import CHANNEL_OPTIONS, ServerProcess, binary, free_port, own_environment
from stubs import pb

NAME = "katib-early-stopping"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[ServerProcess, EarlyStopping]]:
    with early_stopping() as pair:
        yield pair


@pytest.mark.parametrize(
    ("algorithm", "settings", "message"),
    [
        ("medianstop", {}, None),
        ("medianstop", {"min_trials_required": "1", "start_step": "1"}, None),
        ("medianstop", {"min_trials_required": "0"},
         "min_trials_required must be greater than zero (>0)"),
        ("medianstop", {"start_step": "0"}, "start_step must be greater or equal than one (>=1)"),
        ("medianstop", {"patience": "3"}, "unknown setting patience for algorithm medianstop"),
        ("medianstop", {"start_step": "four"}, "failed to validate start_step(four)"),
        ("unknown-algorithm", {}, "unknown algorithm name unknown-algorithm"),
        ("", {}, "unknown algorithm name "),
    ],
)  # fmt: skip
def test_validation(
    algorithm: str,
    settings: dict[str, str],
    message: str | None,
    running: tuple[ServerProcess, EarlyStopping],
) -> None:
    if message is None:
        running[1].validate(algorithm, settings)
        return
    with pytest.raises(grpc.RpcError) as caught:
        running[1].validate(algorithm, settings)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith(message)


def test_health(running: tuple[ServerProcess, EarlyStopping]) -> None:
    health = health_pb2_grpc.HealthStub(running[1].channel)
    for name in ("", "api.v1.beta1.EarlyStopping", "manager.v1beta1.Suggestion"):
        reply = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="api.v1.beta1.Suggestion"), timeout=5)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_reflection(running: tuple[ServerProcess, EarlyStopping]) -> None:
    database = ProtoReflectionDescriptorDatabase(running[1].channel)
    assert set(database.get_services()) == {
        "api.v1.beta1.EarlyStopping",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    service = DescriptorPool(database).FindServiceByName("api.v1.beta1.EarlyStopping")
    assert {method.name for method in service.methods} == {
        "GetEarlyStoppingRules",
        "SetTrialStatus",
        "ValidateEarlyStoppingSettings",
    }


def test_broken_requests_are_refused(running: tuple[ServerProcess, EarlyStopping]) -> None:
    """At validation the controller would take INTERNAL for a yes."""
    for method in ("GetEarlyStoppingRules", "SetTrialStatus", "ValidateEarlyStoppingSettings"):
        code = "INVALID_ARGUMENT" if method.startswith("Validate") else "INTERNAL"
        call = running[1].channel.unary_unary(f"/api.v1.beta1.EarlyStopping/{method}")
        for message in (b"\x0a\xff", b"\x0a\x02\x0a\xff", b"\x0a\x01\xff"):
            with pytest.raises(grpc.RpcError) as caught:
                call(message, timeout=5)
            assert caught.value.code() == grpc.StatusCode[code]


def test_probes_and_validation_pass_while_every_worker_waits() -> None:
    with DBManager() as manager, early_stopping("--workers", "2") as (_, service):
        manager.delay = 2
        names = "abc"
        for name in names:
            manager.report(name, [1])
        request = rules_request(manager.address, [trial(name) for name in names])
        calls = [service.stub.GetEarlyStoppingRules.future(request, timeout=20) for _ in range(6)]
        wait_until(lambda: manager.asked)
        start = time.monotonic()
        service.validate("medianstop")
        health = health_pb2_grpc.HealthStub(service.channel)
        health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert time.monotonic() - start < 1.5
        assert [len(call.result().early_stopping_rules) for call in calls] == [1] * 6
        assert set(manager.asked.values()) == {1}, "calls at the same time share what they learn"


def test_a_caller_that_leaves_frees_its_worker() -> None:
    with DBManager() as manager, early_stopping("--workers", "1") as (_, service):
        manager.delay = 20
        request = rules_request(manager.address, [trial(name) for name in "abc"])
        call = service.stub.GetEarlyStoppingRules.future(request, timeout=30)
        wait_until(lambda: manager.asked)
        call.cancel()
        start = time.monotonic()
        empty = pb.GetEarlyStoppingRulesRequest()
        assert service.rules(empty, timeout=5) == []
        assert time.monotonic() - start < 2


def test_it_drains() -> None:
    with DBManager() as manager:
        for name in "abc":
            manager.report(name, [1])
        manager.delay = 0.5
        process = ServerProcess([binary(NAME)])
        with process as server, grpc.insecure_channel(server.address, CHANNEL_OPTIONS) as channel:
            service = EarlyStopping(channel)
            request = rules_request(manager.address, [trial(name) for name in "abc"])
            call = service.stub.GetEarlyStoppingRules.future(request, timeout=20)
            wait_until(lambda: manager.asked)
            server.process.send_signal(signal.SIGTERM)
            assert len(call.result().early_stopping_rules) == 1
            assert server.process.wait(10) == 0
        idle = ServerProcess([binary(NAME)])
        with idle as server:
            start = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - start < 2


def test_command_line() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary(NAME), *arguments], capture_output=True, text=True, timeout=10, check=False
        )

    assert run("--version").returncode == 0
    text = run("--help").stdout
    for flag in ("--port", "--kubeconfig", "--service-account", "--namespace"):
        assert flag in text
    for variable in {word for word in text.replace("(", " ").split() if word.startswith("KATIB_")}:
        name = variable.split("=")[0].rstrip(";,)")
        assert not name.endswith(("_PORT", "_HOST")), "Kubernetes would set it"
    assert run("--port", "x").returncode != 0
    assert run("--grace", "-1").returncode != 0


def test_the_address_from_the_environment() -> None:
    port = free_port()
    links = {
        "KATIB_EARLY_STOPPING_PORT": "tcp://10.0.0.1:6788",
        "KATIB_EARLY_STOPPING_SERVICE_PORT": "6788",
        "KATIB_EARLY_STOPPING_LISTEN": f"127.0.0.1:{port}",
    }
    process = subprocess.Popen(
        [binary(NAME)], env=own_environment() | links, stderr=subprocess.PIPE
    )
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
            grpc.channel_ready_future(channel).result(10)
    finally:
        process.kill()
        process.communicate()


def test_it_starts_fast_and_idles_small() -> None:
    """Bounds with room for a busy machine; scripts/bench.sh has the figures."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        with ServerProcess([binary(NAME)]) as server:
            times.append(time.perf_counter() - start)
            idle = server.memory()["VmRSS"]
    print(f"start {statistics.median(times) * 1000:.1f} ms with a health check, {idle:.1f} MiB")
    assert min(times) < 0.5
    assert idle < 16


def test_a_thousand_finished_trials() -> None:
    """Bounds with room for a busy machine; scripts/bench.sh has the figures."""
    names = [f"trial-{each}" for each in range(1000)]
    with DBManager() as manager, early_stopping() as (server, service):
        for index, name in enumerate(names):
            manager.report(name, [index + step for step in range(20)])
        request = rules_request(manager.address, [trial(name) for name in names])
        start = time.perf_counter()
        (rule,) = service.rules(request)
        cold = time.perf_counter() - start
        assert float(rule.value) == 499.5 + 1.5
        start = time.perf_counter()
        assert service.rules(request) == [rule]
        warm = time.perf_counter() - start
        assert manager.asked.total() == 1000
        print(f"cold {cold * 1000:.0f} ms, warm {warm * 1000:.1f} ms, "
              f"{server.memory()['VmHWM']:.1f} MiB")  # fmt: skip
        assert cold < 10 and warm < 1
