# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""gRPC over HTTP/2, frame by frame: what a correct server answers to odd and wrong requests."""

from __future__ import annotations

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from grpc_health.v1 import health_pb2
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from experiments import double, experiment, request
from raw_http2 import (
    GET_SUGGESTIONS,
    HEALTH,
    NO_ERROR,
    PROTOCOL_ERROR,
    VALIDATE,
    Connection,
    Exchange,
    frame_message,
    grpc_fields,
    unpadded,
)
from server_process import ServerProcess
from stubs import pb

StartServer = Callable[..., ServerProcess]
INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED = 3, 4, 8
UNIMPLEMENTED, INTERNAL = 12, 13
SPEC = experiment("random", [double("rate", 0, 1)], settings={"random_state": "1"})
MESSAGE = request(SPEC, 2).SerializeToString()
BODY = frame_message(MESSAGE)


@pytest.fixture
def connection(server: ServerProcess) -> Iterator[Connection]:
    """A raw connection that must still work when the test is over."""
    with Connection(server.address) as opened:
        yield opened
        assert not opened.closed and not opened.goaways, opened.goaways
        assert_answers(opened.call(grpc_fields(), BODY))


def assert_answers(exchange: Exchange) -> None:
    assert exchange.status == 0, exchange
    reply = pb.GetSuggestionsReply.FromString(exchange.reply())
    assert len(reply.parameter_assignments) == 2


def assert_refused(exchange: Exchange, status: int) -> None:
    """A trailers-only answer: HTTP 200, content type, status, in one HEADERS frame."""
    assert exchange.trailers_only, exchange
    assert exchange.http_status == "200"
    assert exchange.blocks[0]["content-type"] == "application/grpc"
    assert exchange.status == status, exchange
    assert exchange.message
    assert exchange.reset in (None, NO_ERROR)


def assert_early(connection: Connection, fields: Any, status: int, data: bytes = b"") -> None:
    """Refused before the request ended: trailers first, then RST_STREAM(NO_ERROR)."""
    stream = connection.open(fields)
    if data:
        connection.send(stream, data, end=False)
    exchange = connection.answer(stream)
    connection.read_until(lambda: exchange.reset is not None, 2)
    assert_refused(exchange, status)
    assert exchange.events == ["headers+end", "reset"] and exchange.reset == NO_ERROR


# The shape of an answer


def test_the_shape_of_an_answer(connection: Connection) -> None:
    exchange = connection.call(grpc_fields(), BODY)
    assert_answers(exchange)
    assert exchange.events == ["headers", "data", "headers+end"]
    first, last = exchange.blocks
    assert first[":status"] == "200" and first["content-type"] == "application/grpc"
    assert last["grpc-status"] == "0" and ":status" not in last
    for block in exchange.blocks:
        assert not {"content-length", "connection", "transfer-encoding"} & set(block)


def test_settings(connection: Connection) -> None:
    connection.read_until(lambda: connection.settings and connection.acknowledged)
    streams, header_list = SettingsFrame.MAX_CONCURRENT_STREAMS, SettingsFrame.MAX_HEADER_LIST_SIZE
    assert 100 <= connection.settings[streams] <= 256
    assert connection.settings[header_list] == 16384
    assert connection.acknowledged


def test_a_message_in_many_frames(connection: Connection) -> None:
    """One byte each, some padded, others empty, a PRIORITY in between."""
    stream = connection.open(grpc_fields())
    for at in range(len(BODY)):
        frame = DataFrame(stream, BODY[at : at + 1], pad_length=at % 7)
        if at % 7:
            frame.flags.add("PADDED")
        connection.write(frame, DataFrame(stream, b""))
    connection.write(PriorityFrame(stream, depends_on=0, stream_weight=3))
    connection.send(stream, b"")
    assert_answers(connection.answer(stream))


