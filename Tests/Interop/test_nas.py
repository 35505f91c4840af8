# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Architecture search: the texts that trials read, whole searches, and what is refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import Any

import grpc
import pytest

from algorithms import BY_NAME
from clients import Suggestion
from disturbances import (
    AskEveryoneAgain,
    ChangeParallelism,
    ForeignTrials,
    LoseReplies,
    Outcomes,
    PersonDeletesTrials,
    RestartServer,
    Resume,
)
from experiments import (
    categorical,
    discrete,
    double,
    experiment,
    integer,
    pairs_of,
    points_of,
    request,
    settings_of,
    trial,
)
from katib_controller import (
    ContractViolation,
    Controller,
    Hook,
    Kept,
    Scenario,
    SimulatedTrial,
)
from networks import (
    NETWORK,
    Landscape,
    Network,
    architecture_of,
    darts_assignment,
    enas_problems,
    operations_of,
    random_architecture,
    read,
    write,
)
from server_process import ServerProcess
from test_memory import AT_ONCE, CORES, timed_call

StartServer = Callable[..., ServerProcess]
ENAS, DARTS = BY_NAME["enas"], BY_NAME["darts"]

# The example in which Katib shows every operation there is: 106 of them.
EVERYTHING: Network = {
    "numLayers": 8,
    "inputSizes": [32, 32, 3],
    "outputSizes": [10],
    "operations": [
        {
            "operationType": "convolution",
            "parameters": [
                categorical("filter_size", "3", "5", "7"),
                categorical("num_filter", "32", "48", "64", "96", "128"),
                categorical("stride", "1", "2"),
            ],
        },
        {
            "operationType": "separable_convolution",
            "parameters": [
                categorical("filter_size", "3", "5", "7"),
                categorical("num_filter", "32", "48", "64", "96", "128"),
                categorical("stride", "1", "2"),
                categorical("depth_multiplier", "1", "2"),
            ],
        },
        {
            "operationType": "depthwise_convolution",
            "parameters": [
                categorical("filter_size", "3", "5", "7"),
                categorical("stride", "1", "2"),
                categorical("depth_multiplier", "1", "2"),
            ],
        },
        {
            "operationType": "reduction",
            "parameters": [
                categorical("reduction_type", "max_pooling", "avg_pooling"),
                integer("pool_size", 2, 3, 1),
            ],
        },
    ],
}
# Whatever a command line, JSON or the turning of quotes could trip over.
ODD: Network = {
    "numLayers": 2,
    "inputSizes": [8],
    "outputSizes": [2],
    "operations": [
        {
            "operationType": 'it\'s "odd"',
            "parameters": [
                categorical("n\\ame", "a'b", 'c"d', "\n\t", "層\U0001f600é", "", " ", "\x7f"),
                discrete("d", "1e3", "2.50"),
                double("r", "0.0003", "0.0009", "0.0003"),
                integer("i", -1, 1),
            ],
        }
    ],
}
LARGE: Network = {**NETWORK, "numLayers": 8}


def search(network: Network, **options: Any) -> Any:
    return experiment("enas", [], network=network, **options)


@pytest.mark.parametrize("count", [1, 2, 7, 100])
@pytest.mark.parametrize("network", [NETWORK, EVERYTHING], ids=["small", "everything"])
def test_enas_writes_what_trials_read(network: Network, count: int, suggestion: Suggestion) -> None:
    check = enas_problems(network)
    spec = search(network)
    suggestion.validate(spec)
    points = points_of(suggestion.suggest(spec, count))
    assert [check(point) for point in points] == [[]] * count
    assert len(set(points)) == count


def test_every_operation_is_explained_as_it_was_defined(suggestion: Suggestion) -> None:
    check, seen = enas_problems(EVERYTHING), set()
    for point in points_of(suggestion.suggest(search(EVERYTHING), 200)):
        assert check(point) == []
        seen |= {layer[0] for layer in architecture_of(point)}
    assert seen == set(range(len(operations_of(EVERYTHING)))) == set(range(106))


def test_odd_texts_come_back_as_they_were(suggestion: Suggestion) -> None:
    operations = operations_of(ODD)
    for point in points_of(suggestion.suggest(search(ODD), 60)):
        config = read(dict(point)["nn_config"])
        for key, meaning in config["embedding"].items():
            assert meaning == operations[int(key)]
    settings = {"note": 'it\'s "x"\\\n', "é": "層"}
    odd = {**ODD, "operations": [{"operationType": "a'b\"", "parameters": [categorical("s", "'")]}]}
    spec = experiment("darts", [], network=odd, settings=settings)
    texts = dict(points_of(suggestion.suggest(spec, 1))[0])
    assert read(texts["search-space"]) == ["a'b\"_'x'"]
    told = read(texts["algorithm-settings"])
    assert {key: told[key] for key in settings} == settings


