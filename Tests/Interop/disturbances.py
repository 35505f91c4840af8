# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to Experiments in real clusters, one class for each, and what to expect meanwhile.

All of them draw from the controller's seeded source, so a seed replays a run exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from experiments import pairs_of
from katib_controller import (
    Assignment,
    ContractViolation,
    Controller,
    Hook,
    Kept,
    SimulatedTrial,
    stamp,
)
from stubs import pb


class RestartServer(Hook):
    """The process is killed and another one started, between any two calls."""

    def __init__(self, restart: Callable[[], None], every: int = 1) -> None:
        self.restart, self.every, self.seen = restart, every, 0

    def before_call(self, controller: Controller) -> None:
        self.seen += 1
        if self.seen % self.every == 0:
            self.restart()


class AlternateReplicas(Hook):
    """A Service in front of several replicas sends every call to another one."""

    def before_call(self, controller: Controller) -> None:
        controller.addresses.append(controller.addresses.pop(0))


class AskEveryoneAgain(Hook):
    """The same request, its history in another order, goes to every replica: same bytes back."""

    def __init__(self, rate: float = 1.0) -> None:
        self.rate = rate

    def after_call(self, controller: Controller, request: Any, raw: bytes) -> None:
        if not controller.repeatable(request, raw) or controller.source.random() >= self.rate:
            return
        history = list(request.trials)
        controller.source.shuffle(history)
        again = pb.GetSuggestionsRequest()
        again.CopyFrom(request)
        del again.trials[:]
        again.trials.extend(history)
        for address in controller.addresses:
            other = controller.call(again, address)
            if other != raw:
                first, second = (pb.GetSuggestionsReply.FromString(each) for each in (raw, other))
                raise ContractViolation(f"same request, other reply:\n{first}\nand\n{second}")


class LoseReplies(Hook):
    """The status update fails after some replies: they are discarded and asked for again."""

    def __init__(self, rate: float = 0.3) -> None:
        self.rate = rate

    def keeps_reply(self, controller: Controller) -> bool:
        return controller.source.random() >= self.rate


class ForeignTrials(Hook):
    """Trials of a same-named Experiment in another namespace: visible, but counted nowhere."""

    def __init__(self, most: int = 10) -> None:
        self.most, self.trials = most, []

    def history(self, controller: Controller) -> list[Any]:
        return [trial.message() for trial in self.trials]

    def after_step(self, controller: Controller) -> None:
        if len(self.trials) >= self.most:
            return
        source = controller.source
        condition = source.choice(("CREATED", "RUNNING", "SUCCEEDED", "FAILED", "KILLED"))
        trial = SimulatedTrial(
            name=f"{controller.experiment.name}-{''.join(source.choices('abcxyz0189', k=8))}",
            assignments=tuple(controller.space.draw(source)),
            created=controller.now,
            due=controller.now,
            condition=condition,
            metric_name=controller.experiment.spec.objective.objective_metric_name,
        )
        if condition not in ("CREATED", "RUNNING"):
            trial.completed = controller.now
        if condition == "SUCCEEDED":
            trial.metrics = ((trial.metric_name, controller.measure(trial)),)
        self.trials.append(trial)


