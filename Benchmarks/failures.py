# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""What failed trials do to each algorithm: by chance, and where a region always fails.

    python Benchmarks/failures.py --server .build/release/katib-suggestion [--server other ...]

Whole Experiments over gRPC, one trial at a time. Prints the median distance of the best trial from
the optimum and the share of failed trials in the second half, with `failed_trials` = penalize (the
default) and ignore.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Tests/Interop"))

import grpc
from experiments import (
    categorical,
    double,
    experiment,
    integer,
    pairs_of,
    request,
    settings_of,
    trial,
)
from katib_controller import stamp
from server_process import CHANNEL_OPTIONS, ServerProcess
from stubs import pb

SPACE = [
    double("x", 0, 1),
    double("lr", "1e-4", "1", "", "logUniform"),
    categorical("o", "a", "b", "c"),
    integer("n", 1, 10),
]
BUDGETS = {"tpe": 100, "cmaes": 100, "bayesianoptimization": 50}
Fails = Callable[[dict[str, str], random.Random], bool]


def loss(point: dict[str, str]) -> float:
    order = (math.log10(float(point["lr"])) + 2.5) ** 2 / 4
    return (
        4 * (float(point["x"]) - 0.45) ** 2
        + order
        + {"a": 0, "b": 0.3, "c": 0.6}[point["o"]]
        + (int(point["n"]) - 6) ** 2 / 50
    )


def chance(share: float) -> Fails:
    return lambda _, source: source.random() < share


def region(point: dict[str, str], _: random.Random) -> bool:
    return float(point["x"]) > 0.5


def run(
    stub: grpc.UnaryUnaryMultiCallable, algorithm: str, seed: int, fails: Fails, failed_trials: str
) -> tuple[float, float]:
    """The distance from the optimum, and the share of failures in the second half."""
    source, best, budget = random.Random(seed), math.inf, BUDGETS[algorithm]
    settings = {"random_state": str(seed), "failed_trials": failed_trials}
    returned: dict[str, str] = {}
    trials, late = [], 0
    for number in range(budget):
        spec = experiment(
            algorithm, SPACE, settings=settings | returned, maximize=False, maximum=budget
        )
        message = request(spec, 1, trials, total=number + 1)
        reply = pb.GetSuggestionsReply.FromString(stub(message.SerializeToString(), timeout=60))
        returned |= settings_of(reply)
        (suggestion,) = reply.parameter_assignments
        pairs = pairs_of(suggestion)
        times = {"start": stamp(2 * number), "end": stamp(2 * number + 1)}
        if fails(dict(pairs), source):
            late += number >= budget // 2
            trials.append(trial(suggestion.trial_name, pairs, condition="FAILED", **times))
            trials[-1].status.completion_time = times["end"]
        else:
            best = min(best, loss(dict(pairs)))
            trials.append(trial(suggestion.trial_name, pairs, repr(loss(dict(pairs))), **times))
    return best, late / (budget - budget // 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", action="append", required=True, help="a binary; any number")
    parser.add_argument("--seeds", type=int, default=16)
    arguments = parser.parse_args()
    cases: dict[str, Fails] = {
        "none": chance(0),
        "5 % by chance": chance(0.05),
        "20 % by chance": chance(0.2),
        "all with x > 0.5": region,
    }
    print("| algorithm, trials | failures | server | failed_trials | gap | failed, second half |")
    print("|---|---|---|---|---|---|")
    for algorithm, budget in BUDGETS.items():
        for name, fails in cases.items():
            for server in arguments.server:
                os.environ["KATIB_SUGGESTION_BINARY"] = str(Path(server).resolve())
                with (
                    ServerProcess() as process,
                    grpc.insecure_channel(process.address, options=CHANNEL_OPTIONS) as channel,
                ):
                    stub = channel.unary_unary("/api.v1.beta1.Suggestion/GetSuggestions")
                    for failed_trials in ("penalize", "ignore"):
                        runs = [
                            run(stub, algorithm, seed, fails, failed_trials)
                            for seed in range(arguments.seeds)
                        ]
                        gap = statistics.median(gap for gap, _ in runs)
                        late = statistics.mean(late for _, late in runs)
                        row = [f"{algorithm}, {budget}", name, server, failed_trials]
                        print("|", " | ".join([*row, f"{gap:.1e}", f"{late:.2f}"]), "|", flush=True)


if __name__ == "__main__":
    main()
