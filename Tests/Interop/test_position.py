# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Which suggestion comes next is told by the request alone."""

from __future__ import annotations

import random
from typing import Any

import grpc
import pytest

from algorithms import ALGORITHMS, BY_NAME, Algorithm, those
from clients import Suggestion
from experiments import points_of, request, settings_of, trial
from feasible import Space
from server_process import CHANNEL_OPTIONS
from stubs import pb

FIXED = {"random_state": "42"}


def history(spec: Any, count: int) -> list[Any]:
    """Trials of every condition with feasible points."""
    source, space = random.Random(count), Space.of(spec)
    conditions = ["SUCCEEDED", "FAILED", "RUNNING", "CREATED", "KILLED", "EARLYSTOPPED"]
    trials = []
    for number in range(count):
        condition = conditions[number % len(conditions)]
        value = source.random() if condition in ("SUCCEEDED", "EARLYSTOPPED") else None
        name = f"{spec.name}-{number:08d}"
        trials.append(trial(name, space.draw(source), value, condition=condition))
    return trials


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_same_request_same_reply_in_any_process_and_order(
    algorithm: Algorithm, suggestion: Suggestion, start_server: Any
) -> None:
    spec = algorithm.experiment(settings=FIXED)
    trials = history(spec, 30)
    first = suggestion.ask(request(spec, 5, trials, total=40))
    with grpc.insecure_channel(start_server().address, options=CHANNEL_OPTIONS) as channel:
        for seed in range(3):
            random.Random(seed).shuffle(trials)
            message = request(spec, 5, trials, total=40)
            assert Suggestion(channel).ask(message) == first
            assert suggestion.ask(message) == first


@pytest.mark.parametrize("algorithm", those(sequence=True), ids=str)
@pytest.mark.parametrize(
    ("trials", "current", "total", "position"),
    [
        (0, 3, 3, 0),
        (0, 3, 10, 7),  # nothing visible yet, seven issued
        (9, 3, 10, 7),  # other people's trials are visible too
        (4, 3, 0, 4),  # by hand: no total, so the trials count
        (4, 3, 2, 4),  # an impossible total
        (4, 3, 3, 0),  # the oldest were deleted
    ],
)
def test_position(
    algorithm: Algorithm,
    trials: int,
    current: int,
    total: int,
    position: int,
    suggestion: Suggestion,
) -> None:
    spec = algorithm.experiment()
    sequence = points_of(suggestion.suggest(spec, 20))
    points = points_of(suggestion.suggest(spec, current, history(spec, trials), total=total))
    assert points == sequence[position : position + current]


def test_random_goes_on_with_the_position(suggestion: Suggestion) -> None:
    """Even when nothing issued before is visible, the next suggestions are new ones."""
    spec = BY_NAME["random"].experiment(settings=FIXED)
    replies = [suggestion.suggest(spec, 2, total=total) for total in range(2, 42, 2)]
    points = [point for reply in replies for point in points_of(reply)]
    assert len(set(points)) == len(points)
    trials = history(spec, 4)
    by_hand = suggestion.suggest(spec, 2, trials, total=0)
    assert points_of(by_hand) == points_of(suggestion.suggest(spec, 2, trials, total=6))


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_nothing_asked_nothing_given(algorithm: Algorithm, suggestion: Suggestion) -> None:
    spec = algorithm.experiment()
    for trials, total in ((0, 0), (5, 5)):
        reply = suggestion.ask(request(spec, 0, history(spec, trials), total=total))
        assert len(reply.parameter_assignments) == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
@pytest.mark.parametrize("count", [-1, -(2**31), 10_001, 2**31 - 1])
def test_impossible_counts(algorithm: Algorithm, count: int, suggestion: Suggestion) -> None:
    message = suggestion.refusal_message(request(algorithm.experiment(), count, total=0))
    assert str(count) in message.replace(",", "") and "current_request_number" in message


@pytest.mark.parametrize("algorithm", those(draws_seed=True), ids=str)
def test_a_drawn_seed_is_returned_and_explains_the_reply(
    algorithm: Algorithm, suggestion: Suggestion
) -> None:
    spec = algorithm.experiment()
    replies = [suggestion.suggest(spec, 3) for _ in range(4)]
    seeds = [settings_of(reply)["random_state"] for reply in replies]
    assert len(set(seeds)) == 4, "every experiment would get the same numbers"
    for reply, seed in zip(replies, seeds, strict=True):
        assert 0 <= int(seed) < 2**32, "Katib's own images would not take it back"
        fixed = algorithm.experiment(settings={"random_state": seed})
        again = suggestion.suggest(fixed, 3)
        assert points_of(again) == points_of(reply)
        assert settings_of(again).get("random_state", seed) == seed


@pytest.mark.parametrize("algorithm", those(draws_seed=False), ids=str)
def test_the_others_return_no_settings(algorithm: Algorithm, suggestion: Suggestion) -> None:
    for settings in ({}, FIXED):
        reply = suggestion.suggest(algorithm.experiment(settings=settings), 3)
        assert settings_of(reply) == {}
    if algorithm.seed_of_name:
        return
    default, zero = (algorithm.experiment(settings=each) for each in ({}, {"random_state": "0"}))
    assert suggestion.suggest(default, 9) == suggestion.suggest(zero, 9)


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_the_seed_matters(name: str, suggestion: Suggestion) -> None:
    replies = []
    for seed in ("0", "1", "4294967296"):
        spec = BY_NAME[name].experiment(settings={"random_state": seed})
        replies.append(points_of(suggestion.suggest(spec, 3)))
    assert replies[0] != replies[1] != replies[2] != replies[0]


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_odd_histories(algorithm: Algorithm, suggestion: Suggestion) -> None:
    """Missing, unknown and unreadable values, no times, no names, conditions to come."""
    spec = algorithm.experiment(settings=FIXED)
    odd = [
        pb.Trial(),
        pb.Trial(name="only-a-name"),
        trial("a", {"rate": "not a number", "unknown": "1"}, "nan"),
        trial("b", {}, "1e999"),
        trial("b", {"rate": "1e999"}, ""),
        trial("c", {"rate": "0.3", "layers": "3.0"}, "unavailable", start="", end=""),
        trial("d", {"rate": "0.3"}, 1, start="yesterday", end="0001-01-01T00:00:00Z"),
        trial("e", [("rate", "0.1"), ("rate", "0.2")], 1, condition="UNKNOWN"),
        trial("f", {"rate": "0.1"}, 1, condition="METRICSUNAVAILABLE", metric="other"),
        trial("g" * 5000, {"rate": "\U0001f600"}, "\u0663"),
    ]
    odd[-1].status.condition = 99
    points = points_of(suggestion.suggest(spec, 4, odd))
    check = algorithm.check or Space.of(spec, algorithm.free).problems
    assert [check(point) for point in points] == [[]] * 4
