# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A client of the EarlyStopping service, and the metrics collector that obeys its rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc

from server_process import CHANNEL_OPTIONS, ServerProcess, binary
from stubs import pb, rpc

SECONDS = 60.0
# What a machine of a developer's may set, and no test may see.
NOT_IN_A_CLUSTER = {"KUBERNETES_SERVICE_HOST": "", "KUBERNETES_SERVICE_PORT": "", "KUBECONFIG": ""}


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@contextmanager
def early_stopping(*arguments: str, **environment: str) -> Iterator[tuple[ServerProcess, Any]]:
    """A server of a test's own and its client."""
    process = ServerProcess(
        [binary("katib-early-stopping")], arguments, NOT_IN_A_CLUSTER | environment
    )
    with process as server:
        with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
            yield server, EarlyStopping(channel)
        assert server.alive(), server.log()


class EarlyStopping:
    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.stub = rpc.EarlyStoppingStub(channel)

    def rules(self, request: Any, timeout: float = SECONDS) -> list[Any]:
        return list(self.stub.GetEarlyStoppingRules(request, timeout=timeout).early_stopping_rules)

    def stop(self, trial: str, timeout: float | None = SECONDS) -> None:
        self.stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name=trial), timeout=timeout)

    def validate(self, algorithm: str, settings: Mapping[str, str] | None = None) -> None:
        spec = pb.EarlyStoppingSpec(algorithm_name=algorithm)
        for name, value in (settings or {}).items():
            spec.algorithm_settings.add(name=name, value=value)
        message = pb.ValidateEarlyStoppingSettingsRequest(early_stopping=spec)
        self.stub.ValidateEarlyStoppingSettings(message, timeout=SECONDS)


def rules_request(
    address: str,
    trials: Iterable[Any],
    *,
    maximize: bool = False,
    metric: str = "loss",
    settings: Mapping[str, str] | None = None,
) -> Any:
    request = pb.GetEarlyStoppingRulesRequest(db_manager_address=address, trials=trials)
    request.experiment.name = "stopping"
    objective = request.experiment.spec.objective
    objective.type = pb.MAXIMIZE if maximize else pb.MINIMIZE
    objective.objective_metric_name = metric
    stopping = request.experiment.spec.early_stopping
    stopping.algorithm_name = "medianstop"
    for name, value in (settings or {}).items():
        stopping.algorithm_settings.add(name=name, value=value)
    return request


def trial(name: str, condition: str = "SUCCEEDED", second: int = 0) -> Any:
    result = pb.Trial(name=name)
    result.status.condition = pb.TrialStatus.TrialConditionType.Value(condition)
    result.status.start_time = "2026-06-01T10:00:00Z"
    if condition == "SUCCEEDED":
        result.status.completion_time = f"2026-06-01T10:05:{second:02}Z"
    return result


class MetricsCollector:
    """The sidecar of one trial: reads what training reports and says when to stop it.

    It compares the best value so far with each rule, and only once: at the report whose number is
    the rule's start_step (a start_step of 0 means at every report). All rules must have fired.
    """

    def __init__(self, rules: Iterable[Any], metric: str, maximize: bool) -> None:
        self._rules = list(rules)
        self._left = {id(rule): rule.start_step for rule in self._rules}
        self._metric = metric
        self._better = max if maximize else min
        self._best: float | None = None

    def report(self, value: float) -> bool:
        """Whether the trial is to be stopped."""
        if not self._rules:
            return False
        self._best = value if self._best is None else self._better(self._best, value)
        for rule in list(self._rules):
            compared = self._best if rule.name == self._metric else value
            if rule.start_step:
                self._left[id(rule)] -= 1
                if self._left[id(rule)] != 0:
                    continue
            threshold = float(rule.value)
            if (
                (rule.comparison == pb.EQUAL and compared == threshold)
                or (rule.comparison == pb.LESS and compared < threshold)
                or (rule.comparison == pb.GREATER and compared > threshold)
            ):
                self._rules.remove(rule)
        return not self._rules
