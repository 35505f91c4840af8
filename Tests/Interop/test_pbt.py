# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Population-based training: generations that hand on checkpoints, and whether that pays."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints import (
    PBT,
    WORKSHOP,
    CheckpointFolders,
    client,
    labels,
    names_of,
    population,
    snapshot,
)
from disturbances import (
    AlternateReplicas,
    AskEveryoneAgain,
    ChangeParallelism,
    ForeignTrials,
    LoseReplies,
    Outcomes,
    RestartServer,
    Resume,
)
from experiments import double, experiment, trial
from katib_controller import Controller, Hook, Scenario, SimulatedTrial
from objectives import bowl
from server_process import ServerProcess
from toy_training import Task

StartServer = Callable[..., ServerProcess]
FIXED = {"random_state": "42"}


def scribble(source: random.Random) -> Callable[[SimulatedTrial, Path], str]:
    """A training that leaves files, folders and links of every kind, and a random metric."""

    def train(trial: SimulatedTrial, folder: Path) -> str:
        for number in range(source.randrange(1, 4)):
            place = folder / source.choice((".", "steps", "steps/deep"))
            place.mkdir(parents=True, exist_ok=True)
            path = place / f"file-{source.randrange(6)}"
            if path.is_symlink() or source.random() < 0.2:
                path.unlink(missing_ok=True)
                path.symlink_to(source.choice(("steps", "/checkpoint/file-1", "../..", "gone")))
            else:
                path.write_bytes(source.randbytes(source.choice((0, 10, 100_000))))
                path.chmod(source.choice((0o600, 0o644, 0o755)))
            (folder / f"trained-{number}").write_text(trial.name)
        return repr(source.random())

    return train


class Losses(Hook):
    """Fails or kills some trials after they have trained for a while."""

    def __init__(self, folders: CheckpointFolders) -> None:
        self.folders = folders

    def outcome(self, controller: Controller, trial: SimulatedTrial) -> bool:
        if controller.source.random() >= 0.2:
            return False
        folder = self.folders.folder(controller, trial.name)
        (folder / "unfinished").write_text("this must never be copied")
        trial.condition = controller.source.choice(("FAILED", "KILLED"))
        return True


class CountGenerations(Hook):
    def __init__(self, folders: CheckpointFolders) -> None:
        self.folders, self.finished = folders, Counter()

    def after_step(self, controller: Controller) -> None:
        finished = (each for each in controller.trials.values() if each.condition == "SUCCEEDED")
        self.finished = Counter(self.folders.generations[each.name] for each in finished)


@pytest.mark.parametrize("parallel", [1, 4, 6])
@pytest.mark.parametrize("seed", range(2))
def test_generations_hand_on_checkpoints(
    seed: int, parallel: int, volume: Path, start_server: StartServer
) -> None:
    """Killed between any two calls, replies lost, trials failing, parallelism changing."""
    first, second = (start_server("--data-directory", str(volume)) for _ in range(2))
    folders = CheckpointFolders(volume, scribble(random.Random(seed)))
    count = CountGenerations(folders)
    hooks: list[Hook] = [
        RestartServer(first.restart, every=2),
        RestartServer(second.restart, every=3),
        AlternateReplicas(),
        LoseReplies(),
        Losses(folders),
        folders,
        AskEveryoneAgain(),
        count,
        ChangeParallelism({20: parallel + 2, 40: parallel}) if parallel == 4 else Hook(),
        Resume((80, parallel)),
    ]
    spec = PBT.experiment(name="handing-on", parallel=parallel, maximum=50)
    controller = Scenario(spec, bowl(spec), hooks, seed).run([first.address, second.address])
    assert len(controller.kept) >= 80
    for name, began in folders.began.items():
        assert "unfinished" not in began, name
    if parallel != 4:  # lowering the parallelism deletes trials
        assert max(count.finished.values()) == 6, "more than the population"
        assert [count.finished[generation] for generation in range(6)] == [6] * 6, count.finished
    assert snapshot(volume / "handing-on" / WORKSHOP) == {}


@pytest.mark.parametrize("seed", range(2))
def test_everything_at_once_with_checkpoints(
    seed: int, volume: Path, start_server: StartServer
) -> None:
    """Others' trials that have no folders, invisible ones, deletions: exact replies even so."""
    server = start_server("--data-directory", str(volume))
    hooks: list[Hook] = [
        RestartServer(server.restart, every=3),
        ForeignTrials(),
        LoseReplies(),
        Outcomes(failed=0.1, killed=0.1, invisible=0.2, early=0.1, bad=0.1),
        ChangeParallelism({10: 2, 20: 9, 35: 3}),
        AskEveryoneAgain(),
    ]
    spec = PBT.experiment(name="at-once", parallel=6, maximum=60)
    controller = Scenario(spec, bowl(spec), hooks, seed).run([server.address])
    for entry in controller.kept:
        assert (volume / "at-once" / entry.trial_name).is_dir()


