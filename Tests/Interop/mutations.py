# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Requests gone wrong: valid ones with bytes changed, and messages with odd contents."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from algorithms import ALGORITHMS
from experiments import request, trial
from feasible import Space
from stubs import pb

TEXTS = (
    *(
        "",
        "0",
        "-0",
        "1",
        "-1",
        "1e308",
        "-1e308",
        "1e-320",
        "1e999",
        "nan",
        "inf",
        "-inf",
        "0x1p3",
    ),
    *("9223372036854775807", "-9223372036854775809", "1" * 400, "0." + "3" * 400, "1e-99999"),
    *(" ", "\t", "\n", "%", "%%s%n", "\\", '"', "{", "[[[[", "null", "../../etc/passwd", "\u202e"),
    *("\U0001f600", "é" * 50, "\uffff", "x" * 5000, "random", "grid", "sobol", "random_state"),
    *("initial_points", "failed_trials", "rate", "layers", "2026-06-01T10:00:00Z", "9999-99-99"),
)
NUMBERS = (0, 1, -1, 2, 7, 99, 127, 128, 10_001, 2**31 - 1, -(2**31))
FLOATS = (0.0, -0.0, 1.5, 1e308, 5e-324, float("inf"), float("-inf"), float("nan"))
METHODS = ("GetSuggestions", "ValidateAlgorithmSettings")
MAP_KEYS = ("", "a", "b" * 300, "\u0000x"[1:])


def seeds() -> list[tuple[str, Any]]:
    """The valid requests that everything grows from: (method, message)."""
    found: list[tuple[str, Any]] = []
    for algorithm in ALGORITHMS:
        spec = algorithm.experiment(
            settings={"random_state": "3", "initial_points": '[{"rate": "0.2"}]'},
            parallel=3,
            maximum=20,
        )
        source, space = random.Random(1), Space.of(spec)
        conditions = ("SUCCEEDED", "FAILED", "RUNNING", "EARLYSTOPPED", "KILLED")
        trials = []
        for number, condition in enumerate(conditions):
            entry = trial(f"t-{number}", space.draw(source), 0.5, condition=condition)
            entry.spec.labels["generation"] = "1"
            trials.append(entry)
        found.append(("GetSuggestions", request(spec, 2, trials)))
        found.append(("GetSuggestions", request(spec, 1)))
        found.append(
            ("ValidateAlgorithmSettings", pb.ValidateAlgorithmSettingsRequest(experiment=spec))
        )
    return found


# Bytes


def flip(source: random.Random, data: bytearray) -> None:
    data[source.randrange(len(data))] ^= 1 << source.randrange(8)


def overwrite(source: random.Random, data: bytearray) -> None:
    data[source.randrange(len(data))] = source.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))


def retype(source: random.Random, data: bytearray) -> None:
    """Another character: most bytes of a request are text."""
    data[source.randrange(len(data))] = source.choice(b"0123456789.-+eE[]{}, abcxyz")


def cut(source: random.Random, data: bytearray) -> None:
    del data[source.randrange(len(data)) :]


def drop(source: random.Random, data: bytearray) -> None:
    start = source.randrange(len(data))
    del data[start : start + source.randrange(1, 20)]


def double(source: random.Random, data: bytearray) -> None:
    start = source.randrange(len(data))
    piece = data[start : start + source.randrange(1, 200)]
    data[start:start] = piece * source.randrange(1, 20)


def insert(source: random.Random, data: bytearray) -> None:
    start = source.randrange(len(data))
    data[start:start] = source.randbytes(source.randrange(1, 30))


def swap(source: random.Random, data: bytearray) -> None:
    first, second = source.randrange(len(data)), source.randrange(len(data))
    data[first], data[second] = data[second], data[first]


def nest(source: random.Random, data: bytearray) -> None:
    """A long run of groups or of length prefixes: depth for a parser that recurses."""
    start = source.randrange(len(data))
    data[start:start] = source.choice((b"\x0b", b"\x0a\x7f", b"\x12\x40")) * 200


BYTE_MUTATIONS: tuple[Callable[[random.Random, bytearray], None], ...] = (
    *(flip, flip, retype, retype, retype, retype, overwrite, cut, drop, double, insert, swap, nest),
)


def mutate_bytes(source: random.Random, valid: bytes) -> bytes:
    data = bytearray(valid)
    for _ in range(source.choice((1, 1, 1, 2, 3, 10))):
        if data:
            source.choice(BYTE_MUTATIONS)(source, data)
    return bytes(data)


# Structure


def _somewhere(source: random.Random, message: Any) -> Any:
    """A message inside the given one, or itself: a walk that goes down more often than it stops."""
    while source.random() < 0.85:
        below = [
            (field, value)
            for field, value in message.ListFields()
            if field.message_type is not None and not _is_map(field)
        ]
        if not below:
            break
        field, value = source.choice(below)
        message = source.choice(value) if field.is_repeated else value
    return message


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _value(source: random.Random, field: FieldDescriptor) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return source.choice(TEXTS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return source.choice(FLOATS)
    return source.choice(NUMBERS)


def mutate_field(source: random.Random, message: Any) -> None:
    """Changes one field of one message somewhere inside."""
    target = _somewhere(source, message)
    field = source.choice(target.DESCRIPTOR.fields)
    if _is_map(field):
        for key in MAP_KEYS:
            getattr(target, field.name)[key] = source.choice(TEXTS)
    elif field.is_repeated:
        _mutate_list(source, getattr(target, field.name), field)
    elif source.random() < 0.3:
        target.ClearField(field.name)
    elif field.message_type is not None:
        getattr(target, field.name).SetInParent()
    else:
        setattr(target, field.name, _value(source, field))


def _mutate_list(source: random.Random, entries: Any, field: FieldDescriptor) -> None:
    is_message = field.message_type is not None
    action = source.randrange(4)
    if action == 0:
        del entries[:]
    elif action == 1 and entries:
        del entries[source.randrange(len(entries))]
    elif action == 2 and entries:
        again = entries[source.randrange(len(entries))]
        entries.extend([again] * source.choice((1, 2, 40)))
    elif is_message:
        entries.add()
    else:
        entries.append(_value(source, field))


def mutate_message(source: random.Random, valid: Any) -> Any:
    message = type(valid)()
    message.CopyFrom(valid)
    for _ in range(source.choice((1, 1, 2, 3, 8))):
        mutate_field(source, message)
    return message
