# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Leaving politely: nothing that was begun is lost, nobody waits, and the exit code is 0."""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import BinaryIO

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hyperframe.frame import SettingsFrame, WindowUpdateFrame

from algorithms import MIXED
from clients import Suggestion
from experiments import double, experiment, request
from raw_http2 import NO_ERROR, REFLECTION, WATCH, Connection, frame_message, grpc_fields
from server_process import CHANNEL_OPTIONS, ServerProcess, binary, free_port
from stubs import pb

StartServer = Callable[..., ServerProcess]
UNAVAILABLE = 14
SIGNALS = [signal.SIGTERM, signal.SIGINT]
BODY = frame_message(request(experiment("random", MIXED), 2).SerializeToString())


@pytest.mark.parametrize("by", SIGNALS, ids=lambda each: each.name)
def test_an_idle_server_leaves_at_once(by: signal.Signals, start_server: StartServer) -> None:
    server = start_server()
    start = time.monotonic()
    assert server.stop(by) == 0
    assert time.monotonic() - start < 2


def test_a_signal_right_after_the_start_is_heard() -> None:
    """Many servers at once on few cores, each told to leave as soon as its port answers: what is
    sent between listening and being ready for signals must not be lost."""

    port = free_port()

    def start_and_stop(number: int) -> int | str:
        host = f"127.1.0.{number + 1}"
        command = [binary(), "--host", host, "--port", str(port)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((host, port), 1).close()
                break
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            return "did not leave"

    with futures.ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(start_and_stop, range(160))) == {0: 160}


@pytest.mark.parametrize("by", SIGNALS, ids=lambda each: each.name)
def test_a_call_in_flight_is_finished(by: signal.Signals, start_server: StartServer) -> None:
    """Its message is half sent when the signal comes; new connections are not taken any more."""
    server = start_server()
    with Connection(server.address) as connection:
        stream = connection.open(grpc_fields())
        connection.send(stream, BODY[:20], end=False)
        connection.settle()
        server.process.send_signal(by)
        assert connection.read_until(lambda: connection.goaways)
        assert connection.goaways[0] == (2**31 - 1, NO_ERROR, connection.goaways[0][2])
        assert connection.read_until(lambda: len(connection.goaways) > 1)
        assert connection.goaways[1][:2] == (stream, NO_ERROR)
        assert server.alive(), "it did not wait for the call"
        connection.send(stream, BODY[20:])
        exchange = connection.answer(stream)
        assert exchange.status == 0, exchange
        reply = pb.GetSuggestionsReply.FromString(exchange.reply())
        assert len(reply.parameter_assignments) == 2
        assert connection.read_until(lambda: connection.closed)
    assert server.process.wait(5) == 0


def test_watchers_are_told(start_server: StartServer) -> None:
    server = start_server()
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watches = [
            health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=20)
            for name in ("", "api.v1.beta1.Suggestion", "manager.v1beta1.Suggestion")
        ]
        for watch in watches:
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.process.send_signal(signal.SIGTERM)
        for watch in watches:
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert server.process.wait(15) == 0, server.log()


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (WATCH, None),
        (WATCH, frame_message(b"")),
        (WATCH, frame_message(b"\x0a\x07nothing")),
        (REFLECTION, None),
        (REFLECTION, frame_message(b"\x1a\x09api.proto")),
    ],
    ids=["watch without request", "watch", "watch of nothing", "reflection", "asked reflection"],
)
def test_streams_do_not_hold_it_up(
    path: str, sent: bytes | None, start_server: StartServer
) -> None:
    """They wait for their client, which waits for them; one opened after the signal as well."""
    server = start_server()
    with Connection(server.address) as connection:
        stream = connection.open(grpc_fields(path))
        if sent:
            connection.send(stream, sent, end=False)
        connection.settle()
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert connection.answer(stream).status == UNAVAILABLE
        late = connection.open(grpc_fields(path))
        if sent:
            connection.send(late, sent, end=False)
        assert connection.read_until(lambda: connection.closed)
        assert connection.exchanges[late].status in (None, UNAVAILABLE)
        assert server.process.wait(5) == 0
        assert time.monotonic() - start < 8


