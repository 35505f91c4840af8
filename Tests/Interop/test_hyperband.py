# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Rungs: how many trials ran on how much resource, told by the values of the trials alone."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

import grpc
import pytest

from algorithms import BY_NAME
from clients import Suggestion
from conftest import MEMORY_LIMIT_MIB
from disturbances import (
    AlternateReplicas,
    AskEveryoneAgain,
    ChangeParallelism,
    ForeignTrials,
    LoseReplies,
    OtherImplementation,
    Outcomes,
    PersonDeletesTrials,
    RestartServer,
    Resume,
)
from experiments import categorical, double, experiment, integer, points_of, request, trial
from histories import LARGEST, history, parameters
from katib_controller import Assignment, Controller, Hook, Kept, Scenario, SimulatedTrial
from objectives import bowl
from server_process import CHANNEL_OPTIONS, ServerProcess

StartServer = Callable[..., ServerProcess]
RESOURCE = "epochs"
SPACE = [
    double("rate", "1e-5", "1e-1", "", "logUniform"),
    # Katib's own example declares the resource like this and runs on more.
    integer(RESOURCE, 1, 1),
    integer("units", 1, 512),
    categorical("optimizer", "sgd", "adam"),
]
SIZES = [(largest, eta) for largest in (9, 27, 81) for eta in (2, 3, 4)]


class Theory:
    """Hyperband's brackets in exact fractions: per bracket a list of (resource, population)."""

    def __init__(self, largest: int, eta: int) -> None:
        top = 0
        while eta ** (top + 1) <= largest:
            top += 1
        self.largest, self.eta, self.brackets = largest, eta, []
        for s in range(top, -1, -1):
            count = ceil(Fraction((top + 1) * eta**s, s + 1))
            # A whole number, halves up: the resource is an integer.
            rungs = [
                (floor(Fraction(largest * eta**i, eta**s) + Fraction(1, 2)), floor(count / eta**i))
                for i in range(s + 1)
            ]
            self.brackets.append(rungs)

    @property
    def trials(self) -> int:
        return sum(population for rungs in self.brackets for _, population in rungs)

    def spec(self, algorithm: str = "hyperband", **options: Any) -> Any:
        settings = {"r_l": str(self.largest), "eta": str(self.eta), "resource_name": RESOURCE}
        # A drawn seed would be another one with every run of the test.
        settings["random_state"] = "5"
        return experiment(algorithm, SPACE, settings=settings, **options)

    def found(self, trials: list[SimulatedTrial]) -> dict[int, dict[int, list[SimulatedTrial]]]:
        """The trials, in the order of their issue, by bracket (through all rounds) and resource.

        Configurations that begin on the same resource make up brackets in their order.
        """
        first = [rungs[0] for rungs in self.brackets]
        home: dict[Assignment, int] = {}
        begun: Counter[int] = Counter()
        result: dict[int, dict[int, list[SimulatedTrial]]] = defaultdict(lambda: defaultdict(list))
        for each in trials:
            values, resource = split(each.assignments)
            if values not in home:
                place = [amount for amount, _ in first].index(resource)
                turn = begun[resource] // first[place][1]
                begun[resource] += 1
                home[values] = turn * len(first) + place
            result[home[values]][resource].append(each)
        return result


def split(assignments: Assignment) -> tuple[Assignment, int]:
    values = tuple(pair for pair in assignments if pair[0] != RESOURCE)
    return values, int(dict(assignments)[RESOURCE])


class UntilRoundIsOver(Hook):
    """Ends the Experiment once every bracket of the first round has run its last rung."""

    def __init__(self, theory: Theory) -> None:
        self.theory = theory

    def after_step(self, controller: Controller) -> None:
        found = self.theory.found(list(controller.trials.values()))
        for bracket, rungs in enumerate(self.theory.brackets):
            resource, population = rungs[-1]
            last = found[bracket][resource]
            if len(last) < population or any(each.active for each in last):
                return
        controller.maximum = 0


def run(spec: Any, hooks: list[Hook], seed: int, *addresses: str) -> Controller:
    return Scenario(spec, bowl(spec), hooks, seed, free=(RESOURCE,)).run(addresses)


def value(each: SimulatedTrial) -> float | None:
    return float(each.metrics[0][1]) if each.metrics else None


