# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Clients that mean harm: their connection ends, and nobody else notices."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from algorithms import MIXED
from clients import Suggestion
from experiments import experiment, request
from raw_http2 import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    PREFACE,
    Connection,
    frame_message,
    grpc_fields,
    repeat,
)
from server_process import ServerProcess

RESOURCE_EXHAUSTED = 8
# What a harmful connection may make the server do before it is closed.
CPU_SECONDS, MEMORY_MIB = 5.0, 60.0


@pytest.fixture
def victim(server: ServerProcess, suggestion: Suggestion) -> Iterator[ServerProcess]:
    """The server; after the attack it must not have worked or grown much, and must still answer."""
    before = server.cpu_seconds()
    yield server
    assert len(suggestion.suggest(experiment("random", MIXED), 3).parameter_assignments) == 3
    assert server.cpu_seconds() - before < CPU_SECONDS
    assert server.memory()["VmRSS"] < MEMORY_MIB


@contextmanager
def attacker(server: ServerProcess, settings: dict[int, int] | None = None) -> Iterator[Connection]:
    with Connection(server.address, settings) as connection:
        assert connection.read_until(lambda: connection.acknowledged)
        yield connection


def test_pings_too_often(victim: ServerProcess) -> None:
    """The third strike ends it, as in grpc's own servers, with the word that clients look for."""
    with attacker(victim) as connection:
        for _ in range(8):
            connection.write(PingFrame(0, opaque_data=b"12345678"))
        assert connection.ended()
        assert [(code, text) for _, code, text in connection.goaways][-1] == (
            ENHANCE_YOUR_CALM,
            b"too_many_pings",
        )
        assert connection.read_until(lambda: connection.closed)


def test_rapid_reset(victim: ServerProcess) -> None:
    """CVE-2023-44487: streams opened and reset at once never fill the limit of open ones."""
    with attacker(victim) as connection:
        for _ in range(200):
            frames = []
            for _ in range(100):
                headers = connection.headers(grpc_fields())
                frames += [headers, RstStreamFrame(headers.stream_id, CANCEL)]
            if not connection.write(*frames):
                break
        assert connection.ended()


def test_made_you_reset(victim: ServerProcess) -> None:
    """CVE-2025-8671: the client breaks rules so that it is the server that resets its streams."""
    with attacker(victim) as connection:
        for _ in range(200):
            frames = []
            for _ in range(50):
                headers = connection.headers(grpc_fields())
                frames += [headers, WindowUpdateFrame(headers.stream_id, 2**31 - 1)]
            connection.write(*frames)
            connection.answer(frames[-1].stream_id, 2)
            if connection.closed or connection.goaways:
                break
        assert connection.ended()


@pytest.mark.parametrize(
    ("frame", "count"),
    [
        (SettingsFrame(0, {4: 65535}), 20_000),
        (PingFrame(0, opaque_data=b"12345678"), 20_000),
        (SettingsFrame(0, {number: 1 for number in range(0x20, 0x100)}), 2_000),
    ],
    ids=["settings", "pings", "many settings"],
)
def test_frames_that_want_an_answer(
    frame: SettingsFrame | PingFrame, count: int, victim: ServerProcess
) -> None:
    with attacker(victim) as connection:
        for part in repeat(frame.serialize(), count):
            if not connection.write(part):
                break
        assert connection.ended()


@pytest.mark.parametrize("flags", [[], ["END_HEADERS"]])
def test_continuations_without_end(flags: list[str], victim: ServerProcess) -> None:
    """CVE-2024-28182."""
    with attacker(victim) as connection:
        stream = connection.new_stream()
        block = connection.encoder.encode(grpc_fields())
        connection.write(HeadersFrame(stream, block, flags=flags))
        empty = ContinuationFrame(stream, b"").serialize()
        for part in repeat(empty, 50_000):
            if not connection.write(part):
                break
        assert connection.ended()


def test_empty_data_frames(victim: ServerProcess) -> None:
    with attacker(victim) as connection:
        stream = connection.open(grpc_fields())
        for part in repeat(DataFrame(stream, b"").serialize(), 200_000):
            if not connection.write(part):
                break
        assert connection.ended()


def test_a_header_bomb(victim: ServerProcess) -> None:
    """A few hundred kilobytes that refer to one large table entry over and over: 500 MB of text."""
    with attacker(victim) as connection:
        stream = connection.new_stream()
        entry = ("x-bomb", "v" * 3900)
        block = connection.encoder.encode(grpc_fields()) + connection.encoder.encode([entry])
        again = connection.encoder.encode([entry])
        assert len(again) == 1
        connection.write(
            HeadersFrame(stream, block),
            *(ContinuationFrame(stream, again * 16_000) for _ in range(7)),
            ContinuationFrame(stream, again * 16_000, flags=["END_HEADERS"]),
        )
        exchange = connection.answer(stream)
        assert exchange.status == RESOURCE_EXHAUSTED or connection.closed


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        PREFACE[:-1] + b"x" * 40,
        PREFACE + b"\xff" * 9,
        PREFACE + DataFrame(1, b"x").serialize(),
        PREFACE + SettingsFrame(0).serialize() + DataFrame(1, b"x").serialize(),
        PREFACE + SettingsFrame(0).serialize() + HeadersFrame(2, b"\x82").serialize(),
        PREFACE + SettingsFrame(0).serialize() + HeadersFrame(1, b"\xff" * 50).serialize(),
    ],
    ids=["http1", "tls", "preface", "length", "data", "idle", "even", "hpack"],
)
def test_what_is_not_http2(sent: bytes, victim: ServerProcess) -> None:
    host, port = victim.address.split(":")
    with socket.create_connection((host, int(port)), 5) as peer:
        peer.sendall(sent + b"\0" * 64)
        received = b""
        while True:
            try:
                part = peer.recv(4096)
            except ConnectionResetError:
                break
            received += part
            if not part:
                break
        assert len(received) < 1000


def test_replies_that_nobody_reads(victim: ServerProcess) -> None:
    """A window of nothing, and a hundred megabytes of replies asked for."""
    body = frame_message(request(experiment("random", MIXED), 2000).SerializeToString())
    window = {SettingsFrame.INITIAL_WINDOW_SIZE: 0}
    with attacker(victim, window) as connection:
        for _ in range(100):
            headers = connection.headers(grpc_fields())
            data = DataFrame(headers.stream_id, body, flags=["END_STREAM"])
            if not connection.write(headers, data):
                break
        connection.read_until(lambda: False, 3)
        assert victim.memory()["VmRSS"] < 100


def test_requests_that_never_end(victim: ServerProcess) -> None:
    """Large messages announced and begun on many streams hold no more memory than the budget."""
    with attacker(victim) as connection:
        for _ in range(100):
            stream = connection.open(grpc_fields())
            connection.send(stream, b"\0\0\xf0\0\0" + b"x" * 600, end=False)
        connection.read_until(lambda: False, 0.5)
        assert victim.memory()["VmRSS"] < 100


def test_many_connections(victim: ServerProcess) -> None:
    connections = [Connection(victim.address) for _ in range(200)]
    for connection in connections:
        connection.settle()
        assert connection.pongs == 1
        connection.socket.close()