def test_lost_members_come_again(volume: Path, start_server: StartServer) -> None:
    """With the same hyperparameters, the same parent and the parent's checkpoint, not their own."""
    server = start_server("--data-directory", str(volume))
    spec = PBT.experiment(settings=FIXED)
    with client(server) as suggestion:
        first = suggestion.suggest(spec, 6)
        trials = population(names_of(first))
        for entry, done in zip(first.parameter_assignments, trials, strict=True):
            done.spec.parameter_assignments.CopyFrom(
                pb_assignments(entry, done.spec.parameter_assignments)
            )
            (volume / "interop" / entry.trial_name / "model").write_text(entry.trial_name)
        second = suggestion.suggest(spec, 3, trials)
        for condition in ("FAILED", "KILLED"):
            lost = second.parameter_assignments[0]
            again_trials = list(trials)
            for entry, state in zip(
                second.parameter_assignments, (condition, "RUNNING", "RUNNING"), strict=True
            ):
                one = trial(entry.trial_name, {}, condition=state)
                one.spec.parameter_assignments.CopyFrom(
                    pb_assignments(entry, one.spec.parameter_assignments)
                )
                again_trials.append(one)
            (volume / "interop" / lost.trial_name / "model").write_text("half trained")
            third = suggestion.suggest(spec, 1, again_trials).parameter_assignments[0]
            assert third.trial_name != lost.trial_name
            assert list(third.assignments) == list(lost.assignments)
            assert labels(third) == labels(lost)
            model = volume / "interop" / third.trial_name / "model"
            assert model.read_text() == labels(lost)["parent"]


def pb_assignments(entry: Any, kind: Any) -> Any:
    result = type(kind)()
    for each in entry.assignments:
        result.assignments.add(name=each.name, value=each.value)
    return result


# Whether it pays


STEPS, GENERATIONS, MEMBERS = 100, 12, 10
SPACE = [
    double("rate", "1e-4", "0.3", "", "logUniform"),
    double("momentum", "0", "0.95"),
    double("decay", "1e-6", "1e-1", "", "logUniform"),
    double("clip", "0.01", "10", "", "logUniform"),
]


def final_loss(
    name: str, task: Task, trials: int, steps: int, volume: Path, server: ServerProcess
) -> float:
    """The best loss of an experiment: so many trials of so many gradient steps each."""
    settings = {"random_state": str(task.seed)}
    if name == "pbt":
        settings |= {
            "suggestion_trial_dir": "/checkpoint",
            "n_population": str(MEMBERS),
            "truncation_threshold": "0.2",
        }
    spec = experiment(
        name,
        SPACE,
        name=f"{name}-{task.seed}-{steps}",
        settings=settings,
        maximize=False,
        parallel=4,
        maximum=trials,
    )

    def train(trial: SimulatedTrial, folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        setting = {key: float(value) for key, value in trial.assignments}
        return repr(task.train(folder, setting, steps))

    hooks: list[Hook] = [RestartServer(server.restart, every=10)]
    folders = CheckpointFolders(volume, train)
    if name != "pbt":
        folders.after_call = Hook.after_call.__get__(folders)
    controller = Scenario(spec, bowl(spec), [*hooks, folders], task.seed).run([server.address])
    losses = [float(value) for each in controller.trials.values() for _, value in each.metrics]
    return min(loss for loss in losses if loss == loss)


def test_it_beats_random_search_at_equal_cost(volume: Path, start_server: StartServer) -> None:
    """A real training: each spends 12,000 gradient steps, random search in long or in many runs."""
    server = start_server("--data-directory", str(volume))
    wins, lines = 0, []
    for seed in range(10):
        task = Task(seed)
        ours = final_loss("pbt", task, GENERATIONS * MEMBERS, STEPS, volume, server)
        long = final_loss("random", task, MEMBERS, GENERATIONS * STEPS, volume, server)
        many = final_loss("random", task, GENERATIONS * MEMBERS, STEPS, volume, server)
        wins += ours < min(long, many)
        lines.append(f"seed {seed}: pbt {ours:.4f}, long runs {long:.4f}, many runs {many:.4f}")
    print("\n".join(lines))
    assert wins >= 8, "\n".join(lines)
