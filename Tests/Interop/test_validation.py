# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Everything wrong with an Experiment is said at validation: which field, which value."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
import pytest

from clients import Suggestion
from experiments import (
    Parameter,
    categorical,
    discrete,
    double,
    experiment,
    integer,
    points_of,
    request,
    trial,
)
from feasible import Space
from server_process import CHANNEL_OPTIONS, ServerProcess

NAMES = ["random", "grid", "sobol"]
GOOD = integer("fine", 1, 3)
BAD_NUMBERS = ["abc", "1e", "0x10", "1,5", "nan", "inf", "-inf", "1e999", "--1", "1 2", "\u0663"]


def bad_parameters() -> list[Any]:
    """A parameter called `wrong` and the words that the refusal must hold."""
    found: dict[str, tuple[Parameter, list[str]]] = {}
    for kind in (double, integer):
        for text in BAD_NUMBERS:
            case = f"{kind.__name__}-{text}"
            found[f"{case}-min"] = (kind("wrong", text, 9, 1), ["min", text])
            found[f"{case}-max"] = (kind("wrong", 1, text, 1), ["max", text])
            found[f"{case}-step"] = (kind("wrong", 1, 9, text), ["step", text])
        name = kind.__name__
        found[f"{name}-no-min"] = (kind("wrong", "", 9, 1), ["min"])
        found[f"{name}-no-max"] = (kind("wrong", 1, "", 1), ["max"])
        found[f"{name}-crossed"] = (kind("wrong", 7, 3, 1), ["7", "3"])
        found[f"{name}-step-zero"] = (kind("wrong", 1, 9, 0), ["step", "0"])
        found[f"{name}-step-negative"] = (kind("wrong", 1, 9, -2), ["step", "-2"])
        for distribution in ("logUniform", "logNormal"):
            for low in ("0", "-1"):
                parameter = kind("wrong", low, 9, 1, distribution)
                found[f"{name}-{distribution}-{low}"] = (parameter, ["min", low])
    for kind in (discrete, categorical):
        found[f"{kind.__name__}-empty"] = (kind("wrong"), ["list"])
    for kind in ("double", "int", "discrete", "categorical"):
        bare = {"name": "wrong", "type": kind, "space": None}
        found[f"{kind}-no-space"] = (bare, [])
    found["no-type"] = ({**GOOD, "name": "wrong", "type": "unknown"}, ["type"])
    found["type-99"] = ({**GOOD, "name": "wrong", "type": 99}, ["type", "99"])
    found["no-name"] = (integer("", 1, 3), ["name"])
    return [pytest.param(*case, id=name) for name, case in found.items()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("parameter", "words"), bad_parameters())
def test_bad_parameters(
    name: str, parameter: Parameter, words: list[str], suggestion: Suggestion
) -> None:
    spec = experiment(name, [GOOD, parameter])
    message = suggestion.validation_message(spec)
    wanted = [parameter["name"], *words]
    assert [word for word in wanted if word not in message] == [], message
    refused_or_answered(suggestion, spec)


def refused_or_answered(suggestion: Suggestion, spec: Any) -> None:
    """What validation refuses, GetSuggestions refuses too where no answer is possible."""
    try:
        suggestion.suggest(spec, 3)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error


@pytest.mark.parametrize("name", NAMES)
def test_duplicate_names(name: str, suggestion: Suggestion) -> None:
    spec = experiment(name, [integer("twice", 1, 3), GOOD, categorical("twice", "a")])
    assert "twice" in suggestion.validation_message(spec)


@pytest.mark.parametrize("name", NAMES)
def test_the_message_is_for_people(name: str, suggestion: Suggestion) -> None:
    """One short line, whatever the value."""
    message = suggestion.validation_message(experiment(name, [double("wrong", "x" * 100_000, 9)]))
    assert "wrong" in message and len(message.encode()) <= 1024 and "\n" not in message


@pytest.mark.parametrize("name", NAMES)
def test_messages_without_experiment(name: str, suggestion: Suggestion) -> None:
    bare = experiment(name, [])
    bare.ClearField("spec")
    assert suggestion.validation_message(bare)