def test_headers_in_many_frames(connection: Connection) -> None:
    block = connection.encoder.encode(grpc_fields())
    stream = connection.new_stream()
    pieces = [block[:10], block[10:20], block[20:]]
    connection.write(
        HeadersFrame(stream, pieces[0]),
        ContinuationFrame(stream, pieces[1]),
        ContinuationFrame(stream, pieces[2], flags=["END_HEADERS"]),
    )
    connection.send(stream, BODY)
    assert_answers(connection.answer(stream))


def test_many_streams_at_once(connection: Connection) -> None:
    streams = [connection.open(grpc_fields()) for _ in range(100)]
    for stream in reversed(streams):
        connection.send(stream, BODY)
    for stream in streams:
        assert_answers(connection.answer(stream))


# Headers


def test_trailers_next_to_a_malformed_block(connection: Connection) -> None:
    """The block that breaks the rules has no end; the trailers behind it end another stream's
    request, and once gave it the path of the malformed one."""
    wrong = [(name, "gzip" if name == "te" else value) for name, value in grpc_fields(HEALTH)]
    headers = connection.headers(grpc_fields())
    malformed = connection.headers(wrong)
    trailers = connection.headers([("x-trailer", "1")], end=True, stream=headers.stream_id)
    connection.write(headers, DataFrame(headers.stream_id, BODY), malformed, trailers)
    assert_answers(connection.answer(headers.stream_id))
    assert connection.answer(malformed.stream_id).reset == PROTOCOL_ERROR


def test_head(connection: Connection) -> None:
    """What `curl -I` sends: the answer must have no body."""
    exchange = connection.call(grpc_fields(method="HEAD"), None)
    assert exchange.http_status == "405"
    assert exchange.events == ["headers+end"]


@pytest.mark.parametrize("kind", ["text/plain", None, "application/grpcx", "", "application/json"])
def test_other_content_types(kind: str | None, connection: Connection) -> None:
    assert connection.call(grpc_fields(content_type=kind), BODY).http_status == "415"


@pytest.mark.parametrize(
    "kind", ["application/grpc+proto", "application/grpc;charset=utf-8", "application/grpc"]
)
def test_content_types_of_grpc(kind: str, connection: Connection) -> None:
    exchange = connection.call(grpc_fields(content_type=kind), BODY)
    assert_answers(exchange)
    assert exchange.blocks[0]["content-type"] == "application/grpc"


def test_json_is_not_spoken(connection: Connection) -> None:
    exchange = connection.call(grpc_fields(content_type="application/grpc+json"), BODY)
    assert exchange.http_status == "415" or exchange.status == UNIMPLEMENTED


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "HEAD"])
def test_other_methods(method: str, connection: Connection) -> None:
    assert connection.call(grpc_fields(method=method), None).http_status == "405"


def test_te_is_not_insisted_on(connection: Connection) -> None:
    assert_answers(connection.call(grpc_fields(te=None), BODY))


@pytest.mark.parametrize(
    "change",
    [{"te": "gzip"}, {"connection": "close"}, {"Upper": "x"}, {"scheme": None}, {"path": None}],
    ids=str,
)
def test_malformed_headers(change: dict[str, str | None], connection: Connection) -> None:
    """Refused one way or the other, and only this stream."""
    stream = connection.new_stream()
    block = connection.encoder.encode(grpc_fields(**change))
    connection.write(HeadersFrame(stream, block, flags=["END_HEADERS"]))
    connection.send(stream, BODY)
    exchange = connection.answer(stream)
    assert exchange.done and exchange.status != 0


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/api.v1.beta1.Suggestion",
        "/api.v1.beta1.Suggestion/",
        "/api.v1.beta1.Suggestion/Nothing",
        "/api.v1.beta1.Suggestion/getSuggestions",
        "/api.v1.beta1.EarlyStopping/GetEarlyStoppingRules",
        "/Suggestion/GetSuggestions",
        GET_SUGGESTIONS + "/",
        GET_SUGGESTIONS + "?a=b",
        "/" + GET_SUGGESTIONS,
    ],
)
def test_unknown_paths_are_refused_at_once(path: str, connection: Connection) -> None:
    """Not when the request ends: a reflection client never ends it and would wait for ever."""
    assert_early(connection, grpc_fields(path), UNIMPLEMENTED)


