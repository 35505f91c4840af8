# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""What the flags promise about many requests and large ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hyperframe.frame import DataFrame, Frame

from algorithms import MIXED
from experiments import experiment, request, trial
from raw_http2 import Connection, frame_message, grpc_fields
from server_process import ServerProcess

StartServer = Callable[..., ServerProcess]


def test_a_client_is_not_refused_for_its_own_burst(start_server: StartServer) -> None:
    """As many calls as SETTINGS allow, in one write: the queue once held 64, so that half of them
    were RESOURCE_EXHAUSTED."""
    history = [trial(f"t{n}", {"momentum": "0.5"}, 0.1 * n) for n in range(100)]
    message = frame_message(request(experiment("tpe", MIXED), 1, history).SerializeToString())
    assert len(message) < 16384
    with Connection(start_server().address) as connection:
        connection.read_until(lambda: connection.acknowledged)
        frames: list[Frame] = []
        for _ in range(connection.settings[3]):
            frames.append(connection.headers(grpc_fields()))
            frames.append(DataFrame(frames[-1].stream_id, message, flags=["END_STREAM"]))
        connection.write(*frames)
        exchanges = [connection.answer(frame.stream_id, 60) for frame in frames[::2]]
    assert len(exchanges) == 128
    assert Counter(exchange.status for exchange in exchanges) == {0: 128}