# Nothing that passes validation may fail later: random experiments, good and bad alike.

NUMBERS = (
    *("0", "1", "-1", "2", "3", "10", "0.1", "0.3", "-0.5", "1.5", "1e-5", "1e5", "100"),
    *("1e308", "-1e308", "1e-320", "1e-12", "9007199254740993", "9223372036854775807"),
    *("-9223372036854775808", "99999999999999999999", "1e30", "0.30000000000000004"),
)
ODD_NUMBERS = ("", "abc", "nan", "inf", " 5", "5 ", "+5", ".5", "5.", "1_0", "0x1p3", "1e400", "-0")
ENTRIES = ("1", "1.0", "2", "a", "b", "", "nan", "1e400", "é", "x" * 300, "0.1", "-3", '"', "1 ")
SETTINGS = (
    ("random_state", ("0", "1", "-1", "x", "18446744073709551615", "9223372036854775808", " 1")),
    ("failed_trials", ("penalize", "ignore", "x")),
    ("initial_points", ("[]", "[{}]", '[{"p0": 1}]', '[{"p0": "a"}]', "[1]", "x")),
    ("other", ("1",)),
)
EXPERIMENTS = 4000


def random_parameter(source: random.Random, name: str) -> Parameter:
    def number() -> str:
        return source.choice(ODD_NUMBERS if source.random() < 0.06 else NUMBERS)

    kind = source.choice(("double", "int", "int", "discrete", "categorical"))
    if source.random() < 0.02:
        kind = source.choice((0, 5, 99))
    if kind in ("discrete", "categorical"):
        values = source.choices(ENTRIES, k=source.randrange(0 if source.random() < 0.1 else 1, 5))
        return {"name": name, "type": kind, "list": values}
    bounds = [number(), number()]
    if source.random() < 0.8:
        bounds.sort(key=_order)
    distribution = source.choice(("", "uniform", "logUniform", "normal", "logNormal"))
    if source.random() < 0.02:
        distribution = 99
    return {
        "name": name,
        "type": kind,
        "min": bounds[0],
        "max": bounds[1],
        "step": number() if source.random() < 0.6 else "",
        "distribution": distribution,
    }


