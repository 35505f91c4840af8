# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Values of every parameter type, distribution and step: feasible, in the promised text form."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import fmean, pstdev
from typing import Any

import pytest

from algorithms import ALGORITHMS, BY_NAME, Algorithm
from clients import Suggestion
from experiments import categorical, discrete, double, experiment, integer, points_of
from feasible import Space

COUNT = 200
DISTRIBUTIONS = ("", "uniform", "logUniform", "normal", "logNormal")
DOUBLES = {
    "positive": ("0.001", "10"),
    "wide": ("1e-12", "1e12"),
    "narrow": ("0.5", "0.5000001"),
    "single": ("0.25", "0.25"),
    "exponent": ("1E-3", "2.5e+1"),
}
STEPPED = {
    "tenths": ("0.1", "0.9", "0.1"),
    "thirds": ("0.1", "1.0", "0.3333"),
    "tiny": ("0.00001", "0.0001", "0.00001"),
    "coarse": ("0.5", "1", "0.3"),
    "large": ("1000000", "1000000.3", "0.1"),
    "whole": ("1", "9", "2"),
    "beyond": ("1", "2", "5"),
}
INTEGERS = {
    "plain": ("1", "9", ""),
    "wide": ("1", "9007199254740992", ""),  # 2^53, where doubles stop telling neighbours apart
    "stepped": ("1", "20", "6"),
    "fraction": ("1", "7", "0.8"),
    "hundredths": ("1", "3", "0.01"),
    "halves": ("1", "20", "2.5"),
    "spelled": ("1.0", "1e1", "3.0"),
    "single": ("7", "7", ""),
}
LISTS = {
    "unsorted": discrete("p", 8, 1, 4, 2),
    "duplicates": discrete("p", 3, 1, 3, 1, 2),
    "equal numbers": discrete("p", "1", "1.0", "1e0"),
    "words": discrete("p", "10", "many", "2"),
    "verbatim": discrete("p", "0.10", "1E-3", "+5", "007"),
    "single": discrete("p", "0.5"),
    "categories": categorical("p", "relu", "", "ß", "a b", '"', "None", "1"),
    "one category": categorical("p", "x"),
    "many": categorical("p", *(f"value-{number}" for number in range(300))),
}


def cases() -> list[Any]:
    """One parameter each; the name of the case is the test's name."""
    found = {}
    for distribution in DISTRIBUTIONS:
        for name, (low, high) in DOUBLES.items():
            found[f"double-{name}-{distribution}"] = double("p", low, high, "", distribution)
        for name, (low, high, step) in STEPPED.items():
            found[f"stepped-{name}-{distribution}"] = double("p", low, high, step, distribution)
        for name, (low, high, step) in INTEGERS.items():
            found[f"int-{name}-{distribution}"] = integer("p", low, high, step, distribution)
    found["double-signed"] = double("p", "-1.5", "2.5")
    found["double-negative-normal"] = double("p", "-9", "-1", "", "normal")
    found["double-huge"] = double("p", "-8e307", "8e307")
    found["double-denormal"] = double("p", "1e-320", "1e-310")
    found["int-signed"] = integer("p", "-4", "3")
    found["int-extreme"] = integer("p", "-4503599627370496", "4503599627370495")
    found |= {f"list-{name}": parameter for name, parameter in LISTS.items()}
    return [pytest.param(parameter, id=name) for name, parameter in found.items()]


@pytest.mark.parametrize("name", ["random", "sobol", "grid"])
@pytest.mark.parametrize("parameter", cases())
def test_every_value_is_feasible(name: str, parameter: dict, suggestion: Suggestion) -> None:
    if name == "grid" and parameter["type"] == "double" and not parameter["step"]:
        return  # refused at validation, tested there
    spec = experiment(name, [parameter, categorical("other", "a", "b")])
    space = Space.of(spec)
    points = points_of(suggestion.suggest(spec, COUNT))
    assert [problem for point in points for problem in space.problems(point)] == []
    values = {point[0][1] for point in points}
    count = space.parameters[0].count()
    uniform = not parameter.get("distribution") and parameter is not LISTS["equal numbers"]
    if count is not None and count <= 10 and uniform:
        assert len(values) == count, f"of {count} values only {values} were used"


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3, 10, 100])
def test_counts_are_exact(algorithm: Algorithm, count: int, suggestion: Suggestion) -> None:
    spec = algorithm.experiment()
    space = Space.of(spec, algorithm.free)
    check = algorithm.check or space.problems
    for point in points_of(suggestion.suggest(spec, count)):
        assert check(point) == []