def test_calls_in_flight_are_answered(start_server: StartServer) -> None:
    """All those that the server says it has taken on, which is what the last GOAWAY names: clients
    do not send them again."""
    server = start_server()
    body = frame_message(request(experiment("random", MIXED), 2000).SerializeToString())
    with Connection(server.address, {SettingsFrame.INITIAL_WINDOW_SIZE: 2**31 - 1}) as connection:
        connection.read_until(lambda: connection.acknowledged)
        streams = []
        signalled = False
        while len(streams) < 60 and not connection.closed:
            streams.append(connection.open(grpc_fields()))
            connection.send(streams[-1], body)
            if len(streams) == 40:
                server.process.send_signal(signal.SIGTERM)
                signalled = True
            connection.read_until(lambda: False, 0.002 if signalled else 0.001)
        assert connection.read_until(lambda: len(connection.goaways) > 1)
        last, code, _ = connection.goaways[1]
        assert code == NO_ERROR and last >= streams[39]
        taken = [stream for stream in streams if stream <= last]
        for stream in taken:
            exchange = connection.answer(stream, 20)
            assert exchange.status == 0, (stream, exchange.events)
            reply = pb.GetSuggestionsReply.FromString(exchange.reply())
            assert len(reply.parameter_assignments) == 2000
        for stream in set(streams) - set(taken):
            assert not connection.exchanges[stream].events
    assert server.process.wait(15) == 0, server.log()


def test_calls_of_a_working_client_all_succeed(start_server: StartServer) -> None:
    """Those in flight are answered; those that came too late are UNAVAILABLE, safe to try again."""
    server = start_server()
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        stub = Suggestion(channel).stub
        message = request(experiment("random", MIXED), 2000)
        stub.GetSuggestions(message, timeout=30)
        calls = [stub.GetSuggestions.future(message, timeout=30) for _ in range(20)]
        calls[0].result()
        server.process.send_signal(signal.SIGTERM)
        codes = [call.code() for call in calls]
        assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        assert codes[0] == grpc.StatusCode.OK
        assert server.process.wait(15) == 0, server.log()


def test_a_slow_reader_gets_everything(start_server: StartServer) -> None:
    """The last replies are computed, and more than a socket takes, when the signal comes. They were
    cut off a second later."""
    server = start_server("--grace", "60")
    spec = experiment("random", [double(f"p{at}", 0, 1) for at in range(10)])
    # Four of 1.5 MB: half of what all replies may hold, which one connection may take.
    body = frame_message(request(spec, 5_500).SerializeToString())
    with Connection(server.address, {SettingsFrame.INITIAL_WINDOW_SIZE: 2**31 - 1}) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        connection.read_until(lambda: connection.acknowledged)
        connection.write(WindowUpdateFrame(0, 2**30))
        streams = [connection.open(grpc_fields()) for _ in range(4)]
        for stream in streams:
            connection.send(stream, body)
        before = -1.0
        while server.cpu_seconds() - before > 0.05:
            before = server.cpu_seconds()
            time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        received = []
        with contextlib.suppress(ConnectionResetError):
            while part := connection.socket.recv(1 << 16):
                received.append(part)
                time.sleep(len(part) / 1.2e6)
                # As clients do. If the server had closed its socket by now, this would make the
                # kernel drop what it still holds.
                with contextlib.suppress(OSError):
                    connection.socket.sendall(WindowUpdateFrame(0, len(part)).serialize())
        connection.write = lambda *_: True  # type: ignore[method-assign]
        connection._input += b"".join(received)
        connection._take_frames()
        for stream in streams:
            exchange = connection.exchanges[stream]
            assert exchange.ended and exchange.status == 0, (stream, len(exchange.data))
            exchange.reply()
    assert server.process.wait(5) == 0


