# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Server reflection, v1 and v1alpha: what grpcurl does, done with grpcio-reflection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2 as messages
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from clients import Suggestion
from stubs import pb

# The two versions differ in the name of their package only.
VERSIONS = ["v1", "v1alpha"]
SERVICES = {
    "api.v1.beta1.Suggestion",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}


class Reflection:
    """The client of one version: `ask` sends requests one by one on one stream."""

    def __init__(self, channel: grpc.Channel, version: str) -> None:
        self._method = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=messages.ServerReflectionRequest.SerializeToString,
            response_deserializer=messages.ServerReflectionResponse.FromString,
        )

    def ask(self, requests: Iterable[Any]) -> list[Any]:
        return list(self._method(iter(requests), timeout=10))

    def one(self, **query: Any) -> Any:
        (reply,) = self.ask([messages.ServerReflectionRequest(**query)])
        return reply

    def files(self, **query: Any) -> list[FileDescriptorProto]:
        found = self.one(**query).file_descriptor_response.file_descriptor_proto
        return [FileDescriptorProto.FromString(each) for each in found]


@pytest.fixture(params=VERSIONS)
def reflection(request: pytest.FixtureRequest, suggestion: Suggestion) -> Reflection:
    return Reflection(suggestion.channel, request.param)


def test_list(reflection: Reflection) -> None:
    services = reflection.one(list_services="").list_services_response.service
    assert {service.name for service in services} == SERVICES
    assert len(services) == len(SERVICES)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_describe_services(name: str, reflection: Reflection) -> None:
    files = reflection.files(file_containing_symbol=name)
    package, _, service = name.rpartition(".")
    files = [each for each in files if each.package == package]
    (described,) = [each for file in files for each in file.service if each.name == service]
    assert described.method


@pytest.mark.parametrize(
    "symbol",
    [
        "api.v1.beta1.Suggestion.GetSuggestions",
        "api.v1.beta1.GetSuggestionsRequest",
        "api.v1.beta1.GetSuggestionsReply.ParameterAssignments",
        "api.v1.beta1.TrialStatus.TrialConditionType",
        "api.v1.beta1.ParameterType",
        "api.v1.beta1.Experiment.spec",
        "grpc.health.v1.HealthCheckResponse.ServingStatus",
    ],
)
def test_describe_symbols(symbol: str, reflection: Reflection) -> None:
    files = reflection.files(file_containing_symbol=symbol)
    assert files and symbol.startswith(files[0].package)


def test_files_by_name(reflection: Reflection) -> None:
    (by_symbol,) = reflection.files(file_containing_symbol="api.v1.beta1.Suggestion")
    (by_name,) = reflection.files(file_by_filename=by_symbol.name)
    assert by_name == by_symbol


@pytest.mark.parametrize(
    "query",
    [
        {"file_containing_symbol": "api.v1.beta1.Nothing"},
        {"file_containing_symbol": ""},
        {"file_containing_symbol": "api.v1.beta1.Suggestion.Nothing"},
        {"file_by_filename": "nothing.proto"},
        {
            "file_containing_extension": {
                "containing_type": "api.v1.beta1.Trial",
                "extension_number": 1,
            }
        },
        {"all_extension_numbers_of_type": "no.such.Type"},
    ],
    ids=str,
)
def test_what_is_not_there(query: dict[str, Any], reflection: Reflection) -> None:
    """Said inside the reply, and the stream goes on."""
    request, after = messages.ServerReflectionRequest(**query), {"list_services": ""}
    replies = reflection.ask([request, messages.ServerReflectionRequest(**after)])
    assert replies[0].error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert replies[0].error_response.error_message
    assert replies[0].original_request == request
    assert replies[1].list_services_response.service


def test_each_request_is_answered_when_it_arrives(reflection: Reflection) -> None:
    """grpcurl asks on and on and half-closes last: a server that waits for that never answers."""
    answered: list[Any] = []

    def requests() -> Iterator[Any]:
        for number in range(5):
            assert len(answered) == number
            yield messages.ServerReflectionRequest(list_services="", host=str(number))
            while len(answered) <= number:
                time.sleep(0.001)

    for reply in reflection._method(requests(), timeout=10):
        answered.append(reply)
    assert [reply.valid_host or reply.original_request.host for reply in answered] == list("01234")


def load(pool: DescriptorPool, reflection: Reflection, symbol: str) -> None:
    """Adds the files a symbol needs, imports first."""
    files = {each.name: each for each in reflection.files(file_containing_symbol=symbol)}

    def add(name: str) -> None:
        wanted = files.pop(name, None)
        if wanted is not None:
            for each in wanted.dependency:
                add(each)
            pool.Add(wanted)

    for name in list(files):
        add(name)


def test_a_call_by_json_from_descriptors_alone(
    reflection: Reflection, suggestion: Suggestion
) -> None:
    """`grpcurl -plaintext -d '{...}' HOST:6789 api.v1.beta1.Suggestion/GetSuggestions`."""
    pool = DescriptorPool()
    load(pool, reflection, "api.v1.beta1.Suggestion")
    method = pool.FindServiceByName("api.v1.beta1.Suggestion").FindMethodByName("GetSuggestions")
    query = {
        "experiment": {
            "name": "by-hand",
            "spec": {
                "parameterSpecs": {
                    "parameters": [
                        {
                            "name": "rate",
                            "parameterType": "DOUBLE",
                            "feasibleSpace": {"min": "0.01", "max": "0.1"},
                        }
                    ]
                },
                "algorithm": {"algorithmName": "random"},
            },
        },
        "currentRequestNumber": 2,
    }
    request = json_format.Parse(json.dumps(query), GetMessageClass(method.input_type)())
    call = suggestion.channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda each: each.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    reply = json_format.MessageToDict(call(request, timeout=10))
    assert len(reply["parameterAssignments"]) == 2
    for entry in reply["parameterAssignments"]:
        (assignment,) = entry["assignments"]
        assert assignment["name"] == "rate" and 0.01 <= float(assignment["value"]) <= 0.1


def test_the_client_of_grpcio(suggestion: Suggestion) -> None:
    database = ProtoReflectionDescriptorDatabase(suggestion.channel)
    assert set(database.get_services()) == SERVICES
    service = DescriptorPool(database).FindServiceByName("api.v1.beta1.Suggestion")
    assert {method.name for method in service.methods} == {
        "GetSuggestions",
        "ValidateAlgorithmSettings",
    }
    ours = DescriptorPool(database).FindMessageTypeByName("api.v1.beta1.GetSuggestionsRequest")
    assert [field.name for field in ours.fields] == [
        field.name for field in pb.GetSuggestionsRequest.DESCRIPTOR.fields
    ]
