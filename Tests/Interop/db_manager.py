# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Katib's DB manager: observation logs in memory, and moods.

Written against the contract alone, on grpcio. Logs come back as they were reported, in the order
they were reported; what the service makes of that is its business.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent import futures
from typing import Any

import grpc

from stubs import pb, rpc

START = 1_767_225_600  # 2026-01-01T00:00:00Z


def stamp(seconds: float) -> str:
    whole = int(seconds)
    fraction = f"{seconds - whole:.6f}"[1:]
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + whole)) + fraction + "Z"


def log(values: Iterable[object], metric: str = "loss") -> list[Any]:
    """One line a second."""
    return [line(step, value, metric) for step, value in enumerate(values)]


def line(seconds: float, value: object, metric: str = "loss") -> Any:
    return pb.MetricLog(time_stamp=stamp(seconds), metric=pb.Metric(name=metric, value=str(value)))


class DBManager(rpc.DBManagerServicer):
    """Use as a context manager. All fields may be changed while it serves."""

    def __init__(self, port: int = 0, workers: int = 40, host: str = "127.0.0.1") -> None:
        self.logs: dict[str, list[Any]] = {}
        self.asked: Counter[str] = Counter()
        # Seconds until an answer, for every trial and for some.
        self.delay = 0.0
        self.delays: dict[str, float] = {}
        # Statuses to refuse with, one for each time a trial is asked for; the last one stays.
        self.refusals: dict[str, list[grpc.StatusCode]] = {}
        self.peers: set[str] = set()
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        # Wire bytes of replies by (trial, metric), for logs too long to build for every call.
        self._replies: dict[tuple[str, str], bytes] = {}
        self._server = grpc.server(
            futures.ThreadPoolExecutor(workers), options=[("grpc.so_reuseport", 0)]
        )
        handler = grpc.method_handlers_generic_handler(
            "api.v1.beta1.DBManager",
            {
                "GetObservationLog": grpc.unary_unary_rpc_method_handler(
                    self.answer, pb.GetObservationLogRequest.FromString, None
                )
            },
        )
        self._server.add_generic_rpc_handlers((handler,))
        self.port = self._server.add_insecure_port(f"{host}:{port}")
        self.address = f"{host}:{self.port}"

    def __enter__(self) -> DBManager:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(0).wait()

    def answer(self, request: Any, context: grpc.ServicerContext) -> bytes:
        name = request.trial_name
        with self._lock:
            self.asked[name] += 1
            self.peers.add(context.peer())
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            refusals = self.refusals.get(name, [])
            code = refusals[0] if refusals else grpc.StatusCode.OK
            if len(refusals) > 1:
                refusals.pop(0)
        try:
            time.sleep(self.delays.get(name, self.delay))
            if code != grpc.StatusCode.OK:
                context.abort(code, "as the test wishes")
            return self._reply(name, request.metric_name)
        finally:
            with self._lock:
                self._at_once -= 1

    def _reply(self, name: str, metric: str) -> bytes:
        key = (name, metric)
        if key not in self._replies:
            lines = [each for each in self.logs.get(name, []) if metric in ("", each.metric.name)]
            reply = pb.GetObservationLogReply(observation_log=pb.ObservationLog(metric_logs=lines))
            self._replies[key] = reply.SerializeToString()
        return self._replies[key]

    def prepare(self, name: str, metric: str) -> None:
        """Makes a reply ahead of the call."""
        self._reply(name, metric)

    def garble(self, name: str, metric: str = "loss") -> None:
        """A reply that is no message."""
        self._replies[name, metric] = b"\xff\xff"

    def forget(self, name: str) -> None:
        """As when a Trial is deleted."""
        self.logs.pop(name, None)
        for key in [key for key in self._replies if key[0] == name]:
            del self._replies[key]

    def report(self, name: str, values: Iterable[object], metric: str = "loss") -> None:
        self.forget(name)
        self.logs[name] = log(values, metric)
