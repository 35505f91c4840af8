# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Objective functions for simulated trials."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from katib_controller import Objective


def bowl(experiment: Any) -> Objective:
    """Smooth in every number, with its optimum inside the space; each category has its own offset.

    Accepts any assignment, also incomplete ones, since trials of other implementations are measured
    too. Larger is better if the experiment maximises.
    """
    specs = {spec.name: spec for spec in experiment.spec.parameter_specs.parameters}
    sign = -1.0 if experiment.spec.objective.type == 2 else 1.0

    def value(assignment: Mapping[str, str]) -> float:
        total = 0.0
        for name, text in assignment.items():
            try:
                space = specs[name].feasible_space
                low, high = float(space.min), float(space.max)
                place = (float(text) - low) / ((high - low) or 1.0)
                total += (place - 0.3) ** 2
            except (KeyError, ValueError):
                total += zlib.crc32(f"{name}={text}".encode()) % 97 / 97
        return sign * total

    return value
