# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A small Python suggestion service, right or wrong on purpose, to test the simulator with.

It knows `grid` (plain order), `random` and `sobol` (here: any fixed sequence). Every flaw is one
that a real service has had; `python throwaway_server.py --port 6789 --flaw repeat` serves it.
"""

from __future__ import annotations

import argparse
import random
import time
from concurrent import futures
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer

from experiments import pairs_of
from feasible import Parameter, Space
from stubs import pb, rpc

FLAWS = {
    "count": "one suggestion too few once there is a history",
    "infeasible": "a value outside its range",
    "order": "parameters in another order than the spec's",
    "missing": "a parameter left out",
    "noise": "a stepped double with binary noise",
    "point": "an integer with a decimal point",
    "repeat": "a grid that counts visible trials instead of suggestions issued",
    "unstable": "replies that are drawn anew each time",
    "memory": "a sequence counted in the process instead of read from the request",
    "order_of_history": "replies that depend on the order of the history",
    "name_length": "trial names that are too long",
    "name_taken": "the same trial name twice",
    "name_case": "trial names that are no DNS label",
}


class Servicer(rpc.SuggestionServicer):
    def __init__(self, flaw: str = "") -> None:
        self.flaw, self.issued = flaw, 0

    def ValidateAlgorithmSettings(self, request: Any, context: Any) -> Any:
        name = request.experiment.spec.algorithm.algorithm_name
        if name not in ("grid", "random", "sobol"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unknown algorithm name {name}")
        return pb.ValidateAlgorithmSettingsReply()

    def GetSuggestions(self, request: Any, context: Any) -> Any:
        reply = pb.GetSuggestionsReply()
        algorithm = request.experiment.spec.algorithm
        given = {each.name: each.value for each in algorithm.algorithm_settings}
        seed = given.get("random_state", "")
        if algorithm.algorithm_name != "random":
            seed = "0"
        elif not seed:
            seed = str(random.SystemRandom().randrange(2**31))
            reply.algorithm.algorithm_settings.add(name="random_state", value=seed)
        for point in self._points(request, seed):
            entry = reply.parameter_assignments.add()
            for name, value in self._spoil(point):
                entry.assignments.add(name=name, value=value)
            entry.trial_name = self._trial_name(request.experiment.name)
        if self.flaw == "count" and request.trials:
            del reply.parameter_assignments[-1]
        return reply

    def _points(self, request: Any, seed: str) -> list[list[tuple[str, str]]]:
        space = Space.of(request.experiment)
        count = request.current_request_number
        position = request.total_request_number - count
        if self.flaw == "repeat":
            position = len(request.trials)
        if self.flaw == "memory":
            position, self.issued = self.issued, self.issued + count
        if request.experiment.spec.algorithm.algorithm_name == "grid":
            return self._grid(request, space, position, count)
        salt = str(time.monotonic_ns()) if self.flaw == "unstable" else ""
        if self.flaw == "order_of_history":
            salt = "".join(trial.name for trial in request.trials)
        indices = range(position, position + count)
        return [space.draw(random.Random(f"{seed} {index} {salt}")) for index in indices]

    def _grid(self, request: Any, space: Space, position: int, count: int) -> list[Any]:
        seen = {pairs_of(trial.spec.parameter_assignments) for trial in request.trials}
        if self.flaw == "repeat":
            seen = set()
        total = space.combinations() or 1
        order = [self._point(space, index % total) for index in range(position, position + total)]
        fresh = [point for point in order if tuple(point) not in seen]
        return [*fresh, *(order * count)][:count]

    @staticmethod
    def _point(space: Space, index: int) -> list[tuple[str, str]]:
        point = []
        for parameter in space.parameters:
            index, digit = divmod(index, parameter.count() or 1)
            point.append((parameter.name, _value(parameter, digit)))
        return point

    def _spoil(self, point: list[tuple[str, str]]) -> list[tuple[str, str]]:
        change = {
            "infeasible": lambda text: "100" if text == "3" else text,
            "noise": lambda text: "0.30000000000000004" if text == "0.3" else text,
            "point": lambda text: text + ".0" if text == "3" else text,
        }.get(self.flaw)
        if change:
            return [(name, change(text)) for name, text in point]
        if self.flaw == "missing":
            return point[1:]
        return point[::-1] if self.flaw == "order" else point

    def _trial_name(self, experiment: str) -> str:
        return {
            "name_length": f"{experiment}-{random.randrange(10**60):060d}",
            "name_taken": f"{experiment}-one",
            "name_case": f"{experiment}-A{random.randrange(10**9)}",
        }.get(self.flaw, "")


def _value(parameter: Parameter, digit: int) -> str:
    if not parameter.numeric:
        return parameter.entries[digit]
    if parameter.step is None:
        return parameter.space.min
    point = parameter.low + digit * parameter.step
    return str(round(point)) if parameter.kind == pb.INT else repr(float(point))


def serve(flaw: str, address: str) -> tuple[grpc.Server, int]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    rpc.add_SuggestionServicer_to_server(Servicer(flaw), server)
    health = HealthServicer()
    health.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6789)
    parser.add_argument("--flaw", default="", choices=["", *FLAWS])
    options = parser.parse_args()
    serve(options.flaw, f"{options.host}:{options.port}")[0].wait_for_termination()


if __name__ == "__main__":
    main()