@pytest.mark.parametrize("parallel", [1, 3, 9, 30])
@pytest.mark.parametrize(("largest", "eta"), SIZES)
def test_populations_are_those_of_the_theory(
    largest: int, eta: int, parallel: int, start_server: StartServer
) -> None:
    """At any parallelism, whatever order trials end in, with restarts and lost replies."""
    theory, server = Theory(largest, eta), start_server()
    hooks: list[Hook] = [
        RestartServer(server.restart, every=10),
        AskEveryoneAgain(rate=0.2),
        LoseReplies(rate=0.1),
        UntilRoundIsOver(theory),
    ]
    spec = theory.spec(parallel=parallel, maximum=4 * theory.trials + 8 * parallel)
    controller = run(spec, hooks, parallel, server.address)
    found = theory.found(list(controller.trials.values()))
    for bracket, rungs in enumerate(theory.brackets):
        counts = {resource: len(each) for resource, each in sorted(found[bracket].items())}
        assert counts == dict(rungs)
        for (resource, _), (following, _) in itertools.pairwise(rungs):
            promoted = {split(each.assignments)[0] for each in found[bracket][following]}
            gone, stayed = [], []
            for each in found[bracket][resource]:
                (gone if split(each.assignments)[0] in promoted else stayed).append(value(each))
            # The simulated objective looks at everything, so it is compared rung by rung.
            assert len(gone) == len(promoted)
            assert not stayed or min(gone) >= max(stayed)
    if parallel == 1:
        assert len(controller.trials) == theory.trials, "nobody waits, so nothing runs ahead"


@pytest.mark.parametrize("parallel", [1, 9])
def test_failures_close_their_slots(parallel: int, start_server: StartServer) -> None:
    theory, server = Theory(27, 3), start_server()
    hooks: list[Hook] = [
        RestartServer(server.restart, every=10),
        Outcomes(failed=0.2, killed=0.1),
        ChangeParallelism({20: parallel + 3, 60: parallel + 6}),
    ]
    controller = run(theory.spec(parallel=parallel, maximum=260), hooks, 1, server.address)
    found = theory.found(list(controller.trials.values()))
    for bracket, rungs in enumerate(theory.brackets):
        assert len(found[bracket][rungs[0][0]]) == rungs[0][1]
        for (resource, _), (following, population) in itertools.pairwise(rungs):
            finished = sum(bool(each.metrics) for each in found[bracket][resource])
            assert len(found[bracket][following]) == min(population, finished)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("algorithm", ["hyperband", "asha"])
def test_nothing_blocks(algorithm: str, seed: int, start_server: StartServer) -> None:
    """Everything at once; some configurations still get to the largest resource and none runs
    on one resource again and again."""
    first, second = start_server(), start_server()
    hooks: list[Hook] = [
        RestartServer(first.restart, every=3),
        RestartServer(second.restart, every=4),
        AlternateReplicas(),
        AskEveryoneAgain(rate=0.3),
        LoseReplies(),
        ForeignTrials(),
        OtherImplementation(),
        Outcomes(failed=0.1, killed=0.05, invisible=0.1, early=0.1, bad=0.05),
        ChangeParallelism({15: 2, 25: 12, 50: 1, 60: 5}),
        PersonDeletesTrials(rate=0.05),
        Resume((130, 9), (140, 1)),
    ]
    spec = Theory(9, 3).spec(algorithm, parallel=6, maximum=120)
    controller = run(spec, hooks, seed, first.address, second.address)
    assert len(controller.kept) >= 140
    own = [each for each in controller.trials.values() if "-old" not in each.name]
    amounts = Counter(split(each.assignments)[1] for each in own)
    assert set(amounts) <= {1, 3, 9} and all(amounts[each] > 1 for each in (1, 3, 9))
    again = Counter(each.assignments for each in own)
    assert max(again.values()) <= 2
    assert sum(count - 1 for count in again.values()) <= 5


LARGEST_RESOURCE = 27
TRAININGS = 25
"""What each search may spend, in trainings on the full resource."""


def learning_curve(assignment: Mapping[str, str]) -> float:
    """The accuracy of a model after so many epochs: one that gets further is ahead early on too,
    but a small step size is slow, so little resource can mislead."""
    place = (math.log10(float(assignment["rate"])) + 5) / 4
    units = math.log2(float(assignment["units"])) / 9
    loss = 0.05 + 2.5 * (place - 0.62) ** 2 + 0.8 * (units - 0.7) ** 2
    loss += 0.06 if assignment["optimizer"] == "sgd" else 0.0
    epochs = float(assignment.get(RESOURCE, LARGEST_RESOURCE))
    missing = math.exp(-(1 + 4 * place) * epochs / LARGEST_RESOURCE)
    return 1 - min(loss, 1.0) - 0.6 * missing


class UntilSpent(Hook):
    """Ends the Experiment when its trials have used up the budget."""

    def after_step(self, controller: Controller) -> None:
        spent = sum(split(each.assignments)[1] for each in controller.trials.values())
        if spent >= TRAININGS * LARGEST_RESOURCE:
            controller.maximum = 0


def best_trained(controller: Controller) -> float:
    """The accuracy of the best model among those that were trained to the end."""
    return max(
        learning_curve(dict(each.assignments))
        for each in controller.trials.values()
        if float(dict(each.assignments).get(RESOURCE, LARGEST_RESOURCE)) == LARGEST_RESOURCE
    )


