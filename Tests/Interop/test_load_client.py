# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""katib-load says what happened: every call it was asked for, no more, and each failure."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from server_process import CHANNEL_OPTIONS, ServerProcess, binary
from stubs import pb, rpc

StartServer = Callable[..., ServerProcess]
NOBODY = "127.0.0.1:1"


def load(address: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the report, and what stands on standard error."""
    command = [binary("katib-load"), "--address", address, "--json", "--no-progress", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


class Counting(rpc.SuggestionServicer):
    """Counts its calls and answers each after a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.calls, self._lock = seconds, 0, threading.Lock()

    def GetSuggestions(self, request: Any, context: Any) -> Any:
        with self._lock:
            self.calls += 1
        time.sleep(self.seconds)
        return pb.GetSuggestionsReply()


@contextlib.contextmanager
def serving(seconds: float) -> Iterator[tuple[Counting, str]]:
    servicer = Counting(seconds)
    server = grpc.server(futures.ThreadPoolExecutor(128), options=CHANNEL_OPTIONS)
    rpc.add_SuggestionServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None)


@pytest.mark.parametrize(
    ("count", "connections", "concurrency"), [(100, 1, 10), (10, 4, 25), (1, 1, 1), (7, 1, 1)]
)
def test_as_many_calls_as_asked_for(count: int, connections: int, concurrency: int) -> None:
    """The first call of each loop was once made before the count was known: 110 calls, or 110
    where 10 were asked for on 4 connections."""
    shape = ["--connections", str(connections), "--concurrency", str(concurrency)]
    with serving(0.005) as (servicer, address):
        code, report, _ = load(address, "--count", str(count), *shape)
        assert (code, report["succeeded"], report["failed"]) == (0, count, 0)
        assert servicer.calls == count


def test_calls_of_the_warm_up_are_no_part_of_the_count() -> None:
    with serving(0.02) as (servicer, address):
        code, report, _ = load(address, "--count", "40", "--warm-up", "0.3", "--concurrency", "10")
        assert (code, report["succeeded"], report["failed"], report["late"]) == (0, 40, 0, 0)
        assert servicer.calls >= 50


def test_many_connections_share_the_threads(start_server: StartServer) -> None:
    """A thread for each of 400 connections spent 9 of 10 s waiting for the others' locks. What the
    server keeps for so many is looked at too: nghttp2's closed streams and a buffer of each
    connection's own once made it 47 MiB, now it is 30."""
    server = start_server("--log-level", "warning")
    shape = ["--connections", "400", "--concurrency", "100", "--count", "120000"]
    command = [binary("katib-load"), "--address", server.address, "--json", "--no-progress", *shape]
    threads = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        tasks = Path(f"/proc/{process.pid}/task")
        while process.poll() is None:
            with contextlib.suppress(OSError):
                threads = max(threads, len(list(tasks.iterdir())))
            time.sleep(0.01)
        assert process.stdout is not None
        report = json.loads(process.stdout.read())
    assert (process.returncode, report["succeeded"], report["failed"]) == (0, 120_000, 0)
    assert threads <= (os.cpu_count() or 1) + 8
    assert server.memory()["VmHWM"] < 40


def test_lost_calls_are_failures(start_server: StartServer) -> None:
    """Of a server that stands still: "0 succeeded, 0 failed" and exit code 0 was the report, since
    what ended after --duration was forgotten."""
    server = start_server()
    server.process.send_signal(signal.SIGSTOP)
    code, report, _ = load(
        server.address, "--duration", "0.5", "--timeout", "2", "--concurrency", "3"
    )
    assert code == 1
    assert (report["succeeded"], report["failed"]) == (0, 3)
    assert report["errors"] == {"deadlineExceeded": 3}


def test_late_answers_count_but_not_in_the_rate() -> None:
    """The slowest calls are the last to end; without them latencies would look better."""
    with serving(1.5) as (_, address):
        code, report, _ = load(address, "--duration", "0.5", "--concurrency", "2")
    assert code == 0
    assert (report["succeeded"], report["late"], report["failed"]) == (2, 2, 0)
    assert report["callsPerSecond"] == 0 and report["latencyMilliseconds"]["min"] >= 1400


def test_a_run_that_measured_nothing_has_failed() -> None:
    with serving(1.5) as (_, address):
        code, report, error = load(address, "--warm-up", "0.2", "--duration", "0.2")
    assert code == 1 and "no call was measured" in error
    assert (report["succeeded"], report["failed"]) == (0, 0)


