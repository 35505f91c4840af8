# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""What a value of a parameter may be, judged from its text.

All arithmetic is exact (fractions of the texts that the user wrote), so this side of the test has
no rounding of its own and shares nothing with the server's idea of a grid.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import exp, isfinite, log, ulp
from typing import Any

from stubs import pb

INTEGER = re.compile(r"0|-?[1-9][0-9]*")
# A ratio just below a whole number counts as that number: users write 0.3333 for a third.
GRID_SLACK = Fraction(1, 10**9)
HALF = Fraction(1, 2)


def exact(text: str) -> Fraction:
    return Fraction(Decimal(text))


def significant_digits(text: str) -> int:
    digits = Decimal(text).normalize().as_tuple().digits
    return len(digits)


class Parameter:
    """Checks texts against one ParameterSpec and draws feasible ones."""

    def __init__(self, spec: Any) -> None:
        self.name: str = spec.name
        self.kind: int = spec.parameter_type
        self.space = spec.feasible_space
        self.entries = list(dict.fromkeys(self.space.list))
        self.numeric = self.kind in (pb.INT, pb.DOUBLE)
        if self.numeric:
            self.low, self.high = exact(self.space.min), exact(self.space.max)
            default = "1" if self.kind == pb.INT else ""
            step = self.space.step or default
            self.step = exact(step) if step else None

    @property
    def steps(self) -> int | None:
        """The number of grid points before rounding, or None for a continuous parameter."""
        if self.step is None:
            return None
        return int((self.high - self.low) / self.step + GRID_SLACK) + 1

    def count(self) -> int | None:
        """How many different values there are, or None for a continuous parameter."""
        if not self.numeric:
            return len(self.entries)
        if self.steps is None:
            return 1 if self.low == self.high else None
        if self.kind == pb.DOUBLE or (self.step.denominator == 1 and self.low.denominator == 1):
            return self.steps
        return len({round(self.low + k * self.step) for k in range(self.steps)})

    def problem(self, text: str) -> str | None:
        """What is wrong with a value, or None."""
        if not self.numeric:
            return None if text in self.entries else "is not an entry of the list"
        return self._integer_problem(text) if self.kind == pb.INT else self._double_problem(text)

    def _integer_problem(self, text: str) -> str | None:
        if not INTEGER.fullmatch(text):
            return "is not an integer in plain digits"
        value = int(text)
        guess = int((value - self.low) / self.step)
        near = range(max(0, guess - 2), min(self.steps, guess + 3))
        if any(abs(self.low + k * self.step - value) <= HALF for k in near):
            return None
        return "is not on the grid"

    def _double_problem(self, text: str) -> str | None:
        try:
            value = float(text)
            digits = significant_digits(text)
        except (ValueError, InvalidOperation):
            return "is not a number"
        if not isfinite(value):
            return "is not finite"
        if digits > significant_digits(repr(value)) or len(text) > len(repr(value)):
            return f"is longer than the shortest text, {value!r}"
        if self.step is not None:
            return self._stepped_problem(text, value)
        if not float(self.space.min) <= value <= float(self.space.max):
            return "is outside the range"
        return None

    def _stepped_problem(self, text: str, value: float) -> str | None:
        guess = min(max(0, round((exact(text) - self.low) / self.step)), self.steps - 1)
        # The slack of the last point may carry it beyond the maximum, where no value may lie.
        point = min(self.low + guess * self.step, self.high)
        # Fifteen digits are what a double holds of any decimal; beyond them the last may differ.
        is_short = exact(f"{float(point):.15g}") == point
        noise = 0.0 if is_short else 4 * ulp(max(abs(float(self.low)), abs(float(self.high))))
        near = abs(float(point) - value) <= noise
        return None if near else f"is not the grid's {float(point)!r}"

    def draw(self, source: random.Random) -> str:
        """A feasible text; uniform is good enough for trials that others issued."""
        if not self.numeric:
            return source.choice(self.entries)
        if self.steps is not None:
            point = self.low + source.randrange(self.steps) * self.step
            return str(round(point)) if self.kind == pb.INT else repr(float(point))
        low, high = float(self.space.min), float(self.space.max)
        if self.space.distribution in (pb.LOG_UNIFORM, pb.LOG_NORMAL):
            return repr(min(high, max(low, exp(source.uniform(log(low), log(high))))))
        return repr(min(high, max(low, source.uniform(low, high))))


class Space:
    """The whole search space of an experiment."""

    def __init__(self, specs: Sequence[Any], free: Sequence[str] = ()) -> None:
        """`free` names parameters whose value the algorithm may choose outside their space."""
        self.parameters = [Parameter(spec) for spec in specs]
        self.free = frozenset(free)

    @classmethod
    def of(cls, experiment: Any, free: Sequence[str] = ()) -> Space:
        return cls(experiment.spec.parameter_specs.parameters, free)

    def combinations(self) -> int | None:
        result = 1
        for parameter in self.parameters:
            count = parameter.count()
            if count is None:
                return None
            result *= count
        return result

    def problems(self, assignment: Sequence[tuple[str, str]]) -> list[str]:
        names = [name for name, _ in assignment]
        wanted = [parameter.name for parameter in self.parameters]
        if names != wanted:
            return [f"assigned are {names}, the parameters in order are {wanted}"]
        found = []
        for parameter, (name, text) in zip(self.parameters, assignment, strict=True):
            problem = None if name in self.free else parameter.problem(text)
            if problem:
                found.append(f"{name} = {text!r} {problem}")
        return found

    def draw(self, source: random.Random) -> list[tuple[str, str]]:
        return [(parameter.name, parameter.draw(source)) for parameter in self.parameters]
