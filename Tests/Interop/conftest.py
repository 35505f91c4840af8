# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""One server for all tests that do not end it, and a check after each that it still lives."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from clients import Suggestion
from server_process import CHANNEL_OPTIONS, ServerProcess

# What a pod may use. The whole suite runs against one process, so this is a leak check as well.
MEMORY_LIMIT_MIB = 100


@pytest.fixture(scope="session")
def shared_server() -> Iterator[ServerProcess]:
    with ServerProcess() as server:
        yield server


@pytest.fixture
def server(shared_server: ServerProcess) -> Iterator[ServerProcess]:
    """The shared server; a test after which it is gone or bloated has failed."""
    yield shared_server
    if not shared_server.alive():
        log = shared_server.log()
        shared_server.start()
        pytest.fail(f"the server died:\n{log}")
    peak = shared_server.memory()["VmHWM"]
    if peak >= MEMORY_LIMIT_MIB:
        shared_server.restart()
        pytest.fail(f"the server used {peak:.0f} MiB")


@pytest.fixture(scope="session")
def shared_channel(shared_server: ServerProcess) -> Iterator[grpc.Channel]:
    options = [*CHANNEL_OPTIONS, ("grpc.max_reconnect_backoff_ms", 200)]
    with grpc.insecure_channel(shared_server.address, options=options) as channel:
        yield channel


@pytest.fixture
def suggestion(server: ServerProcess, shared_channel: grpc.Channel) -> Suggestion:
    return Suggestion(shared_channel)


@pytest.fixture
def start_server() -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers of a test's own, which it may end as it likes."""
    started: list[ServerProcess] = []

    def start(*arguments: str) -> ServerProcess:
        started.append(ServerProcess(arguments=arguments).start())
        return started[-1]

    yield start
    for server in started:
        server.__exit__()


@contextlib.contextmanager
def new_volume(where: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="katib-pbt.", dir=where, ignore_cleanup_errors=True
    ) as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def volume() -> Iterator[Path]:
    """In memory where there is such a place: every file is synchronised."""
    with new_volume("/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield folder


@pytest.fixture
def disk() -> Iterator[Path]:
    with new_volume(None) as folder:
        yield folder
