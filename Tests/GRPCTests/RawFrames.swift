// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import Testing

/// Frames written byte by byte, so that tests can send what no library would.
enum RawFrame {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  enum Kind: UInt8 {
    case data = 0
    case headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
  }

  static let endStream: UInt8 = 1
  static let acknowledgement: UInt8 = 1
  static let endHeaders: UInt8 = 4

  static func frame(_ kind: Kind, flags: UInt8 = 0, stream: Int32, _ payload: [UInt8]) -> [UInt8] {
    let length = payload.count
    return [
      UInt8(truncatingIfNeeded: length >> 16), UInt8(truncatingIfNeeded: length >> 8),
      UInt8(truncatingIfNeeded: length), kind.rawValue, flags,
    ] + bigEndian(UInt32(bitPattern: stream)) + payload
  }

  static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  static func settings(_ entries: [(UInt16, UInt32)] = []) -> [UInt8] {
    let payload = entries.flatMap { id, value in
      [UInt8(truncatingIfNeeded: id >> 8), UInt8(truncatingIfNeeded: id)] + bigEndian(value)
    }
    return frame(.settings, stream: 0, payload)
  }

  static func headers(
    stream: Int32, _ fields: [(String, String)], endStream: Bool = false
  ) -> [UInt8] {
    let flags = endHeaders | (endStream ? RawFrame.endStream : 0)
    return frame(.headers, flags: flags, stream: stream, headerBlock(fields))
  }

  static func data(stream: Int32, _ bytes: [UInt8], endStream: Bool = false) -> [UInt8] {
    frame(.data, flags: endStream ? RawFrame.endStream : 0, stream: stream, bytes)
  }

  /// HPACK literals, never indexed (RFC 7541 section 6.2.2), without Huffman coding.
  static func headerBlock(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { name, value in [0] + literal(Array(name.utf8)) + literal(Array(value.utf8)) }
  }

  private static func literal(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    var length: [UInt8] = [127]
    var rest = bytes.count - 127
    while rest >= 128 {
      length.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return length + [UInt8(rest)] + bytes
  }

  /// One gRPC message with its prefix.
  static func message(_ bytes: [UInt8], flag: UInt8 = 0, length: Int? = nil) -> [UInt8] {
    [flag] + bigEndian(UInt32(length ?? bytes.count)) + bytes
  }
}

/// A frame that came back.
struct ParsedFrame: CustomStringConvertible {
  var kind: UInt8
  var flags: UInt8
  var stream: Int32
  var payload: [UInt8]
  var fields: [(name: String, value: String)] = []

  var isEndStream: Bool { flags & RawFrame.endStream != 0 }
  func has(_ kind: RawFrame.Kind) -> Bool { self.kind == kind.rawValue }
  subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

  /// The error code of RST_STREAM or GOAWAY.
  var errorCode: UInt32 {
    let bytes = has(.goAway) ? payload.dropFirst(4).prefix(4) : payload.prefix(4)
    return bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The debug data of GOAWAY.
  var debug: String { String(decoding: payload.dropFirst(8), as: UTF8.self) }

  var description: String {
    "kind \(kind) flags \(flags) stream \(stream) \(payload.count) bytes \(fields)"
  }
}

/// Reads frames and, with the connection's HPACK state, their header blocks.
final class FrameParser {
  private var bytes: [UInt8] = []
  private var inflater: OpaquePointer?

  init() { nghttp2_hd_inflate_new(&inflater) }
  deinit { nghttp2_hd_inflate_del(inflater) }

  func feed(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

  /// The complete frames so far.
  func frames() -> [ParsedFrame] {
    var frames: [ParsedFrame] = []
    var index = 0
    while bytes.count - index >= 9 {
      let length = bytes[index..<index + 3].reduce(0) { $0 << 8 | Int($1) }
      guard bytes.count - index >= 9 + length else { break }
      let stream = bytes[index + 5..<index + 9].reduce(0) { $0 << 8 | UInt32($1) }
      var frame = ParsedFrame(
        kind: bytes[index + 3], flags: bytes[index + 4],
        stream: Int32(bitPattern: stream & 0x7fff_ffff),
        payload: Array(bytes[index + 9..<index + 9 + length]))
      if frame.has(.headers) { frame.fields = inflate(frame.payload) }
      frames.append(frame)
      index += 9 + length
    }
    bytes.removeFirst(index)
    return frames
  }

  private func inflate(_ block: [UInt8]) -> [(name: String, value: String)] {
    var fields: [(name: String, value: String)] = []
    block.withUnsafeBufferPointer { block in
      var start = block.baseAddress
      var count = block.count
      while count > 0 {
        var field = nghttp2_nv()
        var flags: Int32 = 0
        let used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, start, count, 1)
        guard used >= 0 else {
          Issue.record("the header block does not inflate")
          return
        }
        start = start.map { $0 + used }
        count -= used
        if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
          fields.append(
            (
              String(
                decoding: UnsafeBufferPointer(start: field.name, count: field.namelen),
                as: UTF8.self),
              String(
                decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen),
                as: UTF8.self)
            ))
        }
        if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
          nghttp2_hd_inflate_end_headers(inflater)
          break
        }
      }
    }
    return fields
  }
}
