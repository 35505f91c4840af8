# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Whole Experiments, driven as Katib's controller drives them, against servers that keep dying."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from algorithms import ALGORITHMS, BY_NAME, Algorithm, those
from clients import Suggestion
from disturbances import (
    AlternateReplicas,
    AskEveryoneAgain,
    ChangeParallelism,
    FollowsSequence,
    ForeignTrials,
    LoseReplies,
    NoRepeatedPoint,
    OtherImplementation,
    Outcomes,
    PersonDeletesTrials,
    RestartServer,
    Resume,
    Tally,
)
from experiments import categorical, double, experiment, integer, points_of
from katib_controller import Hook, Scenario
from objectives import bowl
from server_process import CHANNEL_OPTIONS, ServerProcess

StartServer = Callable[..., ServerProcess]
# 24 combinations: a grid of an Experiment's size.
SMALL = [
    integer("layers", 1, 4),
    double("rate", "0.1", "0.3", "0.1"),
    categorical("optimizer", "sgd", "adam"),
]


def simulate(algorithm: Algorithm, spec: Any, hooks: list[Hook], seed: int, *addresses: str) -> int:
    """Runs a scenario and returns how many assignments were kept at its end."""
    scenario = Scenario(spec, bowl(spec), hooks, seed, free=algorithm.free, check=algorithm.check)
    return len(scenario.run(addresses).kept)


def sequence_of(server: ServerProcess, spec: Any, count: int) -> list[Any]:
    """What one call for all the points gives."""
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        return points_of(Suggestion(channel).suggest(spec, count))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_killed_between_any_two_calls(
    algorithm: Algorithm, seed: int, start_server: StartServer
) -> None:
    server = start_server()
    tally = Tally()
    hooks: list[Hook] = [
        RestartServer(server.restart),
        AskEveryoneAgain(),
        LoseReplies(),
        Outcomes(failed=0.1, killed=0.1, invisible=0.1, early=0.1, bad=0.1),
        Resume((40, 7)),
        tally,
    ]
    if algorithm.exhaustive:
        hooks.append(NoRepeatedPoint())
    spec = algorithm.experiment(parallel=3, maximum=25)
    assert simulate(algorithm, spec, hooks, seed, server.address) == 40
    assert len(set(tally.batches)) > 1, "every batch had the same size"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_everything_at_once(algorithm: Algorithm, seed: int, start_server: StartServer) -> None:
    """Two replicas that take turns and die, other people's trials, deletions, lost replies."""
    first, second = start_server(), start_server()
    hooks: list[Hook] = [
        RestartServer(first.restart, every=3),
        RestartServer(second.restart, every=4),
        AlternateReplicas(),
        AskEveryoneAgain(rate=0.5),
        LoseReplies(),
        ForeignTrials(),
        OtherImplementation(),
        Outcomes(failed=0.15, killed=0.1, invisible=0.15, early=0.15, bad=0.15),
        ChangeParallelism({10: 2, 15: 8, 25: 1, 30: 5}),
        PersonDeletesTrials(),
        Resume((45, 9), (50, 1)),
    ]
    if algorithm.exhaustive:
        hooks.append(NoRepeatedPoint(strict=False))
    spec = algorithm.experiment(parallel=6, maximum=35)
    assert simulate(algorithm, spec, hooks, seed, first.address, second.address) >= 50


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("algorithm", those(sequence=True), ids=str)
def test_sequence_is_unbroken(algorithm: Algorithm, seed: int, start_server: StartServer) -> None:
    """Kills, batches of every size, deletions, others' trials: each index keeps its point."""
    server = start_server()
    spec = algorithm.experiment(parallel=4, maximum=40)
    hooks: list[Hook] = [
        FollowsSequence(sequence_of(server, spec, 120)),
        RestartServer(server.restart, every=2),
        LoseReplies(),
        ForeignTrials(),
        Outcomes(failed=0.2, invisible=0.2),
        ChangeParallelism({10: 9, 20: 1, 25: 6}),
        PersonDeletesTrials(),
        Resume((60, 5)),
    ]
    assert simulate(algorithm, spec, hooks, seed, server.address) >= 60


@pytest.mark.parametrize("seed", range(2))
def test_grid_is_walked_once_and_then_again_in_the_same_order(
    seed: int, start_server: StartServer
) -> None:
    server = start_server()
    grid = BY_NAME["grid"]
    spec = grid.experiment(SMALL, parallel=5, maximum=24)
    sequence = sequence_of(server, spec, 60)
    assert len(set(sequence[:24])) == 24
    assert sequence[24:48] == sequence[:24], "it does not start over from the first point"
    tally = Tally()
    hooks: list[Hook] = [
        FollowsSequence(sequence),
        NoRepeatedPoint(),
        RestartServer(server.restart),
        LoseReplies(),
        Outcomes(failed=0.2, killed=0.1, bad=0.2),
        tally,
        Resume((55, 4)),
    ]
    assert simulate(grid, spec, hooks, seed, server.address) == 55
    assert set(tally.points.values()) == {2, 3}


@pytest.mark.parametrize("seed", range(2))
def test_grid_fills_the_holes_that_deletions_leave(seed: int, start_server: StartServer) -> None:
    """Counts go down, the same indices are asked again: every point is tried before any twice."""
    server = start_server()
    grid = BY_NAME["grid"]
    spec = grid.experiment(SMALL, parallel=8, maximum=24)
    tally = Tally()
    hooks: list[Hook] = [
        NoRepeatedPoint(strict=False),
        RestartServer(server.restart, every=2),
        ChangeParallelism({5: 2, 9: 8, 14: 3}),
        tally,
    ]
    assert simulate(grid, spec, hooks, seed, server.address) == 24
    assert len(tally.points) == 24


@pytest.mark.parametrize("seed", range(2))
def test_random_uses_every_point_of_a_small_space(seed: int, start_server: StartServer) -> None:
    """Duplicates are avoided while the space allows, pending trials and the batch included."""
    server = start_server()
    spec = experiment("random", SMALL, parallel=4, maximum=24)
    hooks: list[Hook] = [NoRepeatedPoint(strict=False), Outcomes(failed=0.2, killed=0.1)]
    assert simulate(BY_NAME["random"], spec, hooks, seed, server.address) == 24
