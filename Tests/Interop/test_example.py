# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The Experiment of the documentation, sent as Katib's controller would send it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import yaml

from clients import Suggestion
from experiments import experiment, points_of, trial
from feasible import Space
from server_process import ROOT

FILE = ROOT / "docs" / "examples" / "experiment.yaml"
# What Katib's metrics collector reads from a log, in short.
METRIC_LINE = re.compile(r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)")


def converted(document: dict[str, Any]) -> Any:
    spec = document["spec"]
    settings = {each["name"]: each["value"] for each in spec["algorithm"]["algorithmSettings"]}
    # The custom resource has texts alone here, and the API server refuses others.
    assert all(isinstance(value, str) for value in settings.values())
    return experiment(
        spec["algorithm"]["algorithmName"],
        [
            {"name": each["name"], "type": each["parameterType"], **each["feasibleSpace"]}
            for each in spec["parameters"]
        ],
        name=document["metadata"]["name"],
        settings=settings,
        maximize=spec["objective"]["type"] == "maximize",
        metric=spec["objective"]["objectiveMetricName"],
        parallel=spec["parallelTrialCount"],
        maximum=spec["maxTrialCount"],
    )


def run_trial(spec: dict[str, Any], values: dict[str, str]) -> float:
    """What the trial's container prints, with the values in place of the references."""
    template = spec["trialTemplate"]
    pod = template["trialSpec"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["name"] == template["primaryContainerName"]
    command = container["command"]
    for parameter in template["trialParameters"]:
        placeholder = f"${{trialParameters.{parameter['name']}}}"
        assert placeholder in command, placeholder
        command = [part.replace(placeholder, values[parameter["reference"]]) for part in command]
    assert not [part for part in command if "${trialParameters" in part]
    assert command[0] == "python3"
    output = subprocess.run(
        [sys.executable, *command[1:]], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    found = METRIC_LINE.fullmatch(output.strip())
    assert found and found[1] == spec["objective"]["objectiveMetricName"], output
    return float(found[2])


def test_the_example_runs(suggestion: Suggestion) -> None:
    document = yaml.safe_load(FILE.read_text())
    spec = document["spec"]
    example = converted(document)
    suggestion.validate(example)
    trials: list[Any] = []
    losses: list[float] = []
    while len(trials) < spec["maxTrialCount"]:
        reply = suggestion.suggest(example, spec["parallelTrialCount"], trials)
        for point in points_of(reply):
            assert Space.of(example).problems(point) == []
            losses.append(run_trial(spec, dict(point)))
            metric = spec["objective"]["objectiveMetricName"]
            trials.append(trial(f"example-{len(trials)}", point, losses[-1], metric=metric))
    first = {each.name: each.value for each in trials[0].spec.parameter_assignments.assignments}
    assert (first["lr"], first["optimizer"]) == ("0.05", "adam")
    assert len(trials) == 30 and min(losses) < 0.2
