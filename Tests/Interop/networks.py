# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Architecture searches: what suggestions must say, read as the trials' images read them.

An image replaces every apostrophe by a quotation mark and reads JSON. Everything here is worked out
from the search's definition with itertools, so it shares nothing with the server's enumeration.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from experiments import categorical, discrete, double, integer

Assignment = tuple[tuple[str, str], ...]
Network = Mapping[str, Any]

NETWORK: Network = {
    "numLayers": 5,
    "inputSizes": [32, 32, 3],
    "outputSizes": [10],
    "operations": [
        {
            "operationType": "convolution",
            "parameters": [
                categorical("filter_size", "3", "5"),
                categorical("num_filter", "32", "64"),
            ],
        },
        {
            "operationType": "reduction",
            "parameters": [
                categorical("reduction_type", "max_pooling", "avg_pooling"),
                integer("pool_size", 2, 3),
            ],
        },
        {
            "operationType": "dropout",
            "parameters": [double("rate", "0.1", "0.5", "0.2"), discrete("groups", "8", "2.0")],
        },
    ],
}


def read(text: str) -> Any:
    """A text as a trial's image reads it."""
    return json.loads(text.replace("'", '"'))


def write(value: Any) -> str:
    """A value as Katib's own images write it."""
    return json.dumps(value).replace('"', "'")


def values_of(parameter: Mapping[str, Any]) -> list[Any]:
    """A parameter's values as they stand in `opt_params`."""
    if parameter["type"] in ("categorical", "discrete"):
        return list(dict.fromkeys(parameter["list"]))
    low, high = Fraction(parameter["min"]), Fraction(parameter["max"])
    step = Fraction(parameter["step"] or "1")
    numbers = [low + k * step for k in range(int((high - low) / step) + 1)]
    return [int(each) if parameter["type"] == "int" else float(each) for each in numbers]


def operations_of(network: Network) -> list[dict[str, Any]]:
    """What every operation id means."""
    found: list[dict[str, Any]] = []
    for operation in network["operations"]:
        parameters = operation["parameters"]
        for values in itertools.product(*(values_of(each) for each in parameters)):
            names = [each["name"] for each in parameters]
            found.append(
                {
                    "opt_id": len(found),
                    "opt_type": operation["operationType"],
                    "opt_params": dict(zip(names, values, strict=True)),
                }
            )
    return found


def architecture_of(assignment: Sequence[tuple[str, str]]) -> list[list[int]]:
    return read(dict(assignment)["architecture"])


def architecture_problems(network: Network, layers: Any) -> list[str]:
    count = len(operations_of(network))
    if not isinstance(layers, list) or len(layers) != network["numLayers"]:
        return [f"{layers} does not have {network['numLayers']} layers"]
    found = []
    for place, layer in enumerate(layers):
        numbers = all(type(entry) is int for entry in layer) and len(layer) == place + 1
        if not numbers or layer[0] not in range(count) or not set(layer[1:]) <= {0, 1}:
            found.append(f"layer {place} is {layer}")
    return found


def enas_problems(network: Network) -> Callable[[Assignment], list[str]]:
    """What is wrong with a suggestion of enas, to the byte."""
    operations = operations_of(network)

    def problems(assignment: Assignment) -> list[str]:
        names = [name for name, _ in assignment]
        if names != ["architecture", "nn_config"]:
            return [f"assigned are {names}"]
        text, config = (value for _, value in assignment)
        layers = read(text)
        found = architecture_problems(network, layers)
        if found:
            return found
        expected = {
            "num_layers": network["numLayers"],
            "input_sizes": network["inputSizes"],
            "output_sizes": network["outputSizes"],
            "embedding": {str(layer[0]): operations[layer[0]] for layer in layers},
        }
        if text != write(layers):
            found.append(f"architecture is {text}")
        if config != write(expected):
            found.append(f"nn_config is {config}, should be {write(expected)}")
        return found

    return problems


DARTS_DEFAULTS = {
    "num_epochs": 50,
    "w_lr": 0.025,
    "w_lr_min": 0.001,
    "w_momentum": 0.9,
    "w_weight_decay": 3e-4,
    "w_grad_clip": 5.0,
    "alpha_lr": 3e-4,
    "alpha_weight_decay": 1e-3,
    "batch_size": 128,
    "num_workers": 4,
    "init_channels": 16,
    "print_step": 50,
    "num_nodes": 4,
    "stem_multiplier": 3,
}


def darts_assignment(network: Network, settings: Mapping[str, str] | None = None) -> Assignment:
    """The one suggestion of darts; `settings` without those that the server keeps to itself."""
    given = {key: None if text == "None" else text for key, text in (settings or {}).items()}
    names = []
    for operation in network["operations"]:
        kind = operation["operationType"]
        if kind == "skip_connection":
            names.append(kind)
        else:
            sizes = values_of(operation["parameters"][0])
            names += [f"{kind}_{size}x{size}" for size in sizes]
    return (
        ("algorithm-settings", write(DARTS_DEFAULTS | given)),
        ("search-space", write(names)),
        ("num-layers", str(network["numLayers"])),
    )


def darts_problems(network: Network) -> Callable[[Assignment], list[str]]:
    expected = darts_assignment(network)

    def problems(assignment: Assignment) -> list[str]:
        return [] if tuple(assignment) == expected else [f"{assignment}, should be {expected}"]

    return problems


def random_architecture(network: Network, source: random.Random) -> list[list[int]]:
    count = len(operations_of(network))
    return [
        [source.randrange(count), *(source.randrange(2) for _ in range(layer))]
        for layer in range(network["numLayers"])
    ]


class Landscape:
    """The worth of an architecture: better and worse operations, neighbours that fit or do not,
    skips that help or hurt. Between 0 and 1, larger is better."""

    def __init__(self, network: Network, seed: int) -> None:
        source = random.Random(f"landscape {seed}")
        layers, count = network["numLayers"], len(operations_of(network))
        general = [source.gauss(0, 1) for _ in range(count)]
        self.quality = [[each + source.gauss(0, 0.5) for each in general] for _ in range(layers)]
        self.fit = [[source.gauss(0, 0.4) for _ in range(count)] for _ in range(count)]
        self.skip = [
            [0.5 / (layer - source_layer) + source.gauss(0, 0.4) for source_layer in range(layer)]
            for layer in range(layers)
        ]

    def worth(self, layers: Sequence[Sequence[int]]) -> float:
        total = 0.0
        for place, (operation, *skips) in enumerate(layers):
            total += self.quality[place][operation]
            if place:
                total += self.fit[layers[place - 1][0]][operation]
            taken = zip(self.skip[place], skips, strict=True)
            total += sum(worth for worth, bit in taken if bit) - 0.05 * sum(skips) ** 2
        return 1 / (1 + 2.718281828 ** (-total / 4))