def _order(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def random_experiment(source: random.Random, name: str) -> Any:
    count = source.choice((0, 1, 1, 2, 2, 3, 5))
    names = [f"p{number}" for number in range(count)]
    if count > 1 and source.random() < 0.03:
        names[1] = names[0]
    settings = {}
    for key, values in SETTINGS:
        if source.random() < 0.1:
            settings[key] = source.choice(values)
    return experiment(
        name,
        [random_parameter(source, each) for each in names],
        settings=settings,
        maximum=source.choice((0, 0, 1, 5, 1000)),
        parallel=source.choice((0, 3)),
        metric=source.choice(("", "accuracy")),
    )


def verdict(suggestion: Suggestion, spec: Any, count: int) -> tuple[bool, str]:
    """Whether validation accepts, and what is wrong with how the service behaves, if anything."""
    accepted = True
    try:
        suggestion.validate(spec)
    except grpc.RpcError as error:
        accepted = False
        if error.code() != grpc.StatusCode.INVALID_ARGUMENT or not error.details():
            return accepted, f"validation says {error.code()}: {error.details()!r}"
    try:
        reply = suggestion.ask(request(spec, count))
    except grpc.RpcError as error:
        refused = error.code() == grpc.StatusCode.INVALID_ARGUMENT and not accepted
        return accepted, "" if refused else f"GetSuggestions: {error.code()}: {error.details()}"
    if len(reply.parameter_assignments) != count:
        return accepted, f"{len(reply.parameter_assignments)} suggestions for {count}"
    if not accepted:
        return accepted, ""
    try:
        space = Space.of(spec)
        problems = [each for point in points_of(reply) for each in space.problems(point)]
    except Exception as error:  # a text that is no number, a list that is empty: not to be accepted
        return accepted, f"accepted, but it has no meaning: {error!r}"
    return accepted, "; ".join(problems)


@pytest.mark.parametrize("name", NAMES)
def test_what_passes_validation_never_fails_later(name: str, suggestion: Suggestion) -> None:
    accepted, wrong = 0, []

    def one(seed: int) -> tuple[int, Any, bool, str]:
        source = random.Random(f"validation {seed}")
        spec = random_experiment(source, name)
        return (seed, spec, *verdict(suggestion, spec, source.randrange(1, 6)))

    with futures.ThreadPoolExecutor(8) as pool:
        for seed, spec, passed, problem in pool.map(one, range(EXPERIMENTS // len(NAMES))):
            accepted += passed
            if problem:
                wrong.append(f"seed {seed}: {problem}\n{spec}")
    assert not wrong, f"{len(wrong)} experiments, the first:\n" + "\n".join(wrong[:3])
    assert accepted > EXPERIMENTS // len(NAMES) // 8, "too few were accepted to mean anything"


def test_a_busy_server_refuses_what_is_invalid(start_server: Callable[..., ServerProcess]) -> None:
    """The controller takes RESOURCE_EXHAUSTED for a yes. So an Experiment of more than 8 KiB, or
    one with the letters "pbt" in it, passed when every worker was busy, and its suggestions were
    refused for ever after."""
    server = start_server("--workers", "1", "--queue-depth", "1")
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        client = Suggestion(channel)
        parameters = [double(f"x{number}", 0, 1) for number in range(20)]
        trials = [
            trial(f"t-{at}", {f"x{each}": str(at * each % 97 / 97) for each in range(20)}, at)
            for at in range(1000)
        ]
        slow = experiment("bayesianoptimization", parameters, settings={"random_state": "1"})
        long_work = request(slow, 100, trials)
        calls = [client.stub.GetSuggestions.future(long_work, timeout=60) for _ in range(3)]
        while not any(call.done() for call in calls):
            time.sleep(0.01)
        crossed = double("wrong", 5, 1)
        long = categorical("long", *(f"v{number:06}" for number in range(1200)))
        longer = categorical("longer", *(f"v{number:06}" for number in range(80_000)))
        for spec in (
            experiment("random", [long, crossed]),
            experiment("random", [longer, crossed]),
            experiment("random", [double("pbt_x", 5, 1)]),
            experiment("pbt", [crossed], settings=PBT_SETTINGS),
            experiment("pbt", [GOOD]),
        ):
            assert client.validation_message(spec)
        client.validate(experiment("random", [longer]))
        assert sum(call.done() for call in calls) == 1, "it was not busy"
        for call in calls:
            call.cancel()


PBT_SETTINGS = {"suggestion_trial_dir": "/t", "n_population": "5", "truncation_threshold": "0.2"}


@pytest.mark.parametrize("message", [b"\n\xff", b"\xff\xff\xff", b"\n\x04\n\x02\xff\xfe"])
def test_what_is_no_message_is_not_valid(message: bytes, suggestion: Suggestion) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        suggestion.channel.unary_unary("/api.v1.beta1.Suggestion/ValidateAlgorithmSettings")(
            message, timeout=10
        )
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


HUNDRED = [double(f"parameter{number:03}", 0, 1) for number in range(100)]


@pytest.mark.parametrize(
    ("parameters", "parallel", "most"),
    [([GOOD], 20_000, 10_000), (HUNDRED, 3000, 848), (HUNDRED, 1500, 848)],
)
def test_parallelism_that_no_reply_can_serve(
    parameters: list[Parameter], parallel: int, most: int, suggestion: Suggestion
) -> None:
    """The controller asks for all of them at once, and takes replies of up to 4 MiB."""
    message = suggestion.validation_message(experiment("random", parameters, parallel=parallel))
    assert f"parallel_trial_count is {parallel}, it must be at most {most}" in message
    spec = experiment("random", parameters, parallel=most)
    suggestion.validate(spec)
    assert suggestion.suggest(spec, most).ByteSize() <= 4 << 20