@pytest.mark.parametrize(
    "timeout", ["", "S", "10", "10x", "10s", "123456789S", "-1S", "1.5S", "1 S", "+1S", "1SS", "٣S"]
)
def test_malformed_timeouts(timeout: str, connection: Connection) -> None:
    assert_early(connection, grpc_fields(grpc_timeout=timeout), INTERNAL)


@pytest.mark.parametrize(
    "timeout", ["1H", "1M", "60S", "60000m", "60000000u", "99999999n", "99999999H", "00000009S"]
)
def test_timeouts(timeout: str, connection: Connection) -> None:
    assert_answers(connection.call(grpc_fields(grpc_timeout=timeout), BODY))


@pytest.mark.parametrize("timeout", ["0S", "0n", "00000000H"])
def test_timeouts_that_have_passed(timeout: str, connection: Connection) -> None:
    assert_early(connection, grpc_fields(grpc_timeout=timeout), DEADLINE_EXCEEDED)


def test_the_deadline_passes_before_the_message_is_there(connection: Connection) -> None:
    start = time.monotonic()
    assert_early(connection, grpc_fields(grpc_timeout="150m"), DEADLINE_EXCEEDED, BODY[:9])
    assert 0.1 < time.monotonic() - start < 2


def test_binary_metadata(connection: Connection) -> None:
    for value in (unpadded(b"\0\xff"), "AP8=", "AP8,AP8=", ""):
        assert_answers(connection.call(grpc_fields(x_trace_bin=value), BODY))
    for value in ("!!", "A", "AP8=x"):
        assert_refused(connection.call(grpc_fields(x_trace_bin=value), BODY), INTERNAL)


def test_text_metadata_with_spaces_around_it(connection: Connection) -> None:
    """gRPC forbids to fail on it, although HTTP/2 does not allow it."""
    assert_answers(connection.call(grpc_fields(x_note="  both ends  "), BODY))