def test_a_client_that_never_finishes_does_not_hold_it_for_ever(start_server: StartServer) -> None:
    """Kubernetes sends SIGKILL after 30 seconds; the server's own grace must end before."""
    server = start_server("--grace", "2")
    with Connection(server.address) as connection:
        connection.send(connection.open(grpc_fields()), BODY[:20], end=False)
        connection.settle()
        assert server.stop(seconds=6) == 0


def test_the_port_is_free_again_at_once(start_server: StartServer) -> None:
    """With connections still in TIME_WAIT: a new process must not have to wait for them."""
    server = start_server()
    for _ in range(3):
        with Connection(server.address) as connection:
            connection.settle()
            server.restart()


def test_a_taken_port_is_said(start_server: StartServer) -> None:
    command = [binary(), "--host", "127.0.0.1", "--port", str(start_server().port)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert second.returncode != 0
    assert command[-1] in second.stderr


@contextlib.contextmanager
def server_with_a_piped_log(*arguments: str) -> Iterator[tuple[ServerProcess, BinaryIO]]:
    """And the pipe, of 4 KiB, which nobody reads unless the test does."""
    with ServerProcess(arguments=arguments, log=subprocess.PIPE) as server:
        pipe = server.process.stderr
        assert pipe is not None
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        with pipe:
            yield server, pipe


def test_a_log_that_nobody_reads_holds_nothing() -> None:
    """Lines were once written by the thread that serves, so a reader that stalled stopped the whole
    server after 448 calls; and SIGTERM was logged first, so it was not obeyed."""
    message = request(experiment("random", MIXED), 1)
    with server_with_a_piped_log("--log-level", "debug", "--log-format", "json") as (server, pipe):
        before = server.memory()["VmRSS"]
        with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
            stub = Suggestion(channel).stub
            for _ in range(3000):
                stub.GetSuggestions(message, timeout=5)
            health = health_pb2_grpc.HealthStub(channel)
            health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert server.memory()["VmRSS"] < before + 4, "lines pile up"
        start = time.monotonic()
        assert server.stop(seconds=10) == 0
        assert time.monotonic() - start < 4
        # What is left in the pipe is whole lines, the oldest.
        left = pipe.read()
        lines = [json.loads(line) for line in left.splitlines()]
        assert left.endswith(b"\n") and lines[0]["message"] == "serving"


def test_a_second_signal_ends_a_server_whose_log_nobody_reads() -> None:
    message = request(experiment("random", MIXED), 1)
    with (
        server_with_a_piped_log("--log-level", "debug") as (server, _),
        Connection(server.address) as connection,
        grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel,
    ):
        for _ in range(100):
            Suggestion(channel).stub.GetSuggestions(message, timeout=5)
        connection.send(connection.open(grpc_fields()), BODY[:20], end=False)
        connection.settle()
        server.process.send_signal(signal.SIGTERM)
        assert connection.read_until(lambda: connection.goaways)
        assert server.stop(seconds=5) == 1


def test_no_line_is_lost_when_the_server_leaves() -> None:
    """Lines leave by a thread of their own: the last ones must not die with the process."""
    message = request(experiment("random", MIXED), 1)
    with (
        server_with_a_piped_log("--log-format", "json") as (server, pipe),
        grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel,
        futures.ThreadPoolExecutor(1) as pool,
    ):
        log = pool.submit(pipe.read)
        for _ in range(500):
            Suggestion(channel).stub.GetSuggestions(message, timeout=5)
        assert server.stop() == 0
        messages = [json.loads(line)["message"] for line in log.result(5).splitlines()]
    assert Counter(messages) == {"serving": 1, "GetSuggestions": 500, "draining": 1, "stopped": 1}
    assert messages[0] == "serving" and messages[-2:] == ["draining", "stopped"]
