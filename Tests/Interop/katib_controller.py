# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A simulator of Katib's controller: the reference of what a suggestion service must live with.

One `Controller` runs one Experiment in simulated time against a real server over real gRPC and does
what Katib's reconcile loops do:

* It keeps `parallel_trial_count` trials active until `max_trial_count` have finished, and asks for
  as many assignments as are missing: `total = trials + wanted`, `current = total - kept`.
* Every call opens a connection of its own and has 60 seconds. The request carries the whole history
  in shuffled order: created, running, failed and killed trials too. Trials without metrics, and
  early-stopped trials whose observation is missing, are invisible, yet they count in the total.
* Times have a resolution of one second, so ties are common; early-stopped trials never get a
  completion time.
* Settings that a reply returns are stored and sent back over the user's. Names that a reply gives
  to its trials come back as well. Labels do not.
* A reply that is not exact and feasible stops the simulation with a `ContractViolation`.

What goes wrong around it comes from `disturbances.py`. A `Scenario` is an experiment, an objective,
a list of disturbances and a seed; the seed is part of every failure message and replays it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc

from experiments import pairs_of, settings_of
from feasible import Space
from server_process import CHANNEL_OPTIONS
from stubs import pb

Assignment = tuple[tuple[str, str], ...]
Objective = Callable[[Mapping[str, str]], float]

CALL_SECONDS = 60.0
EPOCH = datetime(2026, 6, 1, 10, 0, 0, tzinfo=UTC)
SUFFIX = "abcdefghijklmnopqrstuvwxyz0123456789"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# The trial's name also names its job and the job's pods, which append to it.
NAME_LIMIT = 52
Condition = pb.TrialStatus.TrialConditionType
ACTIVE = ("CREATED", "RUNNING")


class ContractViolation(AssertionError):
    """The server did what the contract forbids."""


@dataclass
class SimulatedTrial:
    """A Trial object as the cluster holds it."""

    name: str
    assignments: Assignment
    created: int
    due: int
    condition: str = "CREATED"
    completed: int | None = None
    metrics: tuple[tuple[str, str], ...] = ()
    metric_name: str = ""

    @property
    def active(self) -> bool:
        return self.condition in ACTIVE

    @property
    def visible(self) -> bool:
        if self.condition == "METRICSUNAVAILABLE":
            return False
        return self.condition != "EARLYSTOPPED" or bool(self.metrics)

    def message(self) -> Any:
        result = pb.Trial(name=self.name)
        result.spec.objective.objective_metric_name = self.metric_name
        for name, value in self.assignments:
            result.spec.parameter_assignments.assignments.add(name=name, value=value)
        result.status.condition = Condition.Value(self.condition)
        if self.condition != "CREATED":
            result.status.start_time = stamp(self.created)
        if self.completed is not None and self.condition != "EARLYSTOPPED":
            result.status.completion_time = stamp(self.completed)
        for name, value in self.metrics:
            result.status.observation.metrics.add(name=name, value=value)
        return result


def stamp(second: int) -> str:
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Kept:
    """An assignment in the Suggestion's status: its place there is its index."""

    trial_name: str
    assignments: Assignment


class Hook:
    """What may watch or disturb a run; every method may be left as it is."""

    def started(self, controller: Controller) -> None:
        """The Experiment was created."""

    def before_call(self, controller: Controller) -> None:
        """A call is about to be made."""

    def after_call(self, controller: Controller, request: Any, raw: bytes) -> None:
        """A correct reply arrived."""

    def keeps_reply(self, controller: Controller) -> bool:
        """False: the reply is thrown away and asked for again."""
        return True

    def kept(self, controller: Controller, request: Any, entries: list[Kept]) -> None:
        """The reply's assignments were stored; the request tells what the server knew."""

    def history(self, controller: Controller) -> list[Any]:
        """Further trials, as messages, that the next request carries."""
        return []

    def outcome(self, controller: Controller, trial: SimulatedTrial) -> bool:
        """A trial ends: True if this hook has decided how (condition and metrics)."""
        return False

    def after_step(self, controller: Controller) -> None:
        """Some trials ended and the clock moved."""

    def resumes(self, controller: Controller) -> bool:
        """The Experiment is complete: True if it was given more to do."""
        return False


