# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Settings: Katib's own, with the texts its tests compare, and those that every algorithm has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from algorithms import ALGORITHMS, BY_NAME, Algorithm
from clients import Suggestion
from experiments import categorical, discrete, double, experiment, integer, points_of, request
from feasible import Space

SPACE = [
    double("rate", "0.1", "0.5", "0.1"),
    integer("layers", 1, 9),
    discrete("batch", "8", "16.0"),
    categorical("optimizer", "sgd", "adam"),
]


@pytest.mark.parametrize("name", ["", "Random", "no-such-algorithm", "random ", "ünknown"])
def test_unknown_algorithm(name: str, suggestion: Suggestion) -> None:
    spec = experiment(name, SPACE)
    assert suggestion.validation_message(spec) == f"unknown algorithm name {name}"
    assert suggestion.refusal_message(request(spec, 1)) == f"unknown algorithm name {name}"


@pytest.mark.parametrize("name", ["random", "grid"])
@pytest.mark.parametrize("setting", ["unknown", "gamma", "randomState", ""])
def test_unknown_setting(name: str, setting: str, suggestion: Suggestion) -> None:
    spec = experiment(name, SPACE, settings={setting: "1"})
    assert suggestion.validation_message(spec) == f"unknown setting {setting} for algorithm {name}"


def test_sobol_tolerates_unknown_settings_as_katib_does(suggestion: Suggestion) -> None:
    spec = experiment("sobol", SPACE, settings={"unknown": "1"})
    suggestion.validate(spec)
    assert suggestion.suggest(spec, 2) == suggestion.suggest(experiment("sobol", SPACE), 2)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
@pytest.mark.parametrize("value", ["abc", "1.5", "", "1e3", "0x10", "99999999999999999999999"])
def test_unreadable_seed(algorithm: Algorithm, value: str, suggestion: Suggestion) -> None:
    spec = algorithm.experiment(settings={"random_state": value})
    beginning = f"failed to validate random_state({value})"
    assert suggestion.validation_message(spec).startswith(beginning)
    suggestion.refusal_message(request(spec, 1))


def test_negative_seed(suggestion: Suggestion) -> None:
    spec = experiment("random", SPACE, settings={"random_state": "-1"})
    text = "random_state should be great or equal than zero"
    assert suggestion.validation_message(spec) == text
    for name in ("grid", "sobol"):
        spec = experiment(name, SPACE, settings={"random_state": "-1"})
        assert "random_state" in suggestion.validation_message(spec)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
@pytest.mark.parametrize("value", ["0", "1", "4294967295", "2147483648"])
def test_valid_seeds(algorithm: Algorithm, value: str, suggestion: Suggestion) -> None:
    suggestion.validate(algorithm.experiment(settings={"random_state": value}))


@pytest.mark.parametrize("name", ["random"])
def test_katib_validates_without_parameters_and_objective(
    name: str, suggestion: Suggestion
) -> None:
    suggestion.validate(experiment(name, [], metric=""))


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_failed_trials(algorithm: Algorithm, suggestion: Suggestion) -> None:
    for value in ("penalize", "ignore"):
        spec = algorithm.experiment(settings={"failed_trials": value})
        suggestion.validate(spec)
        suggestion.suggest(spec, 2)
    message = suggestion.validation_message(
        algorithm.experiment(settings={"failed_trials": "maybe"})
    )
    for word in ("failed_trials", "maybe", "penalize", "ignore"):
        assert word in message


# Points to start from

START = [
    {"rate": 0.3, "layers": 2, "batch": "16.0", "optimizer": "adam"},
    {"rate": "0.5", "layers": "9", "batch": "8"},
    {"optimizer": "sgd"},
    {},
]


def starting(name: str, points: Any, **settings: str) -> Any:
    text = points if isinstance(points, str) else json.dumps(points)
    return experiment(name, SPACE, settings={"initial_points": text, **settings})


@pytest.mark.parametrize("name", ["random", "grid", "sobol"])
def test_initial_points_come_first(name: str, suggestion: Suggestion) -> None:
    spec = starting(name, START, random_state="3")
    suggestion.validate(spec)
    points = points_of(suggestion.suggest(spec, 8))
    for point, given in zip(points, START, strict=False):
        got = dict(point)
        assert got | {key: str(value) for key, value in given.items()} == got
    assert all(not Space.of(spec).problems(point) for point in points)
    for position in range(8):
        assert points_of(suggestion.suggest(spec, 1, total=position + 1)) == [points[position]]


def test_the_sequence_begins_after_the_initial_points(suggestion: Suggestion) -> None:
    plain = experiment("sobol", SPACE, settings={"random_state": "3"})
    sequence = points_of(suggestion.suggest(plain, 10))
    points = points_of(suggestion.suggest(starting("sobol", START, random_state="3"), 14))
    assert points[len(START) :] == sequence


def test_the_grid_does_not_repeat_its_initial_points(suggestion: Suggestion) -> None:
    spec = starting("grid", START[:2])
    combinations = Space.of(spec).combinations()
    points = points_of(suggestion.suggest(spec, combinations))
    assert len(set(points)) == combinations


BAD_POINTS = [
    ("{", ["initial_points"]),
    ("7", ["initial_points", 'for example [{"lr": 0.05}]']),
    ('{"rate": 0.3}', ["initial_points"]),
    ("[1]", ["initial_points"]),
    ("[null]", ["initial_points"]),
    ('[{"rate": [0.3]}]', ["initial_points", "rate"]),
    ('[{"rate": null}]', ["initial_points", "rate"]),
    ('[{"depth": 1}]', ["initial_points", "depth"]),
    ('[{}, {"rate": 0.7}]', ["initial_points", "rate", "0.7"]),
    ('[{"rate": "fast"}]', ["initial_points", "rate", "fast"]),
    ('[{"rate": 1e999}]', ["initial_points"]),
    ('[{"layers": 0}]', ["initial_points", "layers", "0"]),
    ('[{"layers": 2.5}]', ["initial_points", "layers", "2.5"]),
    ('[{"batch": 9}]', ["initial_points", "batch", "9"]),
    ('[{"optimizer": "SGD"}]', ["initial_points", "optimizer", "SGD"]),
    ("[" * 100_000, ["initial_points"]),
]


@pytest.mark.parametrize("name", ["random", "grid", "sobol"])
@pytest.mark.parametrize(("text", "words"), BAD_POINTS, ids=[text[:20] for text, _ in BAD_POINTS])
def test_bad_initial_points(name: str, text: str, words: list[str], suggestion: Suggestion) -> None:
    spec = starting(name, text)
    message = suggestion.validation_message(spec)
    assert [word for word in words if word not in message] == [], message
    suggestion.refusal_message(request(spec, 1))


@pytest.mark.parametrize("name", ["random", "grid", "sobol"])
def test_no_initial_points(name: str, suggestion: Suggestion) -> None:
    plain = BY_NAME[name].experiment(SPACE, settings={"random_state": "3"})
    reply = suggestion.suggest(starting(name, [], random_state="3"), 3)
    assert reply == suggestion.suggest(plain, 3)
