# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that checks nothing, so that it can send what no gRPC client would.

Frames are written as they come and read one by one; SETTINGS and PING are acknowledged and the
connection's window is kept open, nothing else happens by itself. `Exchange` holds what came back on
one stream, in order.
"""

from __future__ import annotations

import base64
import gzip
import socket
import struct
import time
import urllib.parse
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET_SUGGESTIONS = "/api.v1.beta1.Suggestion/GetSuggestions"
VALIDATE = "/api.v1.beta1.Suggestion/ValidateAlgorithmSettings"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
NO_ERROR, PROTOCOL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 8, 11
Fields = list[tuple[str, str]]


def grpc_fields(path: str = GET_SUGGESTIONS, **changes: str | None) -> Fields:
    """The header fields of a gRPC call. Changes name fields with `_` for `-`; None removes one."""
    found: dict[str, str | None] = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    for name, value in changes.items():
        name = name.replace("_", "-")
        found[f":{name}" if f":{name}" in found else name] = value
    return [(name, value) for name, value in found.items() if value is not None]


def frame_message(message: bytes, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(message)) + message


@dataclass
class Exchange:
    """What the server sent on one stream."""

    blocks: list[dict[str, str]] = field(default_factory=list)
    data: bytes = b""
    events: list[str] = field(default_factory=list)  # the kinds of its frames, in order
    ended: bool = False
    reset: int | None = None

    @property
    def done(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def http_status(self) -> str:
        return self.blocks[0][":status"] if self.blocks else ""

    @property
    def trailers_only(self) -> bool:
        return self.events[:1] == ["headers+end"]

    @property
    def status(self) -> int | None:
        """grpc-status, which must be plain decimal."""
        value = self.blocks[-1].get("grpc-status") if self.blocks else None
        if value is None:
            return None
        assert value == str(int(value)), value
        return int(value)

    @property
    def message(self) -> str:
        raw = self.blocks[-1].get("grpc-message", "")
        assert all(0x20 <= ord(letter) <= 0x7E for letter in raw), raw
        return urllib.parse.unquote(raw, errors="strict")

    def reply(self) -> bytes:
        """The one message of an OK answer, decompressed as its headers say."""
        flag, length = struct.unpack(">BI", self.data[:5])
        assert len(self.data) == 5 + length, "not exactly one message"
        body = self.data[5:]
        encoding = self.blocks[0].get("grpc-encoding", "identity")
        if not flag:
            return body
        return {"gzip": gzip.decompress, "deflate": zlib.decompress}[encoding](body)


class Connection:
    def __init__(self, address: str, settings: dict[int, int] | None = None) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.exchanges: dict[int, Exchange] = defaultdict(Exchange)
        self.settings: dict[int, int] = {}
        self.goaways: list[tuple[int, int, bytes]] = []  # last stream, code, debug data
        self.granted: dict[int, int] = defaultdict(int)  # bytes of window updates by stream
        self.pongs = 0
        self.acknowledged = False
        self.closed = False
        self._next = 1
        self._input = b""
        self._block = b""
        self.write(PREFACE, SettingsFrame(0, settings or {}))

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    # Writing

    def write(self, *parts: Frame | bytes) -> bool:
        """Sends all parts at once. False: the server has closed the connection."""
        whole = b"".join(part if isinstance(part, bytes) else part.serialize() for part in parts)
        try:
            self.socket.sendall(whole)
        except OSError:
            self.closed = True
        return not self.closed

    def headers(self, fields: Fields, *, end: bool = False, stream: int = 0) -> HeadersFrame:
        stream = stream or self.new_stream()
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        return HeadersFrame(stream, self.encoder.encode(fields), flags=flags)

    def new_stream(self) -> int:
        self._next += 2
        return self._next - 2

    def open(self, fields: Fields, *, end: bool = False) -> int:
        frame = self.headers(fields, end=end)
        self.write(frame)
        return frame.stream_id

    def send(self, stream: int, data: bytes, *, end: bool = True) -> None:
        pieces = [data[at : at + 16384] for at in range(0, len(data), 16384)] or [b""]
        frames = [DataFrame(stream, piece) for piece in pieces]
        if end:
            frames[-1].flags.add("END_STREAM")
        self.write(*frames)

    def reset(self, stream: int, code: int = CANCEL) -> None:
        self.write(RstStreamFrame(stream, code))

    def call(self, fields: Fields, data: bytes | None, *, end: bool = True) -> Exchange:
        """Headers and data, then whatever the server answers."""
        stream = self.open(fields, end=data is None and end)
        if data is not None:
            self.send(stream, data, end=end)
        return self.answer(stream)

    # Reading

    def answer(self, stream: int, seconds: float = 10.0) -> Exchange:
        """Waits until the stream is ended or reset, and a little for the RST after an early end."""
        self.read_until(lambda: self.exchanges[stream].done, seconds)
        return self.exchanges[stream]

    def settle(self) -> None:
        """A PING round trip: what the server had to say before it, it has said. Use it sparingly,
        pings are rationed."""
        wanted = self.pongs + 1
        self.write(PingFrame(0, opaque_data=b"settle!!"))
        self.read_until(lambda: self.pongs >= wanted)

    def read_until(self, satisfied: Callable[[], Any], seconds: float = 10.0) -> bool:
        deadline = time.monotonic() + seconds
        while not satisfied():
            left = deadline - time.monotonic()
            if self.closed or left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                return False
            except OSError:
                data = b""
            self.closed = not data
            self._input += data
            self._take_frames()
            self.socket.settimeout(10)
        return True

    def _take_frames(self) -> None:
        while len(self._input) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(self._input[:9]))
            if len(self._input) < 9 + length:
                return
            frame.parse_body(memoryview(self._input[9 : 9 + length]))
            self._input = self._input[9 + length :]
            self._took(frame)

    def _took(self, frame: Frame) -> None:
        exchange = self.exchanges[frame.stream_id]
        end = "END_STREAM" in frame.flags
        if isinstance(frame, HeadersFrame | ContinuationFrame):
            self._block += frame.data
            exchange.ended = exchange.ended or end
            if "END_HEADERS" in frame.flags:
                exchange.blocks.append(dict(self.decoder.decode(self._block)))
                exchange.events.append("headers+end" if exchange.ended else "headers")
                self._block = b""
        elif isinstance(frame, DataFrame):
            exchange.data += frame.data
            exchange.ended = end
            exchange.events.append("data+end" if end else "data")
            if frame.data:
                self.write(WindowUpdateFrame(0, len(frame.data)))
        elif isinstance(frame, RstStreamFrame):
            exchange.reset = frame.error_code
            exchange.events.append("reset")
        elif isinstance(frame, WindowUpdateFrame):
            self.granted[frame.stream_id] += frame.window_increment
        elif isinstance(frame, SettingsFrame):
            self._took_settings(frame)
        elif isinstance(frame, PingFrame):
            if "ACK" in frame.flags:
                self.pongs += 1
            else:
                self.write(PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]))
        elif isinstance(frame, GoAwayFrame):
            self.goaways.append((frame.last_stream_id, frame.error_code, frame.additional_data))

    def _took_settings(self, frame: SettingsFrame) -> None:
        if "ACK" in frame.flags:
            self.acknowledged = True
        else:
            self.settings |= frame.settings
            self.write(SettingsFrame(0, flags=["ACK"]))

    def ended(self, seconds: float = 10.0) -> bool:
        """Whether the server gives the connection up: a GOAWAY with an error, or it is closed."""
        return (
            self.read_until(
                lambda: self.closed or any(code != NO_ERROR for _, code, _ in self.goaways), seconds
            )
            or self.closed
        )


def unpadded(value: bytes) -> str:
    return base64.b64encode(value).decode().rstrip("=")


def repeat(frame: bytes, count: int) -> Iterable[bytes]:
    """A flood in writes of a thousand frames."""
    return (frame * min(1000, count - at) for at in range(0, count, 1000))