@dataclass
class Scenario:
    experiment: Any
    objective: Objective
    hooks: Sequence[Hook] = ()
    seed: int = 0
    free: Sequence[str] = field(default=())  # parameters whose values the algorithm may choose
    check: Callable[[Assignment], list[str]] | None = None  # instead of the search space's check

    def run(self, addresses: Sequence[str]) -> Controller:
        controller = Controller(self, addresses)
        try:
            controller.run()
        except Exception as error:
            where = f"seed {self.seed}, call {controller.calls}, second {controller.now}"
            what = f"{error.code()}: {error.details()}" if _is_status(error) else str(error)
            raise ContractViolation(f"[{where}] {what}") from error
        return controller


def _is_status(error: Exception) -> bool:
    return isinstance(error, grpc.RpcError) and hasattr(error, "code")


def call(address: str, method: str, message: Any) -> bytes:
    """One call on a connection of its own; the reply's bytes, so that replies can be compared."""
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        stub = channel.unary_unary(
            f"/api.v1.beta1.Suggestion/{method}",
            request_serializer=lambda each: each.SerializeToString(),
        )
        return stub(message, timeout=CALL_SECONDS)


class Controller:
    def __init__(self, scenario: Scenario, addresses: Sequence[str]) -> None:
        self.scenario = scenario
        self.addresses = list(addresses)
        self.experiment = pb.Experiment()
        self.experiment.CopyFrom(scenario.experiment)
        self.space = Space.of(self.experiment, scenario.free)
        self.source = random.Random(f"controller {scenario.seed}")
        self.parallel = self.experiment.spec.parallel_trial_count or 3
        self.maximum = self.experiment.spec.max_trial_count
        self.now = 0
        self.calls = 0
        self.kept: list[Kept] = []
        self.trials: dict[str, SimulatedTrial] = {}
        self.returned: dict[str, str] = {}

    # The loops

    def run(self) -> None:
        call(
            self.addresses[0],
            "ValidateAlgorithmSettings",
            pb.ValidateAlgorithmSettingsRequest(experiment=self.experiment),
        )
        self._each("started")
        while True:
            while self.completed() < self.maximum:
                self.reconcile()
                self.advance()
                self._each("after_step")
            if not any([hook.resumes(self) for hook in self.scenario.hooks]):
                return

    def completed(self) -> int:
        return sum(not trial.active for trial in self.trials.values())

    def reconcile(self) -> None:
        """Brings the number of active trials to what the Experiment asks for."""
        active = len(self.trials) - self.completed()
        if active > self.parallel:
            self._delete_newest(active - self.parallel)
            return
        wanted = min(self.parallel, self.maximum - self.completed()) - active
        if wanted <= 0:
            return
        missing = len(self.trials) + wanted - len(self.kept)
        if missing > 0:
            self.ask(missing)
        for entry in self.kept:
            if entry.trial_name not in self.trials:
                self._create(entry)

    def advance(self) -> None:
        """Moves the clock to the next second in which a trial ends, and ends all that are due."""
        for trial in self.trials.values():
            if trial.condition == "CREATED" and self.source.random() < 0.8:
                trial.condition = "RUNNING"
        active = [trial for trial in self.trials.values() if trial.active]
        if not active:
            return
        self.now = max(self.now, min(trial.due for trial in active))
        for trial in active:
            if trial.due <= self.now:
                self._end(trial)

    def ask(self, count: int) -> None:
        """Asks until a reply survives, then stores its assignments and settings."""
        while True:
            self._each("before_call")
            request = self.request(count)
            raw = self.call(request)
            reply = self.read(request, raw)
            self._each("after_call", request, raw)
            if all([hook.keeps_reply(self) for hook in self.scenario.hooks]):
                break
        self.returned |= settings_of(reply)
        entries = [
            Kept(entry.trial_name or self._random_name(), pairs_of(entry))
            for entry in reply.parameter_assignments
        ]
        self.kept += entries
        self._each("kept", request, entries)

    # The call

    def request(self, count: int) -> Any:
        experiment = pb.Experiment()
        experiment.CopyFrom(self.experiment)
        experiment.spec.parallel_trial_count = self.parallel
        experiment.spec.max_trial_count = self.maximum
        settings = {each.name: each.value for each in experiment.spec.algorithm.algorithm_settings}
        del experiment.spec.algorithm.algorithm_settings[:]
        for name, value in (settings | self.returned).items():
            experiment.spec.algorithm.algorithm_settings.add(name=name, value=value)
        history = [trial.message() for trial in self.trials.values() if trial.visible]
        for hook in self.scenario.hooks:
            history += hook.history(self)
        self.source.shuffle(history)
        return pb.GetSuggestionsRequest(
            experiment=experiment,
            trials=history,
            current_request_number=count,
            total_request_number=len(self.kept) + count,
        )

    def call(self, request: Any, address: str = "") -> bytes:
        self.calls += 1
        return call(address or self.addresses[0], "GetSuggestions", request)

    def read(self, request: Any, raw: bytes) -> Any:
        """The reply, if it is what the contract promises."""
        reply = pb.GetSuggestionsReply.FromString(raw)
        found, wanted = len(reply.parameter_assignments), request.current_request_number
        if found != wanted:
            raise ContractViolation(f"{found} assignments, asked for were {wanted}")
        names = {trial.name for trial in request.trials} | {entry.trial_name for entry in self.kept}
        check = self.scenario.check or self.space.problems
        for entry in reply.parameter_assignments:
            problems = check(pairs_of(entry))
            if entry.trial_name:
                problems += self._name_problems(entry.trial_name, names)
                names.add(entry.trial_name)
            if problems:
                raise ContractViolation("; ".join(problems))
        return reply

    def repeatable(self, request: Any, raw: bytes) -> bool:
        """Whether the request names everything the reply depends on: its seed, if one is drawn."""
        sent = {each.name for each in request.experiment.spec.algorithm.algorithm_settings}
        drawn = settings_of(pb.GetSuggestionsReply.FromString(raw))
        return "random_state" in sent or "random_state" not in drawn

    # The cluster

    def _each(self, event: str, *values: Any) -> None:
        for hook in self.scenario.hooks:
            getattr(hook, event)(self, *values)

    def _random_name(self) -> str:
        return f"{self.experiment.name}-{''.join(self.source.choices(SUFFIX, k=8))}"

    def _name_problems(self, name: str, taken: set[str]) -> list[str]:
        found = []
        if len(name) > NAME_LIMIT:
            found.append(f"trial name {name!r} has more than {NAME_LIMIT} characters")
        if not LABEL.fullmatch(name):
            found.append(f"trial name {name!r} is not a DNS-1123 label")
        if name in taken:
            found.append(f"trial name {name!r} is taken")
        return found

    def _create(self, entry: Kept) -> None:
        # A few durations, in whole seconds: ties are what is being tested.
        duration = self.source.choice((1, 1, 2, 3, 8))
        self.trials[entry.trial_name] = SimulatedTrial(
            name=entry.trial_name,
            assignments=entry.assignments,
            created=self.now,
            due=self.now + duration,
            metric_name=self.experiment.spec.objective.objective_metric_name,
        )

    def _end(self, trial: SimulatedTrial) -> None:
        trial.completed = self.now
        if any(hook.outcome(self, trial) for hook in self.scenario.hooks):
            return
        trial.condition = "SUCCEEDED"
        trial.metrics = ((trial.metric_name, self.measure(trial)),)

    def measure(self, trial: SimulatedTrial) -> str:
        return repr(self.scenario.objective(dict(trial.assignments)))

    def _delete_newest(self, count: int) -> None:
        """Parallelism was lowered: the newest trials go, finished or not, with their assignments.

        Same-second trials have no order of their own; the cluster's is arbitrary.
        """
        places = {trial.name: self.source.random() for trial in self.trials.values()}
        newest = sorted(self.trials.values(), key=lambda each: (-each.created, places[each.name]))
        gone = {trial.name for trial in newest[:count]}
        self.trials = {name: each for name, each in self.trials.items() if name not in gone}
        self.kept = [entry for entry in self.kept if entry.trial_name not in gone]
