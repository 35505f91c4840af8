# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Large histories: what a Suggestion object in etcd can hold, no more."""

from __future__ import annotations

import random
from typing import Any

from experiments import METRIC, double
from katib_controller import stamp
from stubs import pb

# 1.5 MiB of assignments: trials x parameters.
LARGEST = [(14_500, 1), (4_850, 5), (1_400, 20)]
Condition = pb.TrialStatus.TrialConditionType


def parameters(count: int) -> list[dict]:
    """Doubles with a step, so that a grid can take them as well."""
    return [double(f"parameter-{number:02d}", "0", "1", "0.0001") for number in range(count)]


def history(name: str, trials: int, count: int, seed: int = 1) -> list[Any]:
    """Trials as the controller sends them after a long run: a few failed, the last ones running."""
    source = random.Random(seed)
    found = []
    for number in range(trials):
        trial = pb.Trial(name=f"{name}-{source.getrandbits(40):08x}")
        trial.spec.objective.type = pb.MAXIMIZE
        trial.spec.objective.objective_metric_name = METRIC
        for index in range(count):
            trial.spec.parameter_assignments.assignments.add(
                name=f"parameter-{index:02d}", value=str(source.randrange(10_001) / 10_000)
            )
        trial.status.start_time = stamp(number // 3)
        if number >= trials - 5:
            trial.status.condition = Condition.RUNNING
        elif source.random() < 0.05:
            trial.status.condition = Condition.FAILED
            trial.status.completion_time = stamp(number // 3 + 300)
        else:
            trial.status.condition = Condition.SUCCEEDED
            trial.status.completion_time = stamp(number // 3 + 300)
            trial.status.observation.metrics.add(name=METRIC, value=repr(source.random()))
        found.append(trial)
    return found
