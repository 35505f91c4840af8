# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Experiments, trials and requests from plain Python values.

A parameter is a dict with the keys of Katib's YAML (`name`, `type`, `min`, `max`, `step`, `list`,
`distribution`); `double`, `integer`, `discrete` and `categorical` write the common ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stubs import pb

Parameter = dict[str, Any]

TYPES = {
    "double": pb.DOUBLE,
    "int": pb.INT,
    "discrete": pb.DISCRETE,
    "categorical": pb.CATEGORICAL,
    "unknown": pb.UNKNOWN_TYPE,
}
DISTRIBUTIONS = {
    "": pb.DISTRIBUTION_UNSPECIFIED,
    "uniform": pb.UNIFORM,
    "logUniform": pb.LOG_UNIFORM,
    "normal": pb.NORMAL,
    "logNormal": pb.LOG_NORMAL,
}
METRIC = "accuracy"


def double(
    name: str, low: object, high: object, step: object = "", distribution: str = ""
) -> Parameter:
    return {
        "name": name,
        "type": "double",
        "min": str(low),
        "max": str(high),
        "step": str(step),
        "distribution": distribution,
    }


def integer(
    name: str, low: object, high: object, step: object = "", distribution: str = ""
) -> Parameter:
    return double(name, low, high, step, distribution) | {"type": "int"}


def discrete(name: str, *values: object, distribution: str = "") -> Parameter:
    return {
        "name": name,
        "type": "discrete",
        "list": [str(value) for value in values],
        "distribution": distribution,
    }


def categorical(name: str, *values: object) -> Parameter:
    return discrete(name, *values) | {"type": "categorical"}


def parameter_spec(parameter: Parameter) -> Any:
    """One ParameterSpec; `"space": None` leaves the feasible space out, numbers pass as enums."""
    kind = parameter.get("type", "unknown")
    spec = pb.ParameterSpec(name=parameter["name"], parameter_type=TYPES.get(kind, kind))
    if parameter.get("space", "") is not None:
        distribution = parameter.get("distribution", "")
        spec.feasible_space.SetInParent()
        spec.feasible_space.max = parameter.get("max", "")
        spec.feasible_space.min = parameter.get("min", "")
        spec.feasible_space.step = parameter.get("step", "")
        spec.feasible_space.list.extend(parameter.get("list", []))
        spec.feasible_space.distribution = DISTRIBUTIONS.get(distribution, distribution)
    return spec


def add_network(spec: Any, network: Mapping[str, Any]) -> None:
    """The nas_config of an ExperimentSpec, from a dict with the keys of Katib's YAML."""
    graph = spec.nas_config.graph_config
    graph.num_layers = network.get("numLayers", 0)
    graph.input_sizes.extend(network.get("inputSizes", []))
    graph.output_sizes.extend(network.get("outputSizes", []))
    for each in network.get("operations", []):
        operation = spec.nas_config.operations.operation.add(operation_type=each["operationType"])
        operation.parameter_specs.parameters.extend(
            parameter_spec(entry) for entry in each.get("parameters", [])
        )


def experiment(
    algorithm: str,
    parameters: Iterable[Parameter],
    *,
    name: str = "interop",
    network: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
    maximize: bool = True,
    parallel: int = 0,
    maximum: int = 0,
    metric: str = METRIC,
) -> Any:
    result = pb.Experiment(name=name)
    spec = result.spec
    spec.parameter_specs.parameters.extend(parameter_spec(entry) for entry in parameters)
    if metric:
        spec.objective.type = pb.MAXIMIZE if maximize else pb.MINIMIZE
        spec.objective.objective_metric_name = metric
    spec.algorithm.algorithm_name = algorithm
    for key, value in (settings or {}).items():
        spec.algorithm.algorithm_settings.add(name=key, value=value)
    if network is not None:
        add_network(spec, network)
    spec.parallel_trial_count = parallel
    spec.max_trial_count = maximum
    return result


def trial(
    name: str,
    assignments: Mapping[str, str] | Sequence[tuple[str, str]],
    value: object = None,
    *,
    condition: str = "",
    start: str = "2026-06-01T10:00:00Z",
    end: str = "2026-06-01T10:05:00Z",
    metric: str = METRIC,
) -> Any:
    """A trial: SUCCEEDED when a value is given and RUNNING when not, unless `condition` says."""
    pairs = assignments.items() if isinstance(assignments, Mapping) else assignments
    result = pb.Trial(name=name)
    result.spec.objective.objective_metric_name = metric
    for key, text in pairs:
        result.spec.parameter_assignments.assignments.add(name=key, value=text)
    condition = condition or ("RUNNING" if value is None else "SUCCEEDED")
    result.status.condition = pb.TrialStatus.TrialConditionType.Value(condition)
    result.status.start_time = start
    result.status.completion_time = "" if value is None else end
    if value is not None:
        result.status.observation.metrics.add(name=metric, value=str(value))
    return result


def request(of: Any, count: int, trials: Iterable[Any] = (), *, total: int | None = None) -> Any:
    """A GetSuggestionsRequest; the total is the history's length plus `count` unless given."""
    history = list(trials)
    return pb.GetSuggestionsRequest(
        experiment=of,
        trials=history,
        current_request_number=count,
        total_request_number=len(history) + count if total is None else total,
    )


def pairs_of(suggestion: Any) -> tuple[tuple[str, str], ...]:
    """The assignments of one suggestion (or of a trial's spec), in the order they stand."""
    return tuple((entry.name, entry.value) for entry in suggestion.assignments)


def points_of(reply: Any) -> list[tuple[tuple[str, str], ...]]:
    return [pairs_of(entry) for entry in reply.parameter_assignments]


def settings_of(reply: Any) -> dict[str, str]:
    return {entry.name: entry.value for entry in reply.algorithm.algorithm_settings}
