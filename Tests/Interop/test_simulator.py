# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator tested against services that are right, and wrong in every way that we know."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
from experiments import categorical, discrete, double, experiment, integer, parameter_spec
from feasible import Parameter, Space
from katib_controller import ContractViolation, Hook, Scenario
from objectives import bowl
from server_process import ServerProcess
from throwaway_server import FLAWS, serve

SPACE = [
    integer("layers", 1, 4),
    double("rate", "0.1", "0.5", "0.1"),
    categorical("optimizer", "sgd", "adam"),
]


@contextmanager
def service(flaw: str = "") -> Iterator[str]:
    server, port = serve(flaw, "127.0.0.1:0")
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)


def trouble() -> list[Hook]:
    return [
        AskEveryoneAgain(),
        LoseReplies(),
        ForeignTrials(),
        Outcomes(failed=0.1, killed=0.05, invisible=0.1, early=0.1, bad=0.1),
        ChangeParallelism({6: 1, 12: 6, 18: 2}),
        PersonDeletesTrials(),
        Resume((30, 5)),
        OtherImplementation(),
    ]


def scenario(
    algorithm: str, hooks: list[Hook], seed: int = 1, settings: dict[str, str] | None = None
) -> Scenario:
    spec = experiment(algorithm, SPACE, settings=settings, parallel=4, maximum=24)
    return Scenario(spec, bowl(spec), hooks, seed)


@pytest.mark.parametrize("algorithm", ["grid", "random", "sobol"])
@pytest.mark.parametrize("seed", range(3))
def test_a_correct_service_passes(algorithm: str, seed: int) -> None:
    tally = Tally()
    with service() as address:
        run = scenario(algorithm, [*trouble(), tally], seed).run([address])
    assert run.completed() == 30
    assert len(run.kept) >= 30
    assert max(tally.batches) > 1


FOUND_BY: dict[str, tuple[str, Callable[[], list[Hook]]]] = {
    "unstable": ("random", trouble),
    "memory": ("sobol", trouble),
    "order_of_history": ("sobol", lambda: [AskEveryoneAgain()]),
    "repeat": ("grid", lambda: [NoRepeatedPoint(), Outcomes(invisible=0.3)]),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_wrong_service_is_caught(flaw: str) -> None:
    algorithm, hooks = FOUND_BY.get(flaw, ("grid", list))
    with service(flaw) as address, pytest.raises(ContractViolation, match=r"\[seed 1, call \d+"):
        scenario(algorithm, hooks()).run([address])


def test_the_same_seed_gives_the_same_run() -> None:
    """Otherwise a printed seed would be of no use."""
    with service() as address:
        runs = [
            scenario("random", trouble(), 5, {"random_state": "3"}).run([address]) for _ in range(2)
        ]
    first, second = ([trial.message() for trial in run.trials.values()] for run in runs)
    assert first == second


def test_a_sequence_broken_by_a_restart_is_caught() -> None:
    """A service that counts in its process is right until the process ends."""
    command = [sys.executable, str(Path(__file__).with_name("throwaway_server.py"))]
    spec = experiment("sobol", SPACE, parallel=4, maximum=8)
    with ServerProcess(command) as right:
        tally = Tally()
        Scenario(spec, bowl(spec), [tally], 1).run([right.address])
    with ServerProcess(command, ["--flaw", "memory"]) as wrong:
        hooks = [RestartServer(wrong.restart, every=2), FollowsSequence(list(tally.points))]
        with pytest.raises(ContractViolation, match="the sequence has"):
            Scenario(spec, bowl(spec), hooks, 1).run([wrong.address])


def test_replicas_that_disagree_are_caught() -> None:
    with service() as first, service("infeasible") as second:
        hooks = [AlternateReplicas(), AskEveryoneAgain()]
        with pytest.raises(ContractViolation):
            scenario("grid", hooks).run([first, second])


RIGHT = [
    (integer("x", 1, 5), "1 3 5"),
    (integer("x", -3, 5, 4), "-3 1 5"),
    (integer("x", 0, 2, "0.8"), "0 1 2"),
    (integer("x", 5, 5), "5"),
    (double("x", "0.1", "0.9", "0.2"), "0.1 0.3 0.7 0.9"),
    (double("x", "1e-5", "1"), "1e-05 0.1 0.3333333333333333 1 1.0"),
    (double("x", "0", "1", "0.3333"), "0 0.3333 0.6666 0.9999"),
    (discrete("x", "3", "1.50", "3"), "3 1.50"),
    (categorical("x", "a", "B"), "a B"),
]
WRONG = [
    (integer("x", 1, 5), "0 6 1.0 1e0 +1 01 -0 x"),
    (integer("x", -3, 5, 4), "-2 0 9"),
    (double("x", "0.1", "0.9", "0.2"), "0.2 0.30000000000000004 1.1 0.29999999999999999"),
    (double("x", "0.1", "1"), "0.05 1.1 nan inf 0.10 0.3333333333333333333 1e400 x"),
    (discrete("x", "3", "1.50"), "1.5 3.0 2"),
    (categorical("x", "a", "B"), "A b"),
]


@pytest.mark.parametrize(("parameter", "texts"), RIGHT)
def test_feasible_values(parameter: dict, texts: str) -> None:
    checked = Parameter(parameter_spec(parameter))
    assert [text for text in texts.split() if checked.problem(text)] == []


@pytest.mark.parametrize(("parameter", "texts"), WRONG)
def test_infeasible_values(parameter: dict, texts: str) -> None:
    checked = Parameter(parameter_spec(parameter))
    assert [text for text in texts.split() if not checked.problem(text)] == []


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        (SPACE, 4 * 5 * 2),
        ([integer("x", 0, 2, "0.8")], 3),
        ([double("x", 0, 1, "0.3")], 4),
        ([discrete("x", 1, 1, 2)], 2),
        ([double("x", 0, 1)], None),
        ([integer("x", 1, 10**15)], 10**15),
    ],
)
def test_combinations(parameters: list[dict], count: int | None) -> None:
    assert Space([parameter_spec(each) for each in parameters]).combinations() == count