@pytest.mark.parametrize("fields", [1, 1000])
def test_a_header_list_that_is_too_large(fields: int, connection: Connection) -> None:
    extra = [(f"x-{number}", "v" * (18_000 // fields)) for number in range(fields)]
    block = connection.encoder.encode(grpc_fields() + extra)
    stream = connection.new_stream()
    pieces = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
    connection.write(
        HeadersFrame(stream, pieces[0]),
        *(ContinuationFrame(stream, piece) for piece in pieces[1:]),
        ContinuationFrame(stream, b"", flags=["END_HEADERS"]),
    )
    assert_refused(connection.answer(stream), RESOURCE_EXHAUSTED)


# Messages


def test_an_empty_body_is_no_message(connection: Connection) -> None:
    assert_refused(connection.call(grpc_fields(), None), UNIMPLEMENTED)
    assert_refused(connection.call(grpc_fields(), b""), UNIMPLEMENTED)


@pytest.mark.parametrize("cut", [1, 4, 5, 6, len(BODY) - 1])
def test_a_message_cut_short(cut: int, connection: Connection) -> None:
    assert_refused(connection.call(grpc_fields(), BODY[:cut]), INTERNAL)


def test_two_messages(connection: Connection) -> None:
    assert_refused(connection.call(grpc_fields(), BODY + BODY), UNIMPLEMENTED)


def test_a_message_and_a_half(connection: Connection) -> None:
    exchange = connection.call(grpc_fields(), BODY + BODY[:3])
    assert exchange.status in (UNIMPLEMENTED, INTERNAL) and exchange.trailers_only


def test_an_empty_message_is_a_message(connection: Connection) -> None:
    exchange = connection.call(grpc_fields(HEALTH), frame_message(b""))
    assert health_pb2.HealthCheckResponse.FromString(exchange.reply()).status == 1


@pytest.mark.parametrize("size", [(16 << 20) + 1, 2**32 - 1])
def test_an_announced_size_over_the_limit(size: int, connection: Connection) -> None:
    """Refused from the five bytes of the prefix."""
    assert_early(connection, grpc_fields(), RESOURCE_EXHAUSTED, struct.pack(">BI", 0, size))


def test_a_call_refused_early_may_go_on_talking(connection: Connection) -> None:
    stream = connection.open(grpc_fields("/nothing/Here"))
    connection.answer(stream)
    for _ in range(6):
        connection.send(stream, b"x" * 10_000, end=False)
    connection.send(stream, b"x")
    connection.settle()


@pytest.mark.parametrize(
    "message",
    [
        b"\x0a\x05ab",
        b"\xff" * 11,
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x00\x00",
        b"\x0a\x04\x0a\x02\xff\xfe",
    ],
    ids=["cut", "varint", "length", "field 0", "not UTF-8"],
)
def test_bytes_that_are_no_request(message: bytes, connection: Connection) -> None:
    assert_refused(connection.call(grpc_fields(), frame_message(message)), INTERNAL)


# Compression


@pytest.mark.parametrize("encoding", [None, "identity"])
def test_compressed_by_nothing(encoding: str | None, connection: Connection) -> None:
    fields = grpc_fields(grpc_encoding=encoding)
    assert_refused(connection.call(fields, frame_message(MESSAGE, flag=1)), INTERNAL)


@pytest.mark.parametrize("flag", [0, 1])
def test_unknown_compression(flag: int, connection: Connection) -> None:
    fields = grpc_fields(grpc_encoding="snappy")
    exchange = connection.call(fields, frame_message(MESSAGE, flag))
    assert_refused(exchange, UNIMPLEMENTED)
    accepted = exchange.blocks[0]["grpc-accept-encoding"].replace(" ", "").split(",")
    assert sorted(accepted) == ["deflate", "gzip", "identity"]


def test_reserved_flags(connection: Connection) -> None:
    for flag in (2, 3, 255):
        assert_refused(connection.call(grpc_fields(), frame_message(MESSAGE, flag)), INTERNAL)


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-15)
    return squeezer.compress(data) + squeezer.flush()


PACK = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", PACK)
def test_compressed_requests(encoding: str, connection: Connection) -> None:
    fields = grpc_fields(grpc_encoding=encoding)
    packed = PACK[encoding](MESSAGE)
    assert_answers(connection.call(fields, frame_message(packed, flag=1)))
    assert_answers(connection.call(fields, frame_message(MESSAGE, flag=0)))
    broken = [
        b"",
        packed[:-3],
        packed + b"junk",
        packed[:20] + b"\xff" * 5 + packed[25:],
        b"x" * 30,
    ]
    broken += [packed + packed, raw_deflate(MESSAGE)]
    for body in broken:
        assert_refused(connection.call(fields, frame_message(body, flag=1)), INTERNAL)


@pytest.mark.parametrize("encoding", PACK)
def test_a_decompression_bomb(encoding: str, connection: Connection) -> None:
    """A thousand times its size; counted while inflating, so no 40 MiB are ever held."""
    packed = PACK[encoding](b"\0" * (40 << 20))
    assert len(packed) < 60_000, "does not fit the initial window"
    stream = connection.open(grpc_fields(grpc_encoding=encoding))
    connection.send(stream, frame_message(packed, flag=1))
    assert_refused(connection.answer(stream), RESOURCE_EXHAUSTED)


@pytest.mark.parametrize("encoding", PACK)
def test_compressed_replies(encoding: str, connection: Connection) -> None:
    """A large reply to a client that compresses; and never in an encoding it did not list."""
    large = request(SPEC, 500).SerializeToString()
    body = frame_message(PACK[encoding](large), flag=1)
    fields = grpc_fields(grpc_encoding=encoding, grpc_accept_encoding=f"identity,{encoding}")
    exchange = connection.call(fields, body)
    assert exchange.blocks[0]["grpc-encoding"] == encoding
    assert exchange.data[0] == 1 and len(exchange.data) < 20_000
    assert len(pb.GetSuggestionsReply.FromString(exchange.reply()).parameter_assignments) == 500
    for accepted in (None, "identity", "snappy", ""):
        fields = grpc_fields(grpc_encoding=encoding, grpc_accept_encoding=accepted)
        exchange = connection.call(fields, body)
        assert exchange.blocks[0].get("grpc-encoding", "identity") == "identity"
        assert exchange.status == 0 and exchange.data[0] == 0


# Messages for people


@pytest.mark.parametrize(
    "name", ["ünknown % algorithm", "tab\tline\r\nend", "100%25", "\U0001f600"]
)
def test_messages_are_percent_encoded(name: str, connection: Connection) -> None:
    message = pb.ValidateAlgorithmSettingsRequest(experiment=experiment(name, []))
    exchange = connection.call(grpc_fields(VALIDATE), frame_message(message.SerializeToString()))
    assert_refused(exchange, INVALID_ARGUMENT)
    assert exchange.message == f"unknown algorithm name {name}"
    raw = exchange.blocks[0]["grpc-message"]
    assert "%25" in raw if "%" in name else "%" in raw


@pytest.mark.parametrize("letter", ["x", "%", "é", "€", "\U0001f600"])
@pytest.mark.parametrize("shift", range(2))
def test_long_messages_are_cut(letter: str, shift: int, connection: Connection) -> None:
    """Between letters, and short enough for clients that take 8 KiB of headers in all."""
    name = "y" * shift + letter * 9000
    message = pb.ValidateAlgorithmSettingsRequest(experiment=experiment(name, []))
    exchange = connection.call(grpc_fields(VALIDATE), frame_message(message.SerializeToString()))
    assert_refused(exchange, INVALID_ARGUMENT)
    assert len(exchange.message.encode()) <= 1024
    assert exchange.message.startswith("unknown algorithm name " + name[:50])
    assert sum(len(key) + len(value) + 32 for key, value in exchange.blocks[0].items()) < 8192


# Leaving and keeping alive


def test_a_client_may_change_its_mind(connection: Connection) -> None:
    for sent in (b"", BODY[:5], BODY[:30], BODY):
        for _ in range(20):
            stream = connection.open(grpc_fields())
            if sent:
                connection.send(stream, sent, end=sent == BODY)
            connection.reset(stream)
    connection.settle()


@pytest.mark.parametrize("count", [2, 3000], ids=["at once", "by a worker"])
def test_a_client_that_closes_its_half(count: int, server: ServerProcess) -> None:
    """It has nothing more to say, and reads on. The reply of a worker once found nobody."""
    with Connection(server.address, {SettingsFrame.INITIAL_WINDOW_SIZE: 1 << 24}) as opened:
        opened.write(WindowUpdateFrame(0, 1 << 24))
        stream = opened.open(grpc_fields())
        opened.send(stream, frame_message(request(SPEC, count).SerializeToString()))
        other = opened.open(grpc_fields())
        opened.socket.shutdown(socket.SHUT_WR)
        opened.write = lambda *_: True  # type: ignore[method-assign]
        exchange = opened.answer(stream)
        reply = pb.GetSuggestionsReply.FromString(exchange.reply())
        assert exchange.status == 0 and len(reply.parameter_assignments) == count
        # The request that will never be complete is over, and so is the connection then.
        assert opened.answer(other).reset is not None
        assert opened.read_until(lambda: opened.closed)


def test_a_client_that_is_gone_is_not_worked_for(start_server: StartServer) -> None:
    """A closed socket looks like half of one closed, until something is sent."""
    server = start_server("--workers", "1")
    body = frame_message(request(SPEC, 10_000).SerializeToString())
    opened = Connection(server.address)
    for _ in range(40):
        opened.send(opened.open(grpc_fields()), body)
    opened.settle()
    opened.socket.close()
    time.sleep(0.3)
    before = server.cpu_seconds()
    time.sleep(0.5)
    assert server.cpu_seconds() - before < 0.1


def test_pings_that_measure_bandwidth_are_welcome(connection: Connection) -> None:
    """grpc-go and grpcio send one after data has arrived."""
    for _ in range(30):
        assert_answers(connection.call(grpc_fields(), BODY))
        connection.write(PingFrame(0, opaque_data=b"bandwidt"))
    connection.settle()
