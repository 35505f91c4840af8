# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A whole Experiment with early stopping: what it saves, and that it costs nothing.

Both services run as the pod runs them. The trials are simulated: a training curve that depends on
the assignment, a metrics collector that obeys the rules, a DB manager that keeps the logs, an API
server that gets the conditions. The same Experiment without early stopping is the measure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from db_manager import DBManager
from early_stopping import EarlyStopping, MetricsCollector, early_stopping, rules_request, trial
from experiments import double, experiment, pairs_of, request
from kubernetes_api import KubernetesAPI
from server_process import CHANNEL_OPTIONS, ServerProcess
from stubs import pb, rpc

STEPS, TRIALS, PARALLEL, START_STEP = 30, 40, 3, 6
SPACE = [double("lr", 0.0001, 0.1, distribution="logUniform"), double("decay", 0.1, 0.9)]


@pytest.fixture(scope="module")
def suggestion() -> Iterator[Any]:
    with (
        ServerProcess() as server,
        grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel,
    ):
        yield rpc.SuggestionStub(channel)


def curve(assignment: Mapping[str, str], maximize: bool, noise: random.Random) -> list[float]:
    """A loss that falls towards what the assignment is worth, or an accuracy that rises to it."""
    worth = (math.log10(float(assignment["lr"])) + 2.3) ** 2 + (
        float(assignment["decay"]) - 0.4
    ) ** 2
    losses = [worth + 2 * math.exp(-0.35 * step) + noise.gauss(0, 0.01) for step in range(STEPS)]
    return [-each for each in losses] if maximize else losses


@dataclass
class Run:
    steps: int = 0
    stopped: int = 0
    best: float | None = None
    best_trial: str = ""
    trials: list[Any] = field(default_factory=list)


def run(
    suggestion: Any, stopping: EarlyStopping | None, manager: DBManager, api: KubernetesAPI,
    maximize: bool, seed: int,
) -> Run:  # fmt: skip
    """One Experiment, batch by batch, as the controller runs it."""
    result = Run()
    better = max if maximize else min
    goal = "maximize" if maximize else "minimize"
    spec = experiment("random", SPACE, settings={"random_state": str(seed)}, name=f"run-{goal}")
    spec.spec.objective.type = pb.MAXIMIZE if maximize else pb.MINIMIZE
    while len(result.trials) < TRIALS:
        count = min(PARALLEL, TRIALS - len(result.trials))
        reply = suggestion.GetSuggestions(request(spec, count, result.trials), timeout=60)
        rules = []
        if stopping:
            rules = stopping.rules(
                rules_request(
                    manager.address, result.trials, maximize=maximize, metric="score",
                    settings={"start_step": str(START_STEP)},
                )
            )  # fmt: skip
        for suggested in reply.parameter_assignments:
            name = f"{goal}-{seed}-{bool(stopping)}-{len(result.trials)}".lower()
            api.add(name)
            assignment = dict(pairs_of(suggested))
            collector = MetricsCollector(rules, "score", maximize)
            reported: list[float] = []
            condition = "SUCCEEDED"
            noise = random.Random(f"{seed} {sorted(assignment.items())}")
            for value in curve(assignment, maximize, noise):
                reported.append(value)
                result.steps += 1
                if stopping and collector.report(value):
                    stopping.stop(name)
                    condition = "EARLYSTOPPED"
                    break
            manager.report(name, reported, "score")
            finished = trial(name, condition, len(result.trials) % 60)
            for key, text in assignment.items():
                finished.spec.parameter_assignments.assignments.add(name=key, value=text)
            best = better(reported)
            finished.status.observation.metrics.add(name="score", value=str(best))
            result.trials.append(finished)
            assert len(api.stopped(name)) == (condition == "EARLYSTOPPED")
            result.stopped += condition == "EARLYSTOPPED"
            if result.best is None or better(best, result.best) != result.best:
                result.best, result.best_trial = best, str(len(result.trials))
    return result


@pytest.mark.parametrize("maximize", [False, True], ids=["minimize", "maximize"])
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_steps_are_saved_and_the_best_result_is_the_same(
    maximize: bool, seed: int, suggestion: Any, tmp_path: Any
) -> None:
    with DBManager() as manager, KubernetesAPI(None) as api:
        config = tmp_path / "config"
        config.write_text(
            "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u, "
            f"namespace: team}}}}]\nclusters: [{{name: k, cluster: {{server: '{api.url}'}}}}]\n"
            "users: [{name: u, user: {token: token-1}}]\n"
        )
        with early_stopping(KUBECONFIG=str(config)) as (_, stopping):
            without = run(suggestion, None, manager, api, maximize, seed)
            with_rules = run(suggestion, stopping, manager, api, maximize, seed)
    saved = 1 - with_rules.steps / without.steps
    print(
        f"seed {seed}: {with_rules.steps} of {without.steps} steps ({saved:.0%} saved), "
        f"{with_rules.stopped} of {TRIALS} trials stopped, best {with_rules.best:.4f}"
    )
    assert without.stopped == 0 and without.steps == STEPS * TRIALS
    assert with_rules.stopped >= 3
    assert saved > 0.05
    assert with_rules.best == without.best and with_rules.best_trial == without.best_trial
    # What was saved is exactly what the stopped trials did not run.
    assert without.steps - with_rules.steps == with_rules.stopped * (STEPS - START_STEP)
