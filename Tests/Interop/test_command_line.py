# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The executable as a person and a manifest use it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable

import grpc
import pytest

from algorithms import ALGORITHMS, Algorithm
from clients import Suggestion
from experiments import experiment
from server_process import (
    CHANNEL_OPTIONS,
    ServerProcess,
    binary,
    free_port,
    own_environment,
)

StartServer = Callable[..., ServerProcess]


def run(
    *arguments: str, program: str = "katib-suggestion", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [binary(program), *arguments],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
        env=own_environment() | environment,
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


# Each number of the command line, and what it may be.
RANGES = {
    "port": "from 0 to 65535",
    "workers": "from 1 to 64",
    "queue-depth": "from 1 to 10000",
    "max-message-bytes": "from 1024 to 67108864",
    "grace": "from 0 to 3600",
}
NUMBERS = ["nan", "inf", "-inf", "-1", "1e300", "1.5", "99999999", "9" * 30, "", "--grace"]


@pytest.mark.parametrize("program", ["katib-suggestion", "katib-early-stopping"])
@pytest.mark.parametrize("flag", RANGES)
def test_wrong_numbers(flag: str, program: str) -> None:
    """The message names the flag, the value and what would be right."""
    for number in NUMBERS:
        result = run(f"--{flag}", number, program=program)
        assert result.returncode == 64, (number, result)
        assert f"--{flag}" in result.stderr and number in result.stderr, result.stderr
        assert RANGES[flag] in " ".join(result.stderr.split()), result.stderr


@pytest.mark.parametrize("flag", [flag for flag in RANGES if flag != "port"])
def test_wrong_numbers_in_the_environment(flag: str) -> None:
    variable = "KATIB_SUGGESTION_" + flag.upper().replace("-", "_")
    for number in NUMBERS:
        if number:
            result = run(**{variable: number})
            assert result.returncode == 64 and "Error: " in result.stderr, (number, result)
            message = result.stderr.partition("Error: ")[2]
            assert variable in message and number in message and RANGES[flag] in message, message


def test_algorithms_are_listed() -> None:
    names = {algorithm.name for algorithm in ALGORITHMS}
    # In both directions: one that is missing in algorithms.py would go through none of these tests.
    assert {row["name"] for row in json.loads(run("algorithms", "--json").stdout)} == names
    text = run("algorithms").stdout
    assert [name for name in names if name not in text] == []
    assert run("algorithms", "nothing").returncode != 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["algorithms", "--port", "3"],
        ["--port", "3", "algorithms"],
        ["algorithms", "tpe", "--data-directory", "/x"],
        ["algorithms", "--log-level", "info"],
    ],
)
def test_the_list_takes_no_flags_of_the_server(arguments: list[str]) -> None:
    """They were read, wherever they stood, and meant nothing."""
    result = run(*arguments)
    flag = next(each for each in arguments if each.startswith("--"))
    assert result.returncode == 64 and not result.stdout
    assert f"Error: {flag} is a flag of the server" in result.stderr


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
    process = subprocess.Popen([binary()], env=own_environment() | links, stderr=subprocess.PIPE)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
            grpc.channel_ready_future(channel).result(10)
    finally:
        process.kill()
        _, log = process.communicate()
    assert b"mean nothing here" not in log, log


@pytest.mark.parametrize("program", ["katib-suggestion", "katib-early-stopping"])
def test_mistyped_variables_are_told(program: str) -> None:
    """..._WORKER=4 was passed over without a word."""
    prefix = program.upper().replace("-", "_")
    mistyped = {f"{prefix}_WORKER": "4", f"{prefix}_LOG_FORMAT": "json"}
    with ServerProcess([binary(program)], environment=mistyped) as server:
        lines = [json.loads(line) for line in server.log().splitlines()]
    (told,) = [line for line in lines if line["message"].endswith("mean nothing here")]
    assert told["level"] == "notice" and told["unknown"] == f"{prefix}_WORKER"
    assert f"{prefix}_WORKERS" in told["known"]


def test_flags_win_over_the_address_from_the_environment() -> None:
    """A variable that nobody needs was read all the same, and a wrong one ended the process."""
    with ServerProcess(environment={"KATIB_SUGGESTION_LISTEN": "bogus"}) as server:
        assert server.alive()
    for arguments in ([], ["--host", "127.0.0.1"], ["--port", "0"]):
        result = run(*arguments, KATIB_SUGGESTION_LISTEN="bogus")
        assert result.returncode == 64
        assert 'KATIB_SUGGESTION_LISTEN is "bogus", it must be host:port' in result.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_port_that_is_taken(form: str) -> None:
    """In the log's own format, and in the system's words: NIO's name its functions."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("--host", "127.0.0.1", "--port", port, "--log-format", form)
    (line,) = result.stderr.splitlines()
    text = f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert result.returncode == 1
    if form == "text":
        assert line.endswith(f"critical {text}")
    else:
        logged = json.loads(line)
        assert (logged["level"], logged["message"]) == ("critical", text)


def test_a_host_that_does_not_exist() -> None:
    """The name of a type and an error number stood there."""
    result = run("--host", "nosuch.invalid", "--port", "0")
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    problem = "the host nosuch.invalid cannot be resolved"
    assert line.endswith(f"cannot listen on nosuch.invalid:0: {problem}"), line


def test_the_help_says_what_the_defaults_are() -> None:
    text = " ".join(run("--help").stdout.split())
    assert "KATIB_SUGGESTION_QUEUE_DEPTH; default: 128" in text
    assert "KATIB_SUGGESTION_MAX_MESSAGE_BYTES; default: 16777216" in text
    assert all(bounds in text for bounds in RANGES.values())


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