@pytest.mark.parametrize("name", ["random", "sobol", "grid"])
def test_ten_thousand_at_once(name: str, suggestion: Suggestion) -> None:
    spec = BY_NAME[name].experiment()
    points = points_of(suggestion.suggest(spec, 10_000))
    space = Space.of(spec)
    assert all(not space.problems(point) for point in points[::97])


def values_of(name: str, parameter: dict, suggestion: Suggestion) -> list[float]:
    spec = experiment(name, [parameter], settings={"random_state": "11"})
    return [float(point[0][1]) for point in points_of(suggestion.suggest(spec, 2000))]


def moments(values: Sequence[float]) -> tuple[float, float]:
    return fmean(values), pstdev(values)


# Cut at three standard deviations, a normal keeps 0.9866 of its standard deviation; a uniform has
# 1/sqrt(12) of its range. The tolerances are five standard errors of 2,000 independent draws.
UNIFORM, NORMAL = 0.28868, 0.9866 / 6


@pytest.mark.parametrize("name", ["random", "sobol"])
@pytest.mark.parametrize(
    ("distribution", "spread"),
    [("", UNIFORM), ("uniform", UNIFORM), ("normal", NORMAL)],
)
def test_linear_distributions(
    name: str, distribution: str, spread: float, suggestion: Suggestion
) -> None:
    values = values_of(name, double("p", 10, 30, "", distribution), suggestion)
    mean, deviation = moments(values)
    assert mean == pytest.approx(20, abs=5 * 20 * spread / 2000**0.5)
    assert deviation == pytest.approx(20 * spread, rel=0.08)


@pytest.mark.parametrize("name", ["random", "sobol"])
@pytest.mark.parametrize(
    ("distribution", "spread"), [("logUniform", UNIFORM), ("logNormal", NORMAL)]
)
def test_logarithmic_distributions(
    name: str, distribution: str, spread: float, suggestion: Suggestion
) -> None:
    values = values_of(name, double("p", "1e-6", 1, "", distribution), suggestion)
    width = log(1e6)
    mean, deviation = moments([log(value) for value in values])
    assert mean == pytest.approx(-width / 2, abs=5 * width * spread / 2000**0.5)
    assert deviation == pytest.approx(width * spread, rel=0.08)


@pytest.mark.parametrize("name", ["random", "sobol"])
@pytest.mark.parametrize(
    "parameter",
    [integer("p", 1, 5), double("p", "0.1", "0.5", "0.1"), discrete("p", 5, 3, 1, 2, 4)],
    ids=["int", "double", "discrete"],
)
def test_discrete_values_are_equally_likely(
    name: str, parameter: dict, suggestion: Suggestion
) -> None:
    """Both ends included: rounding an interval to the nearest value would halve them."""
    values = values_of(name, parameter, suggestion)
    for value in set(values):
        assert values.count(value) == pytest.approx(400, abs=90)
    assert len(set(values)) == 5


def test_sobol_prefixes_are_balanced(suggestion: Suggestion) -> None:
    """2^m points put exactly one into each of 2^m equal cells of every single dimension."""
    spec = experiment("sobol", [double(f"p{each}", 0, 1) for each in range(20)])
    points = points_of(suggestion.suggest(spec, 256))
    for size in (2, 16, 256):
        for dimension in range(20):
            cells = {int(float(point[dimension][1]) * size) for point in points[:size]}
            assert len(cells) == size