@pytest.mark.parametrize("algorithm", ["hyperband", "asha"])
def test_it_beats_random_search_at_equal_resource(
    algorithm: str, start_server: StartServer
) -> None:
    server = start_server()
    wins = []
    for seed in range(6):
        hooks: list[Hook] = [
            RestartServer(server.restart, every=25),
            Outcomes(failed=0.05),
            ChangeParallelism({20: 2, 60: 6}),
        ]
        settings = {"r_l": str(LARGEST_RESOURCE), "resource_name": RESOURCE}
        settings["random_state"] = str(seed)
        spec = experiment(algorithm, SPACE, settings=settings, parallel=4, maximum=500)
        scenario = Scenario(spec, learning_curve, [*hooks, UntilSpent()], seed, free=(RESOURCE,))
        found = best_trained(scenario.run([server.address]))
        whole = [each for each in SPACE if each["name"] != RESOURCE]
        blind = experiment(
            "random", whole, settings={"random_state": str(seed)}, parallel=4, maximum=TRAININGS
        )
        random_search = Scenario(blind, learning_curve, hooks, seed).run([server.address])
        wins.append(found > best_trained(random_search))
    assert sum(wins) >= 5, f"better with seeds {[seed for seed, won in enumerate(wins) if won]}"


class KatibsImage(Hook):
    """Katib's image has run the first rung: nine trials, and its state in the settings. It would
    now answer three suggestions where nine are asked for."""

    def started(self, controller: Controller) -> None:
        for number in range(9):
            point = dict(controller.space.draw(controller.source)) | {RESOURCE: "1"}
            name = f"{controller.experiment.name}-old{number:05d}"
            pairs = tuple(point.items())
            controller.kept.append(Kept(name, pairs))
            controller.trials[name] = SimulatedTrial(
                name=name,
                assignments=pairs,
                created=0,
                due=1 + number % 3,
                condition="RUNNING",
                metric_name=controller.experiment.spec.objective.objective_metric_name,
            )
        controller.returned |= {
            "eta": "3.0",
            "s_max": "2",
            "r_l": "9.0",
            "b_l": "27.0",
            "r": "1",
            "n": "9",
            "current_s": "2",
            "current_i": "0",
            "resource_name": RESOURCE,
            "evaluating_trials": "9",
        }


@pytest.mark.parametrize("parallel", [3, 9])
def test_an_experiment_of_katibs_image_goes_on(parallel: int, start_server: StartServer) -> None:
    theory, server = Theory(9, 3), start_server()
    hooks: list[Hook] = [
        KatibsImage(),
        RestartServer(server.restart, every=2),
        AskEveryoneAgain(),
        LoseReplies(),
        UntilRoundIsOver(theory),
    ]
    spec = theory.spec(parallel=parallel, maximum=200)
    controller = run(spec, hooks, 1, server.address)
    trials = list(controller.trials.values())
    theirs = {split(each.assignments)[0] for each in trials[:9]}
    counts = Counter(
        split(each.assignments)[1] for each in trials if split(each.assignments)[0] in theirs
    )
    assert counts == {1: 9, 3: 3, 9: 1}


def test_katibs_own_request(suggestion: Suggestion) -> None:
    """Its unit test asks for two with a resource that is no parameter, and does not validate."""
    spec = experiment("hyperband", SPACE, settings={"r_l": "10", "resource_name": "--num-epochs"})
    trials = [trial(f"test-{each}", {"rate": "0.01", "units": str(each)}) for each in (1, 2)]
    assert len(points_of(suggestion.ask(request(spec, 2, trials, total=0)))) == 2
    assert "--num-epochs" in suggestion.validation_message(spec)


@pytest.mark.parametrize("size", LARGEST, ids=lambda each: f"{each[0]}x{each[1]}")
@pytest.mark.parametrize("algorithm", ["hyperband", "asha"])
def test_the_largest_histories(
    algorithm: str, size: tuple[int, int], start_server: StartServer
) -> None:
    """With rungs in them: the shared test's histories have no resource."""
    settings = BY_NAME[algorithm].settings
    spec = experiment(
        algorithm, [*parameters(size[1]), integer(RESOURCE, 1, 27)], settings=settings
    )
    trials = history("largest", *size)
    for number, each in enumerate(trials):
        amount = 27 if number % 40 == 0 else 9 if number % 13 == 0 else 3 if number % 4 == 0 else 1
        each.spec.parameter_assignments.assignments.add(name=RESOURCE, value=str(amount))
    message = request(spec, 3, trials)
    server = start_server()
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        start = time.monotonic()
        assert len(points_of(Suggestion(channel).ask(message))) == 3
        took = time.monotonic() - start
    print(f"{algorithm} {size[0]} x {size[1]}: {took * 1000:.0f} ms")
    assert took < 5
    assert server.memory()["VmHWM"] < MEMORY_LIMIT_MIB
