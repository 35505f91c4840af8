# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A client of the Suggestion service with what tests ask of it."""

from __future__ import annotations

from typing import Any

import grpc

from experiments import request
from stubs import pb, rpc

SECONDS = 60.0


class Suggestion:
    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.stub = rpc.SuggestionStub(channel)

    def ask(self, message: Any, **options: Any) -> Any:
        return self.stub.GetSuggestions(message, timeout=SECONDS, **options)

    def suggest(self, experiment: Any, count: int, trials: Any = (), **options: Any) -> Any:
        """The reply for the given experiment, which must hold exactly `count` suggestions."""
        reply = self.ask(request(experiment, count, trials, **options))
        assert len(reply.parameter_assignments) == count
        return reply

    def validate(self, experiment: Any) -> None:
        message = pb.ValidateAlgorithmSettingsRequest(experiment=experiment)
        self.stub.ValidateAlgorithmSettings(message, timeout=SECONDS)

    def validation_message(self, experiment: Any) -> str:
        """Why validation refuses: always INVALID_ARGUMENT, the one code the controller heeds."""
        try:
            self.validate(experiment)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
            return error.details()
        raise AssertionError(f"accepted by validation:\n{experiment}")

    def refusal_message(self, message: Any) -> str:
        """Why GetSuggestions refuses with INVALID_ARGUMENT."""
        try:
            self.ask(message)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
            return error.details()
        raise AssertionError("GetSuggestions accepted the request")