def test_thousands_at_once(suggestion: Suggestion) -> None:
    """As many as fit into the 4 MiB that the controller takes."""
    network = {**NETWORK, "numLayers": 4}
    check = enas_problems(network)
    trials = list(history(Landscape(network, 1), network, 40))
    points = points_of(suggestion.suggest(search(network), 8000, trials))
    assert all(not check(point) for point in points)
    assert len({dict(point)["architecture"] for point in points}) == 8000
    reply = suggestion.suggest(DARTS.experiment(), 8000)
    assert set(points_of(reply)) == {darts_assignment(NETWORK)}
    message = suggestion.refusal_message(request(DARTS.experiment(), 9000))
    assert "4194304" in message and "fewer" in message


def history(landscape: Landscape, network: Network, count: int, seed: int = 1) -> Any:
    source = random.Random(seed)
    for number in range(count):
        layers = random_architecture(network, source)
        yield trial(
            f"old-{number}",
            {"architecture": write(layers), "nn_config": "{}"},
            landscape.worth(layers),
            end=f"2026-06-01T11:{number // 60:02}:{number % 60:02}Z",
        )


# Inside Katib's pod


def test_the_largest_history_four_at_once_on_half_a_core(start_server: StartServer) -> None:
    """1.5 MiB of architectures is what a Suggestion object can hold."""
    network = {**NETWORK, "numLayers": 12}
    trials, source, size = [], random.Random(1), 0
    landscape, operations = Landscape(network, 1), operations_of(network)
    while size < 3 << 19:
        layers = random_architecture(network, source)
        embedding = {str(layer[0]): operations[layer[0]] for layer in layers}
        config = {"num_layers": 12, "input_sizes": [32, 32, 3], "output_sizes": [10]}
        assigned = {
            "architecture": write(layers),
            "nn_config": write({**config, "embedding": embedding}),
        }
        size += sum(len(name) + len(text) for name, text in assigned.items())
        trials.append(trial(f"t-{len(trials)}", assigned, landscape.worth(layers)))
    message = request(search(network), 10, trials).SerializeToString()
    server = start_server()
    with server.limited_to(CORES), futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(timed_call, [server.address] * AT_ONCE, [message] * AT_ONCE))
    assert [code for _, code in answers] == [grpc.StatusCode.OK] * AT_ONCE
    worked, peak = server.cpu_seconds() / CORES, server.memory()["VmHWM"]
    print(f"{len(trials)} trials: {worked:.2f} s of half a core, peak {peak:.1f} MiB")
    assert peak < 64
    assert worked < 5 * AT_ONCE


# Katib's own requests


def test_the_request_of_katibs_enas_test(suggestion: Suggestion) -> None:
    network: Network = {
        "numLayers": 4,
        "inputSizes": [32, 32, 8],
        "outputSizes": [10],
        "operations": [
            {
                "operationType": "convolution",
                "parameters": [
                    categorical("filter_size", "5"),
                    categorical("num_filter", "128"),
                    categorical("stride", "1", "2"),
                ],
            },
            {
                "operationType": "reduction",
                "parameters": [
                    categorical("reduction_type", "max_pooling"),
                    integer("pool_size", 2, 3, 1),
                ],
            },
        ],
    }
    trials = []
    for name, text, value in (
        ("first-trial", "[[3], [0, 1], [0, 0, 1], [2, 1, 0, 0]]", "0.88"),
        ("second-trial", "[[1], [0, 1], [2, 1, 1], [2, 1, 1, 0]]", "0.84"),
    ):
        assigned = {"architecture": text, "nn_config": "{'num_layers': 4}"}
        trials.append(trial(name, assigned, value, start="", end=""))
    spec = search(network, name="enas-experiment", parallel=2, maximum=10)
    points = points_of(suggestion.suggest(spec, 2, trials, total=0))
    assert [enas_problems(network)(point) for point in points] == [[], []]


def test_the_request_of_katibs_darts_test(suggestion: Suggestion) -> None:
    network: Network = {
        "numLayers": 3,
        "operations": [
            {
                "operationType": "separable_convolution",
                "parameters": [categorical("filter_size", "3", "5")],
            }
        ],
    }
    spec = experiment("darts", [], network=network, settings={"num_epoch": "10"})
    suggestion.validate(spec)
    texts = dict(points_of(suggestion.suggest(spec, 1, total=0))[0])
    assert read(texts["algorithm-settings"])["num_epoch"] == "10"
    assert read(texts["search-space"]) == [
        "separable_convolution_3x3",
        "separable_convolution_5x5",
    ]
    assert int(texts["num-layers"]) == 3


