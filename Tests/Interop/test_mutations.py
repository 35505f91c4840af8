# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Thirty thousand requests gone wrong: each gets a proper answer, and the server stays small."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from google.protobuf.message import DecodeError

from mutations import METHODS, mutate_bytes, mutate_message, seeds
from server_process import CHANNEL_OPTIONS, ServerProcess
from stubs import pb

SEED = 20260601
COUNT = 15_000  # of each kind
CHANNELS, IN_FLIGHT = 4, 48
MEMORY_MIB = 64
Codes = grpc.StatusCode
# What a service may say to bytes that are no message, and to a message that makes no sense.
UNREADABLE = {Codes.OK, Codes.INVALID_ARGUMENT, Codes.INTERNAL, Codes.RESOURCE_EXHAUSTED}
READABLE = UNREADABLE - {Codes.INTERNAL}
Request = tuple[str, bytes]


def changed_bytes() -> Iterator[Request]:
    source = random.Random(SEED)
    valid = [(method, message.SerializeToString()) for method, message in seeds()]
    for _ in range(COUNT):
        method, data = source.choice(valid)
        yield source.choice((method, method, *METHODS)), mutate_bytes(source, data)


def changed_messages() -> Iterator[Request]:
    source = random.Random(SEED + 1)
    valid = seeds()
    for _ in range(COUNT):
        method, message = source.choice(valid)
        yield method, mutate_message(source, message).SerializeToString()


def problem(request: Request, code: grpc.StatusCode, details: str, reply: Any) -> str:
    """What is wrong with an answer, or nothing."""
    method, data = request
    kind = pb.GetSuggestionsRequest if method == METHODS[0] else pb.ValidateAlgorithmSettingsRequest
    try:
        message = kind.FromString(data)
    except DecodeError:
        return "" if code in UNREADABLE - {Codes.OK} else f"{code} for bytes that are no message"
    if code != Codes.OK:
        # A known field with another wire type is skipped by protobuf's own parsers only.
        strict = message.SerializeToString() != data
        allowed = UNREADABLE if strict else READABLE
        return "" if code in allowed and details else f"{code}: {details!r}"
    if method == METHODS[0]:
        count = len(pb.GetSuggestionsReply.FromString(reply).parameter_assignments)
        if count != message.current_request_number:
            return f"{count} suggestions for {message.current_request_number}"
    return ""


def open_channel(address: str) -> grpc.Channel:
    return grpc.insecure_channel(address, options=CHANNEL_OPTIONS)


def answers(address: str, requests: Iterator[Request]) -> Iterator[tuple[Request, Any]]:
    """Sends all requests, many at once over a few connections; yields finished calls in order."""
    with ExitStack() as stack:
        channels = [stack.enter_context(open_channel(address)) for _ in range(CHANNELS)]
        methods = {
            (number, method): channel.unary_unary(f"/api.v1.beta1.Suggestion/{method}")
            for number, channel in enumerate(channels)
            for method in METHODS
        }
        room = threading.BoundedSemaphore(IN_FLIGHT)
        pending: list[tuple[Request, Any]] = []
        for number, request in enumerate(requests):
            room.acquire()
            call = methods[number % CHANNELS, request[0]].future(request[1], timeout=60)
            call.add_done_callback(lambda _: room.release())
            pending.append((request, call))
            if len(pending) >= 4 * IN_FLIGHT:
                yield from pending
                pending = []
        yield from pending


@pytest.mark.parametrize("kind", [changed_bytes, changed_messages], ids=lambda each: each.__name__)
def test_every_answer_is_proper(
    kind: Callable[[], Iterator[Request]], server: ServerProcess
) -> None:
    codes: Counter[str] = Counter()
    wrong = []
    for number, (request, call) in enumerate(answers(server.address, kind())):
        code = call.code()
        reply = call.result() if code == Codes.OK else b""
        codes[code.name] += 1
        found = problem(request, code, call.details() or "", reply)
        if found:
            wrong.append(f"seed {SEED}, request {number}, {request[0]}: {found}: {request[1]!r}")
    print(dict(codes), server.memory())
    assert not wrong, f"{len(wrong)} of {COUNT}, the first:\n" + "\n".join(wrong[:5])
    assert codes["OK"] > COUNT // 20 and codes["INVALID_ARGUMENT"] > COUNT // 20
    assert server.memory()["VmHWM"] < MEMORY_MIB
