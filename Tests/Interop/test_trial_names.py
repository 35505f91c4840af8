# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Names that an algorithm gives to its trials: labels of Kubernetes, and never used before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from algorithms import ALGORITHMS, Algorithm
from clients import Suggestion
from katib_controller import LABEL, NAME_LIMIT
from server_process import CHANNEL_OPTIONS, ServerProcess
from test_position import FIXED, history

StartServer = Callable[..., ServerProcess]


def names_of(reply: Any) -> list[str]:
    """The names that were chosen; an empty one leaves the choice to the controller."""
    return [entry.trial_name for entry in reply.parameter_assignments if entry.trial_name]


@pytest.mark.parametrize("name", ["a", "x" * 40, "a-" * 19 + "b"])
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_names_are_labels(algorithm: Algorithm, name: str, suggestion: Suggestion) -> None:
    spec = algorithm.experiment(name=name, settings=FIXED)
    names = names_of(suggestion.suggest(spec, 20, total=2**20))
    assert len(set(names)) == len(names)
    for each in names:
        assert LABEL.fullmatch(each) and len(each) <= NAME_LIMIT and each.startswith(f"{name}-")


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_an_index_asked_for_again_gets_another_name(
    algorithm: Algorithm, suggestion: Suggestion
) -> None:
    """Lowered parallelism makes the count go down while a trial of a higher index survives. If that
    one is invisible (no metrics), the request does not show that its name is taken: the name must
    not depend on the index alone, or the Experiment is stuck."""
    spec = algorithm.experiment(settings=FIXED)
    first = names_of(suggestion.suggest(spec, 3, history(spec, 6), total=9))
    later = names_of(suggestion.suggest(spec, 3, history(spec, 5), total=9))
    assert not set(first) & set(later)


@pytest.mark.parametrize("seen", [0, 6])
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_an_index_asked_for_after_the_same_history_gets_another_name(
    algorithm: Algorithm, seen: int, suggestion: Suggestion
) -> None:
    """Two trials come and go unseen: the first is deleted, the second has no metrics. The history
    is what it was then, and only the position tells that the second one's name is taken."""
    spec = algorithm.experiment(settings=FIXED)
    first = names_of(suggestion.suggest(spec, 2, history(spec, seen), total=seen + 2))
    later = names_of(suggestion.suggest(spec, 2, history(spec, seen), total=seen + 3))
    assert not set(first) & set(later)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_visible_names_are_not_given_again(algorithm: Algorithm, suggestion: Suggestion) -> None:
    spec = algorithm.experiment(settings=FIXED)
    trials = history(spec, 6)
    for _ in range(5):
        names = names_of(suggestion.suggest(spec, 6, trials, total=12))
        taken = {trial.name for trial in trials}
        assert not taken & set(names)
        for trial, name in zip(trials, names, strict=False):
            trial.name = name


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_namespaces_do_not_share_names(algorithm: Algorithm, start_server: StartServer) -> None:
    """The database of observations knows trials by name alone, across namespaces."""
    spec, seen = algorithm.experiment(settings=FIXED), set()
    for namespace in ("team-a", "team-b"):
        server = start_server("--namespace", namespace)
        with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
            names = set(names_of(Suggestion(channel).suggest(spec, 20)))
        assert not names & seen
        seen |= names