class OtherImplementation(Hook):
    """The user changed images in the middle: old trials have other names, formats and gaps."""

    def __init__(self, trials: int = 6) -> None:
        self.trials = trials

    def started(self, controller: Controller) -> None:
        source = controller.source
        for number in range(min(self.trials, controller.maximum - 1)):
            point = controller.space.draw(source)
            pairs = [(name, self._spoil(number, text)) for name, text in point]
            if number % 3 == 2:
                pairs = pairs[1:]
            name = f"{controller.experiment.name}-old{number:05d}"
            controller.kept.append(Kept(name, tuple(pairs)))
            controller.trials[name] = SimulatedTrial(
                name=name,
                assignments=tuple(pairs),
                created=0,
                due=1,
                condition="RUNNING",
                metric_name=controller.experiment.spec.objective.objective_metric_name,
            )

    @staticmethod
    def _spoil(number: int, text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            return text
        return f"{value + 1e-13:.15f}" if number % 2 else f"{value:.1f}"


class Outcomes(Hook):
    """Trials end in other ways than success, at the given rates.

    `early` is early stopped, with an observation for half of them; `bad` succeeds with a metric
    that is no number.
    """

    BAD = ("", "unavailable", "nan", "NaN", "inf", "-inf", "1e999", "12abc", "None")

    def __init__(self, **rates: float) -> None:
        self.rates = rates

    def outcome(self, controller: Controller, trial: SimulatedTrial) -> bool:
        draw = controller.source.random()
        for kind, rate in self.rates.items():
            if draw < rate:
                getattr(self, f"_{kind}")(controller, trial)
                return True
            draw -= rate
        return False

    def _failed(self, controller: Controller, trial: SimulatedTrial) -> None:
        trial.condition = "FAILED"

    def _killed(self, controller: Controller, trial: SimulatedTrial) -> None:
        trial.condition = "KILLED"

    def _invisible(self, controller: Controller, trial: SimulatedTrial) -> None:
        trial.condition = "METRICSUNAVAILABLE"

    def _early(self, controller: Controller, trial: SimulatedTrial) -> None:
        trial.condition = "EARLYSTOPPED"
        if controller.source.random() < 0.5:
            trial.metrics = ((trial.metric_name, controller.measure(trial)),)

    def _bad(self, controller: Controller, trial: SimulatedTrial) -> None:
        trial.condition = "SUCCEEDED"
        text = controller.source.choice((*self.BAD, None))
        trial.metrics = () if text is None else ((trial.metric_name, text),)


class ChangeParallelism(Hook):
    """Somebody edits the Experiment: {completed trials: new parallelism}."""

    def __init__(self, plan: Mapping[int, int]) -> None:
        self.plan = dict(plan)

    def after_step(self, controller: Controller) -> None:
        due = [count for count in self.plan if count <= controller.completed()]
        for count in sorted(due):
            controller.parallel = self.plan.pop(count)


class PersonDeletesTrials(Hook):
    """A deleted Trial is made again under its old name, without a call, and runs once more."""

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def after_step(self, controller: Controller) -> None:
        if controller.trials and controller.source.random() < self.rate:
            del controller.trials[controller.source.choice(sorted(controller.trials))]


class Resume(Hook):
    """Once complete, the Experiment is given more trials, another parallelism and a later date."""

    def __init__(self, *stages: tuple[int, int]) -> None:
        self.stages = list(stages)

    def resumes(self, controller: Controller) -> bool:
        if not self.stages:
            return False
        controller.maximum, controller.parallel = self.stages.pop(0)
        controller.now += 3 * 86400
        assert stamp(controller.now) > stamp(0)
        return True


# Expectations: they disturb nothing and watch what is kept.


class NoRepeatedPoint(Hook):
    """No point twice among this Experiment's trials that show, while the space holds an unused one.

    `strict`: not among all kept ones either. That can be asked where no count ever goes down.
    """

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict

    def kept(self, controller: Controller, request: Any, entries: list[Kept]) -> None:
        combinations = controller.space.combinations()
        foreign = {
            trial.name
            for hook in controller.scenario.hooks
            if isinstance(hook, ForeignTrials)
            for trial in hook.trials
        }
        seen = {
            pairs_of(trial.spec.parameter_assignments)
            for trial in request.trials
            if trial.name not in foreign
        }
        if self.strict:
            older = controller.kept[: len(controller.kept) - len(entries)]
            seen |= {entry.assignments for entry in older}
        seen = {point for point in seen if not controller.space.problems(point)}
        for entry in entries:
            free = combinations is None or len(seen) < combinations
            if entry.assignments in seen and free:
                raise ContractViolation(f"{entry.assignments} again, {len(seen)} points are used")
            seen.add(entry.assignments)


class FollowsSequence(Hook):
    """The suggestion at every index is the one that a single call for all of them gives."""

    def __init__(self, sequence: list[Assignment]) -> None:
        self.sequence = sequence

    def kept(self, controller: Controller, request: Any, entries: list[Kept]) -> None:
        first = request.total_request_number - request.current_request_number
        for index, entry in enumerate(entries, first):
            if entry.assignments != self.sequence[index]:
                raise ContractViolation(
                    f"index {index} is {entry.assignments}, the sequence has {self.sequence[index]}"
                )


class Tally(Hook):
    """Counts what was kept, for a look after the run."""

    def __init__(self) -> None:
        self.points: Counter[Assignment] = Counter()
        self.batches: list[int] = []

    def kept(self, controller: Controller, request: Any, entries: list[Kept]) -> None:
        self.batches.append(len(entries))
        self.points.update(entry.assignments for entry in entries)
