# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The algorithms under test: one line each, and every test that says "algorithm" runs for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments import Parameter, categorical, discrete, double, experiment, integer
from katib_controller import Assignment
from networks import NETWORK, darts_problems, enas_problems

# Every parameter type, an integer and a double with steps, a list in no order, a constant. 24,000
# combinations with nothing continuous, so that a grid can walk it too.
STEPPED: list[Parameter] = [
    double("rate", "0.1", "1.0", "0.1", "uniform"),
    double("decay", "0.001", "0.1", "0.011", "logUniform"),
    integer("layers", 1, 6),
    integer("width", "0", "4", "0.8"),
    discrete("batch", "64", "16", "32.0", "8"),
    categorical("optimizer", "sgd", "adam"),
    categorical("constant", "only"),
]
# The same with continuous doubles of every distribution.
MIXED: list[Parameter] = [
    *STEPPED,
    double("momentum", "-1", "1"),
    double("scale", "1e-6", "1e-1", "", "logUniform"),
    double("shift", "-5", "10", "", "normal"),
    double("factor", "0.01", "100", "", "logNormal"),
]


@dataclass(frozen=True)
class Algorithm:
    name: str
    parameters: Sequence[Parameter] = field(default_factory=lambda: MIXED)
    settings: Mapping[str, str] = field(default_factory=dict)  # those it requires
    network: Mapping[str, Any] | None = None  # what it searches instead of parameters
    draws_seed: bool = False  # returns a random_state when none is given
    seed_of_name: bool = False  # without a random_state, the experiment's name decides
    sequence: bool = False  # the point depends on the settings and its index alone
    exhaustive: bool = False  # repeats a point only after all others
    free: Sequence[str] = ()  # parameters whose values it may choose outside their space
    check: Callable[[Assignment], list[str]] | None = None  # instead of the search space's check
    seconds: float = 5.0  # most for one suggestion after the largest history, on half a core

    def __str__(self) -> str:
        return self.name

    def experiment(self, parameters: Sequence[Parameter] = (), **options: Any) -> Any:
        options["settings"] = {**self.settings, **options.get("settings", {})}
        if self.network is not None:
            options.setdefault("network", self.network)
        return experiment(self.name, parameters or self.parameters, **options)


ALGORITHMS = [
    Algorithm("random", draws_seed=True),
    Algorithm("grid", STEPPED, exhaustive=True),
    Algorithm("sobol", sequence=True),
    Algorithm("tpe", draws_seed=True),
    Algorithm("multivariate-tpe", draws_seed=True),
    Algorithm("bayesianoptimization", draws_seed=True),
    Algorithm("cmaes", draws_seed=True),
    *[
        Algorithm(
            name,
            [*MIXED, integer("epochs", 1, 20)],
            settings={"r_l": "27", "resource_name": "epochs"},
            draws_seed=True,
            free=("epochs",),
        )
        for name in ("hyperband", "asha")
    ],
    Algorithm(
        "pbt",
        settings={
            "suggestion_trial_dir": "/checkpoint",
            "n_population": "6",
            "truncation_threshold": "0.3",
        },
        draws_seed=True,
    ),
    Algorithm("enas", [], network=NETWORK, seed_of_name=True, check=enas_problems(NETWORK)),
    Algorithm("darts", [], network=NETWORK, seed_of_name=True, check=darts_problems(NETWORK)),
]
BY_NAME = {algorithm.name: algorithm for algorithm in ALGORITHMS}


def those(**traits: bool) -> list[Algorithm]:
    """The algorithms with the given traits: `those(sequence=True)`."""
    return [
        each
        for each in ALGORITHMS
        if all(getattr(each, trait) == value for trait, value in traits.items())
    ]
