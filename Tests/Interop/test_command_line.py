# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The executable as a person and a manifest use it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable

import grpc
import pytest

from algorithms import ALGORITHMS, Algorithm
from clients import Suggestion
from experiments import experiment
from server_process import CHANNEL_OPTIONS, ServerProcess, binary, free_port

StartServer = Callable[..., ServerProcess]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [binary(), *arguments],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
        env=os.environ | environment,
    )


def test_help_and_version() -> None:
    for flag in ("--help", "--version"):
        result = run(flag)
        assert result.returncode == 0 and result.stdout.strip()
    assert "--port" in run("--help").stdout


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--port", "70000"], ["--nothing"], ["no"]])
def test_wrong_arguments(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode not in (0, -6, -11) and result.stderr


def test_algorithms_are_listed() -> None:
    names = {algorithm.name for algorithm in ALGORITHMS}
    listed = json.dumps(json.loads(run("algorithms", "--json").stdout))
    assert [name for name in names if f'"{name}"' not in listed] == []
    text = run("algorithms").stdout
    assert [name for name in names if name not in text] == []
    assert run("algorithms", "nothing").returncode != 0


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_one_algorithm_is_described(algorithm: Algorithm) -> None:
    result = run("algorithms", algorithm.name)
    assert result.returncode == 0 and "random_state" in result.stdout


def test_the_address_from_the_environment() -> None:
    """And a Service of this name in the namespace sets variables that must mean nothing here."""
    port = free_port()
    links = {
        "KATIB_SUGGESTION_PORT": "tcp://10.0.0.1:6789",
        "KATIB_SUGGESTION_SERVICE_HOST": "10.0.0.1",
        "KATIB_SUGGESTION_SERVICE_PORT": "6789",
        "KATIB_SUGGESTION_LISTEN": f"127.0.0.1:{port}",
    }
    process = subprocess.Popen([binary()], env=os.environ | links, stderr=subprocess.PIPE)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
            grpc.channel_ready_future(channel).result(10)
    finally:
        process.kill()
        process.communicate()


def test_flags_win_over_the_address_from_the_environment() -> None:
    """A variable that nobody needs was read all the same, and a wrong one ended the process."""
    with ServerProcess(environment={"KATIB_SUGGESTION_LISTEN": "bogus"}) as server:
        assert server.alive()
    for arguments in ([], ["--host", "127.0.0.1"], ["--port", "0"]):
        result = run(*arguments, KATIB_SUGGESTION_LISTEN="bogus")
        assert result.returncode == 64
        assert 'KATIB_SUGGESTION_LISTEN is "bogus", it must be host:port' in result.stderr


def test_a_call_is_logged_for_the_operator(start_server: StartServer) -> None:
    server = start_server("--log-format", "json")
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        Suggestion(channel).suggest(experiment("sobol", [], name="find-me"), 0)
        spec = ALGORITHMS[0].experiment(name="find-me")
        Suggestion(channel).suggest(spec, 3)
    server.stop()
    lines = [json.loads(line) for line in server.log().splitlines()]
    told = [json.dumps(line) for line in lines if "find-me" in json.dumps(line)]
    assert any(ALGORITHMS[0].name in line for line in told), server.log()