def test_no_server_is_a_failure() -> None:
    code, report, _ = load(NOBODY, "--count", "5")
    assert code == 1 and report["errors"] == {"unavailable": 5}
    assert "Connection refused" in report["errorExamples"]["unavailable"]
    command = [binary("katib-load"), "--address", NOBODY, "--count", "1", "--no-progress"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    assert f"cannot connect to {NOBODY}: Connection refused\n" in text


def test_a_message_with_quotes_stays_json(start_server: StartServer) -> None:
    """As JSON only the counts of the failures were told, and not what the server said."""
    server = start_server()
    setting = ["--algorithm", "tpe", "--setting", 'gamma="\\\n\x01é']
    code, report, _ = load(server.address, "--count", "1", *setting)
    assert code == 1 and report["errors"] == {"invalidArgument": 1}
    assert "gamma" in report["errorExamples"]["invalidArgument"]
    assert '"' in report["errorExamples"]["invalidArgument"]


def test_an_interrupt_reports_what_there_is(start_server: StartServer) -> None:
    server = start_server("--log-level", "warning")
    command = [binary("katib-load"), "--address", server.address, "--json", "--no-progress"]
    with subprocess.Popen([*command, "--duration", "60"], stdout=subprocess.PIPE) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=10)
    report = json.loads(output)
    assert process.returncode == 0 and report["succeeded"] > 0 and report["failed"] == 0


def test_the_times_of_a_long_history(tmp_path: Path) -> None:
    """From the 3,600th trial on minutes went up to 99, so that 28 % of 10,000 had no times."""
    command = [binary("katib-load"), "--history", "10000", "--parameters", "1"]
    subprocess.run([*command, "--write-request", str(tmp_path / "request")], check=True)
    message = pb.GetSuggestionsRequest.FromString((tmp_path / "request").read_bytes()[5:])
    assert len(message.trials) == 10_000
    for trial in message.trials:
        started = datetime.fromisoformat(trial.status.start_time.replace("Z", "+00:00"))
        assert started < datetime.fromisoformat(trial.status.completion_time.replace("Z", "+00:00"))


def test_a_file_that_cannot_be_written() -> None:
    code, _, error = load(NOBODY, "--write-request", "/nowhere/request")
    assert code == 1 and "cannot write /nowhere/request: No such file or directory" in error
    assert "Usage" not in error


WHOLE = ["nan", "-1", "1e300", "9" * 30]
SECONDS = ["nan", "inf", "-inf", "-1", "1e300", "x"]
WRONG = {
    "connections": [*WHOLE, "0", "1001"],
    "concurrency": [*WHOLE, "0", "1001"],
    "duration": [*SECONDS, "0", "604801"],
    "count": [*WHOLE, "0", "1000000001"],
    "warm-up": [*SECONDS, "604801"],
    "parameters": [*WHOLE, "0", "1001"],
    "layers": [*WHOLE, "0", "257"],
    "operations": [*WHOLE, "0", "1001"],
    "history": [*WHOLE, "100001"],
    "request-number": [*WHOLE, "0", "10001"],
    "timeout": [*SECONDS, "0", "3601"],
    "algorithm": ["", ",", "random,", ",random", "random,,tpe"],
    "setting": ["", "seed"],
}


@pytest.mark.parametrize(("flag", "values"), WRONG.items(), ids=WRONG)
def test_wrong_values(flag: str, values: list[str]) -> None:
    """`--algorithm ,` and times too long for a clock once ended in SIGILL."""
    for value in values:
        code, _, error = load(NOBODY, "--count", "1", f"--{flag}", value)
        assert code == 64, (value, code, error)
        shown = {"inf": "inf", "1e300": "1e+300"}.get(value, value)
        assert f"--{flag}" in error, (value, error)
        assert shown in error or value in error, (value, error)


@pytest.mark.parametrize("address", ["", "host", "host:", ":1", "[]:1", "host:0", "host:65536"])
def test_wrong_addresses(address: str) -> None:
    code, _, error = load(address, "--count", "1")
    assert code == 64 and f'--address is "{address}", it must be host:port' in error


def test_requests_too_large_for_any_server_are_not_made() -> None:
    for arguments in (
        ["--history", "100000", "--parameters", "1000"],
        ["--history", "100000", "--algorithm", "random,enas", "--layers", "256"],
    ):
        code, _, error = load(NOBODY, "--count", "1", *arguments)
        assert code == 64 and "--history is 100000, it must be at most" in error
