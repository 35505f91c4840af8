# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The real server as a child process that a test may kill, stop politely and measure."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
# Every channel of these tests is a connection of its own, as the controller's are, and limits of
# the client must not hide those of the server.
CHANNEL_OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
START_SECONDS = 15.0
# The volume for checkpoints that all servers of a test run share, as replicas of a pod do.
VOLUME = tempfile.TemporaryDirectory(prefix="katib-volume.", ignore_cleanup_errors=True)


def own_environment() -> dict[str, str]:
    """This process's, less the variables of these tests that begin like the servers' own."""
    return {key: value for key, value in os.environ.items() if not key.endswith("_BINARY")}


def binary(name: str = "katib-suggestion") -> str:
    variable = name.upper().replace("-", "_") + "_BINARY"
    path = Path(os.environ.get(variable) or f".build/release/{name}")
    path = path if path.is_absolute() else ROOT / path
    if not path.exists():
        raise FileNotFoundError(f"no server at {path}: build it, or set {variable} to where it is")
    return str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """One server on a port of its own; `start` returns once health says SERVING."""

    def __init__(
        self,
        command: Sequence[str] = (),
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        log: int | None = None,
    ) -> None:
        """`log`, such as subprocess.PIPE, takes standard error in place of the file of `log()`."""
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._command = [*(command or [binary()]), "--host", "127.0.0.1", "--port", str(self.port)]
        self._command += arguments
        self._environment = own_environment() | {"KATIB_SUGGESTION_DATA_DIRECTORY": VOLUME.name}
        self._environment |= dict(environment or {})
        self._log = tempfile.NamedTemporaryFile(suffix=".log")  # noqa: SIM115
        self._stderr = self._log if log is None else log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._log.close()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> ServerProcess:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._stderr,
            env=self._environment,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log()}")
            time.sleep(0.002)
        with grpc.insecure_channel(self.address, options=CHANNEL_OPTIONS) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            reply = stub.Check(health_pb2.HealthCheckRequest(), timeout=START_SECONDS)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING, f"health says {reply}"
        return self

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL: nothing may be lost by it, so the tests do it at any time."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def stop(self, by: signal.Signals = signal.SIGTERM, seconds: float = 15.0) -> int:
        """Asks the server to leave and returns its exit code."""
        self.process.send_signal(by)
        return self.process.wait(seconds)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """The last lines the server wrote."""
        return Path(self._log.name).read_text(errors="replace")[-4000:]

    def memory(self) -> dict[str, float]:
        """Resident memory now and at its peak (`VmRSS`, `VmHWM`), and what of it is not pages of
        the binary (`RssAnon`), in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {key: int(fields[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM", "RssAnon")}

    def cpu_seconds(self) -> float:
        """Processor time of all threads so far, by the process's CPU clock."""
        return time.clock_gettime(~self.pid << 3 | 2)

    @contextlib.contextmanager
    def limited_to(self, cores: float) -> Iterator[None]:
        """Holds the process to a share of one core, as a pod's CPU limit does.

        Like the kernel's quota it works in periods of 100 ms: once the period's share is spent, the
        process stands still until the next. Done with SIGSTOP, since a cgroup needs privileges.
        """
        finished = threading.Event()
        pid, period = self.pid, 0.1

        def pace() -> None:
            while not finished.is_set():
                end = time.monotonic() + period
                budget = self.cpu_seconds() + period * cores
                while time.monotonic() < end and self.cpu_seconds() < budget:
                    time.sleep(0.004)
                overrun = (self.cpu_seconds() - budget) / cores
                rest = max(0.0, end - time.monotonic()) + max(0.0, overrun)
                if self.cpu_seconds() >= budget:
                    os.kill(pid, signal.SIGSTOP)
                    finished.wait(rest)
                    os.kill(pid, signal.SIGCONT)

        thread = threading.Thread(target=pace, daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()