# Darts


def test_darts_passes_settings_on_but_for_its_own(suggestion: Suggestion) -> None:
    given = {"num_epochs": "3", "batch_size": "None", "w_grad_clip": "inf", "mystery": "x y"}
    own = {"random_state": "3", "failed_trials": "ignore", "initial_points": "[]"}
    spec = DARTS.experiment(settings={**given, **own})
    suggestion.validate(spec)
    reply = suggestion.suggest(spec, 3)
    assert points_of(reply) == [darts_assignment(NETWORK, given)] * 3
    assert settings_of(reply) == {}


def test_katibs_example_has_a_skip_connection_without_parameters(suggestion: Suggestion) -> None:
    network = {**NETWORK, "operations": [{"operationType": "skip_connection"}]}
    spec = experiment("darts", [], network=network)
    suggestion.validate(spec)
    assert dict(points_of(suggestion.suggest(spec, 1))[0])["search-space"] == "['skip_connection']"


# What is refused


def broken(change: Callable[[dict[str, Any]], None]) -> Network:
    network = json.loads(json.dumps(NETWORK))
    change(network)
    return network


def parameter(of: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Replaces the second parameter of the second operation."""

    def change(network: dict[str, Any]) -> None:
        network["operations"][1]["parameters"][1] = of

    return change


BROKEN: Mapping[str, tuple[Network, list[str]]] = {
    "no-layers": (broken(lambda n: n.update(numLayers=0)), ["num_layers", "0"]),
    "no-operations": (broken(lambda n: n.update(operations=[])), ["operations"]),
    "no-type": (
        broken(lambda n: n["operations"][2].update(operationType="")),
        ["operation number 3", "operation_type"],
    ),
    "no-parameters": (
        broken(lambda n: n["operations"][0].update(parameters=[])),
        ["convolution", "parameters"],
    ),
    "no-name": (broken(parameter(integer("", 1, 3))), ["reduction", "name"]),
    "no-kind": (
        broken(parameter({**integer("pool", 1, 3), "type": "unknown"})),
        ["reduction", "pool", "type"],
    ),
    "no-list": (broken(parameter(categorical("pool"))), ["reduction", "pool", "list"]),
    "no-min": (broken(parameter(integer("pool", "", 3))), ["reduction", "pool", "min"]),
    "no-max": (broken(parameter(double("pool", 1, "", 1))), ["reduction", "pool", "max"]),
    "no-step": (broken(parameter(double("pool", 1, 3))), ["reduction", "pool", "step"]),
    "step-zero": (broken(parameter(double("pool", 1, 3, 0))), ["reduction", "pool", "step", "0"]),
    "no-number": (broken(parameter(integer("pool", "a", 3))), ["reduction", "pool", "min", "a"]),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("name", ["enas", "darts"])
def test_what_is_wrong_is_named(name: str, case: str, suggestion: Suggestion) -> None:
    network, words = BROKEN[case]
    message = suggestion.validation_message(experiment(name, [], network=network))
    assert [word for word in words if word not in message] == [], message
    assert "\n" not in message


def test_enas_needs_sizes(suggestion: Suggestion) -> None:
    for field, word in (("inputSizes", "input_sizes"), ("outputSizes", "output_sizes")):
        message = suggestion.validation_message(search({**NETWORK, field: []}))
        assert word in message
    assert "nas_config" in suggestion.validation_message(experiment("enas", []))
    assert "nas_config" in suggestion.refusal_message(request(experiment("enas", []), 1))


def test_too_many_combinations(suggestion: Suggestion) -> None:
    wide = [integer(f"p{number}", 0, 10**15) for number in range(50)]
    network = {**NETWORK, "operations": [{"operationType": "conv", "parameters": wide}]}
    for name in ("enas", "darts"):
        spec = experiment(name, [], network=network)
        assert "2048" in suggestion.validation_message(spec)
        assert "2048" in suggestion.refusal_message(request(spec, 1))


def test_enas_refuses_settings_that_katib_refuses(suggestion: Suggestion) -> None:
    for name, value in (
        ("controller_hidden_size", "0"),
        ("controller_temperature", "0"),
        ("controller_baseline_decay", "1.5"),
        ("controller_learning_rate", "None"),
        ("controller_skip_target", "-1"),
        ("controller_train_steps", "1.5"),
    ):
        message = suggestion.validation_message(search(NETWORK, settings={name: value}))
        assert name in message and value in message
    message = suggestion.validation_message(search(NETWORK, settings={"num_epochs": "1"}))
    assert message == "unknown setting num_epochs for algorithm enas"


# Whole searches


class UpstreamTrials(Hook):
    """The experiment began with Katib's image: its trials, some of them not even of this search."""

    TEXTS = ("", "[]", "[[0], [1, 1]]", "[[99], [0, 1], [0, 0, 1]]", "None", "[[0], ['a', 1]]")

    def __init__(self, network: Network) -> None:
        self.network = network

    def started(self, controller: Controller) -> None:
        for number in range(8):
            layers = random_architecture(self.network, controller.source)
            text = write(layers) if number % 2 else self.TEXTS[number // 2]
            assigned = (("architecture", text), ("nn_config", "{'num_layers': 5}"))
            name = f"{controller.experiment.name}-up{number:06d}"
            controller.kept.append(Kept(name, assigned))
            controller.trials[name] = SimulatedTrial(
                name=name,
                assignments=assigned,
                created=0,
                due=1 + number,
                condition="RUNNING",
                metric_name=controller.experiment.spec.objective.objective_metric_name,
            )


class NoRepeatedArchitecture(Hook):
    """No architecture twice among what the server can see, whatever became of it."""

    def kept(self, controller: Controller, request: Any, entries: list[Kept]) -> None:
        seen = {pairs_of(trial.spec.parameter_assignments) for trial in request.trials}
        known = {dict(pairs).get("architecture") for pairs in seen}
        for entry in entries:
            text = dict(entry.assignments)["architecture"]
            if text in known:
                raise ContractViolation(f"{text} again")
            known.add(text)


class Best(Hook):
    """Remembers the worth of everything that was kept, in order."""

    def __init__(self, landscape: Landscape) -> None:
        self.landscape = landscape
        self.worths: list[float] = []

    def kept(self, controller: Controller, request: Any, entries: list[Kept]) -> None:
        for entry in entries:
            self.worths.append(self.landscape.worth(architecture_of(entry.assignments)))

    def best(self, count: int) -> float:
        return max(self.worths[:count])


def objective(landscape: Landscape) -> Callable[[Mapping[str, str]], float]:
    def value(assigned: Mapping[str, str]) -> float:
        try:
            return landscape.worth(read(assigned["architecture"]))
        except (KeyError, IndexError, TypeError, ValueError):
            return 0.1

    return value


@pytest.mark.parametrize("seed", range(2))
def test_enas_in_a_rough_cluster(seed: int, start_server: StartServer) -> None:
    """Kills between any two calls, failures, lost replies, others' trials, deletions, a sequel."""
    server = start_server()
    spec = ENAS.experiment(parallel=4, maximum=30, settings={"controller_hidden_size": "16"})
    hooks: list[Hook] = [
        RestartServer(server.restart),
        AskEveryoneAgain(),
        LoseReplies(),
        UpstreamTrials(NETWORK),
        ForeignTrials(),
        Outcomes(failed=0.15, killed=0.1, invisible=0.1, early=0.1, bad=0.1),
        ChangeParallelism({12: 1, 18: 7}),
        PersonDeletesTrials(),
        NoRepeatedArchitecture(),
        Resume((45, 3)),
    ]
    scenario = Scenario(spec, objective(Landscape(NETWORK, seed)), hooks, seed, check=ENAS.check)
    assert len(scenario.run([server.address]).kept) >= 45


@pytest.mark.parametrize("seed", range(2))
def test_darts_in_a_rough_cluster(seed: int, start_server: StartServer) -> None:
    server = start_server()
    spec = DARTS.experiment(parallel=2, maximum=10)
    hooks: list[Hook] = [
        RestartServer(server.restart),
        AskEveryoneAgain(),
        LoseReplies(),
        Outcomes(failed=0.2, killed=0.1, bad=0.5),
        Resume((15, 4)),
    ]
    scenario = Scenario(spec, lambda _: 1.0, hooks, seed, check=DARTS.check)
    assert len(scenario.run([server.address]).kept) == 15


def test_enas_beats_random_architectures(server: ServerProcess) -> None:
    """100 trials, three at a time, a tenth of them failing: better in at least four of five."""
    wins, trials = 0, 100
    for seed in range(5):
        landscape = Landscape(LARGE, seed)
        best = Best(landscape)
        hooks: list[Hook] = [Outcomes(failed=0.1), best]
        small = {"controller_hidden_size": "32"}
        spec = search(LARGE, parallel=3, maximum=trials, name=f"enas-{seed}", settings=small)
        check = enas_problems(LARGE)
        Scenario(spec, objective(landscape), hooks, seed, check=check).run([server.address])
        source = random.Random(f"random architectures {seed}")
        blind = max(landscape.worth(random_architecture(LARGE, source)) for _ in range(trials))
        print(f"seed {seed}: enas {best.best(trials):.4f}, random {blind:.4f}")
        wins += best.best(trials) > blind
    assert wins >= 4, f"{wins} of 5"
