# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The grid: never enumerated, exhausted exactly, and it covers the space early."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from algorithms import STEPPED
from clients import Suggestion
from experiments import categorical, discrete, double, experiment, integer, points_of, trial
from feasible import Space

HUGE = [integer(f"p{number}", 0, 9) for number in range(15)]


@pytest.mark.parametrize(
    "position", [0, 1000, 2**31 - 11], ids=["start", "thousand", "largest total"]
)
def test_a_quadrillion_points_answer_within_a_second(position: int, suggestion: Suggestion) -> None:
    spec = experiment("grid", HUGE, maximum=1_000_000)
    suggestion.validate(spec)
    start = time.monotonic()
    reply = suggestion.suggest(spec, 10, total=position + 10)
    assert time.monotonic() - start < 1
    points = points_of(reply)
    assert len(set(points)) == 10
    assert all(not Space.of(spec).problems(point) for point in points)


def test_one_huge_parameter(suggestion: Suggestion) -> None:
    spec = experiment("grid", [integer("p", 0, 10**15 - 1)])
    values = {point[0][1] for point in points_of(suggestion.suggest(spec, 50))}
    assert len(values) == 50


def test_the_space_is_covered_early(suggestion: Suggestion) -> None:
    """An order that counts through the last parameter first would show one value of the others."""
    points = points_of(suggestion.suggest(experiment("grid", HUGE), 50))
    for dimension in range(len(HUGE)):
        assert len({point[dimension][1] for point in points}) >= 5


@pytest.mark.parametrize(
    "parameters",
    [
        [integer("p", 1, 7)],
        [integer("p", 0, 2, "0.8"), categorical("q", "a", "b", "a")],
        [double("p", "0.1", "0.5", "0.1"), discrete("q", 2, 1, 2), integer("r", -2, 2, 2)],
        [double("p", "0.001", "1", "0.111", "logUniform"), categorical("q", "x")],
        [categorical("p", "only")],
    ],
    ids=["int", "merged", "mixed", "log", "single"],
)
def test_every_point_equally_often(parameters: list[dict], suggestion: Suggestion) -> None:
    spec = experiment("grid", parameters)
    total = Space.of(spec).combinations()
    assert total
    points = points_of(suggestion.suggest(spec, 2 * total + total // 2))
    assert len(set(points[:total])) == total
    assert points[total : 2 * total] == points[:total]
    assert set(Counter(points).values()) <= {2, 3}


def test_points_in_the_history_are_skipped(suggestion: Suggestion) -> None:
    """Whoever issued them: what stands in the history, in any condition, is not tried again."""
    spec = experiment("grid", [integer("p", 1, 8)])
    conditions = ["RUNNING", "SUCCEEDED", "FAILED", "KILLED", "CREATED", "EARLYSTOPPED"]
    trials = [
        trial(f"t{value}", {"p": str(value)}, 0.5, condition=condition)
        for value, condition in enumerate(conditions, 1)
    ]
    for total in (8, 100):
        points = points_of(suggestion.suggest(spec, 2, trials, total=total))
        assert {point[0][1] for point in points} == {"7", "8"}, f"total {total}"
    # Before anything was issued they can only be another Experiment's of the same name.
    fresh = points_of(suggestion.suggest(spec, 8, trials, total=8))
    assert {point[0][1] for point in fresh} == set("12345678")


def test_more_trials_than_combinations_are_refused(suggestion: Suggestion) -> None:
    spec = experiment("grid", STEPPED, maximum=1)
    count = Space.of(spec).combinations()
    for maximum in (0, 1, count):
        spec.spec.max_trial_count = maximum
        suggestion.validate(spec)
    spec.spec.max_trial_count = count + 1
    message = suggestion.validation_message(spec)
    for number in (count, count + 1):
        assert str(number) in message.replace(",", ""), message


def test_a_double_without_step_is_refused(suggestion: Suggestion) -> None:
    message = suggestion.validation_message(experiment("grid", [double("rate", 0, 1)]))
    assert "rate" in message and "step" in message
