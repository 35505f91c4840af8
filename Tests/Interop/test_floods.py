# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Clients that mean harm: their connection ends, and nobody else notices."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
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
from experiments import experiment, integer, request, trial
from raw_http2 import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    GET_SUGGESTIONS,
    HEALTH,
    PREFACE,
    REFLECTION,
    WATCH,
    Connection,
    frame_message,
    grpc_fields,
    repeat,
)
from server_process import ServerProcess

RESOURCE_EXHAUSTED = 8
BODY = frame_message(request(experiment("random", MIXED), 2).SerializeToString())
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
    """Large messages on many connections, of which all is sent but the end, hold no more memory
    than the budget: each sends as much as the server's windows let it."""
    size = 15 << 20
    uploads = []
    for _ in range(12):
        connection = Connection(victim.address)
        stream = connection.open(grpc_fields())
        connection.send(stream, b"\0" + size.to_bytes(4, "big"), end=False)
        uploads.append((connection, stream))
    sent = [5] * len(uploads)
    deadline = time.monotonic() + 20
    while sum(sent) < 28 << 20 and time.monotonic() < deadline:
        for at, (connection, stream) in enumerate(uploads):
            connection.read_until(lambda: False, 0.01)
            room = 65_535 + connection.granted[stream] - sent[at]
            room = min(room, size - sent[at], 1 << 20)
            if room > 0:
                connection.send(stream, b"x" * room, end=False)
                sent[at] += room
    connection.read_until(lambda: False, 0.2)
    memory = victim.memory()["VmRSS"]
    for connection, _ in uploads:
        connection.socket.close()
    assert memory > 28, "two of them have their memory, which is really filled"
    assert memory < 60
    assert max(sent) > 12 << 20, sent
    assert sum(each > 70_000 for each in sent) <= 4, sent


def test_calls_that_are_left_open(victim: ServerProcess) -> None:
    """Eight connections with as many requests as they may have, none of which goes on: they once
    were all the calls of the process, and nobody else's were taken any more."""
    connections = [Connection(victim.address) for _ in range(8)]
    for at, connection in enumerate(connections):
        connection.read_until(lambda connection=connection: connection.acknowledged)
        path = (GET_SUGGESTIONS, WATCH, REFLECTION)[at % 3]
        connection.write(*(connection.headers(grpc_fields(path)) for _ in range(128)))
    for connection in connections:
        connection.settle()
    with Connection(victim.address) as connection:
        for _ in range(50):
            assert connection.call(grpc_fields(HEALTH), frame_message(b"")).status == 0
        assert connection.call(grpc_fields(), BODY).status == 0
        frames = []
        for _ in range(100):
            headers = connection.headers(grpc_fields())
            frames += [headers, DataFrame(headers.stream_id, BODY, flags=["END_STREAM"])]
        connection.write(*frames)
        assert {connection.answer(frame.stream_id).status for frame in frames[::2]} == {0}
    for connection in connections:
        connection.socket.close()


def test_messages_that_drip(victim: ServerProcess, suggestion: Suggestion) -> None:
    """One connection announces a hundred large messages and sends a byte of each now and then.
    Everybody's messages over 4 KiB were refused with RESOURCE_EXHAUSTED meanwhile, which Katib's
    controller takes for a yes when it validates."""
    parameters = [integer(f"p{number}", 9, 0) for number in range(400)]
    wrong = experiment("random", parameters)
    assert wrong.ByteSize() > 4096
    right = experiment("random", [integer(f"p{number}", 0, 9) for number in range(400)])
    large = request(right, 1, [trial("n" * 100_000, {}, 1) for _ in range(50)])
    with attacker(victim) as connection, attacker(victim) as second:
        for each in (connection, second):
            frames = []
            for _ in range(100):
                headers = each.headers(grpc_fields())
                prefix = b"\0" + (15 << 20).to_bytes(4, "big")
                frames += [headers, DataFrame(headers.stream_id, prefix + b"x")]
            each.write(*frames)
        for _ in range(5):
            connection.write(*(DataFrame(each.stream_id, b"x") for each in frames[::2]))
            connection.read_until(lambda: False, 0.2)
            assert "p0" in suggestion.validation_message(wrong)
            suggestion.suggest(right, 1)
        # A message of their own size has to wait until one of them is found to be too slow.
        start = time.monotonic()
        suggestion.ask(large)
        assert time.monotonic() - start < 15


def test_many_connections(victim: ServerProcess) -> None:
    connections = [Connection(victim.address) for _ in range(200)]
    for connection in connections:
        connection.settle()
        assert connection.pongs == 1
        connection.socket.close()


def test_connections_faster_than_they_end(start_server: Callable[..., ServerProcess]) -> None:
    """Each new one takes the place of an idle one, whose socket lingers for a second. They were
    counted nowhere: as many as the process may have descriptors, and nothing could be opened."""
    server = start_server()
    sockets = []
    most = 0
    for _ in range(30):
        for _ in range(100):
            peer = socket.socket()
            peer.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                peer.connect(("127.0.0.1", server.port))
            sockets.append(peer)
            if len(sockets) > 800:
                sockets.pop(0).close()
        time.sleep(0.05)
        most = max(most, len(os.listdir(f"/proc/{server.pid}/fd")))
    for peer in sockets:
        peer.close()
    assert 512 < most < 700, most
