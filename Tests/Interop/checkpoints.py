# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Trials that keep checkpoints on a volume, and what their folders must look like."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc

from algorithms import BY_NAME
from clients import Suggestion
from experiments import trial
from katib_controller import ContractViolation, Controller, Hook, SimulatedTrial
from server_process import CHANNEL_OPTIONS, ServerProcess
from stubs import pb

PBT = BY_NAME["pbt"]

LABEL = "pbt.suggestion.katib.kubeflow.org/"
WORKSHOP = ".incomplete"
Snapshot = dict[str, tuple[int, bytes]]


def snapshot(folder: Path) -> Snapshot:
    """Everything below a folder: permissions, and a file's bytes or a link's text."""
    found: Snapshot = {}
    for where, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(where) / name
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                content = os.readlink(path).encode()
            else:
                content = path.read_bytes() if stat.S_ISREG(mode) else b""
            found[str(path.relative_to(folder))] = (mode, content)
    return found


def labels(entry: Any) -> dict[str, str]:
    return {key.removeprefix(LABEL): value for key, value in entry.labels.items()}


class CheckpointFolders(Hook):
    """Looks at the folders of every reply, before any trial of it has run.

    Each stands, lets everybody write, and holds its parent's files byte for byte, or nothing. Then
    `train` runs in the folder of each trial that ends: it gets the trial and its folder and returns
    the metric.
    """

    def __init__(self, root: Path, train: Callable[[SimulatedTrial, Path], str]) -> None:
        self.root, self.train = root, train
        self.began: dict[str, Snapshot] = {}
        self.parents: dict[str, str | None] = {}
        self.generations: dict[str, int] = {}
        self.retrained: set[str] = set()

    def folder(self, controller: Controller, name: str) -> Path:
        return self.root / controller.experiment.name / name

    def after_call(self, controller: Controller, request: Any, raw: bytes) -> None:
        conditions = {trial.name: trial.status.condition for trial in request.trials}
        for entry in pb.GetSuggestionsReply.FromString(raw).parameter_assignments:
            folder, told = self.folder(controller, entry.trial_name), labels(entry)
            if not folder.is_dir() or folder.is_symlink():
                raise ContractViolation(f"{entry.trial_name} has no folder")
            if stat.S_IMODE(folder.stat().st_mode) & 0o777 != 0o777:
                raise ContractViolation(f"not everybody may write to {entry.trial_name}")
            parent, wanted = told.get("parent"), {}
            if parent is not None:
                if conditions.get(parent) != pb.TrialStatus.SUCCEEDED:
                    raise ContractViolation(f"{parent} is a parent and no finished trial")
                wanted = snapshot(self.folder(controller, parent))
                if self.generations.get(parent, 0) + 1 != int(told["generation"]):
                    raise ContractViolation(f"{entry.trial_name} is of the wrong generation")
            if snapshot(folder) != wanted:
                raise ContractViolation(f"{entry.trial_name} is not what {parent} left")
            self.began[entry.trial_name] = wanted
            self.parents[entry.trial_name] = parent
            self.generations[entry.trial_name] = int(told["generation"])

    def outcome(self, controller: Controller, trial: SimulatedTrial) -> bool:
        metric = self.train(trial, self.folder(controller, trial.name))
        trial.condition = "SUCCEEDED"
        trial.metrics = ((trial.metric_name, metric),)
        return True


@contextlib.contextmanager
def client(server: ServerProcess) -> Iterator[Suggestion]:
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        yield Suggestion(channel)


def population(names: list[str], values: list[float] | None = None) -> list[Any]:
    """Finished trials of PBT's experiment."""
    values = values or [float(number) for number in range(len(names))]
    return [
        trial(name, {"rate": "0.5", "layers": "3"}, value)
        for name, value in zip(names, values, strict=True)
    ]


def names_of(reply: Any) -> list[str]:
    return [entry.trial_name for entry in reply.parameter_assignments]
