// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CNghttp2

/// Header fields for nghttp2.
///
/// The fields every reply has are static: nghttp2 neither copies nor frees them, and HPACK sends
/// each as one byte after the first time.
enum HeaderFields {
  /// `:status 200`, `content-type application/grpc`.
  nonisolated(unsafe) static let ok = permanent([
    (":status", "200"), ("content-type", "application/grpc"),
  ])

  /// `grpc-status 0`.
  nonisolated(unsafe) static let okTrailers = permanent([("grpc-status", "0")])

  /// The fields of a reply whose messages may be compressed.
  static func ok(encoding: Compression?) -> UnsafeBufferPointer<nghttp2_nv> {
    switch encoding {
    case nil: ok
    case .gzip: okGzip
    case .deflate: okDeflate
    }
  }

  nonisolated(unsafe) private static let okGzip = permanent([
    (":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip"),
  ])
  nonisolated(unsafe) private static let okDeflate = permanent([
    (":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "deflate"),
  ])

  /// Fields that live as long as the process. They are made once, before anyone sees them, and
  /// never change, which is why the statics above are safe to share.
  private static func permanent(
    _ fields: [(StaticString, StaticString)]
  ) -> UnsafeBufferPointer<nghttp2_nv> {
    let buffer = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: fields.count)
    let flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
    for (index, (name, value)) in fields.enumerated() {
      // nghttp2 does not write through these pointers; its struct just lacks the const.
      buffer.initializeElement(
        at: index,
        to: nghttp2_nv(
          name: UnsafeMutablePointer(mutating: name.utf8Start),
          value: UnsafeMutablePointer(mutating: value.utf8Start),
          namelen: name.utf8CodeUnitCount, valuelen: value.utf8CodeUnitCount,
          flags: UInt8(flags)))
    }
    return UnsafeBufferPointer(buffer)
  }
}

/// A list of fields made for one use, which nghttp2 copies.
struct HeaderList {
  private struct Field {
    var name: Range<Int>
    var value: Range<Int>
    var isIndexed: Bool
  }

  private var bytes: [UInt8] = []
  private var fields: [Field] = []

  /// Adds a field.
  /// - Parameter isIndexed: whether HPACK may remember it: not for values that differ each time.
  mutating func add(
    _ name: some Collection<UInt8>, _ value: some Collection<UInt8>, isIndexed: Bool = true
  ) {
    let start = bytes.count
    bytes.append(contentsOf: name)
    let middle = bytes.count
    bytes.append(contentsOf: value)
    fields.append(
      Field(name: start..<middle, value: middle..<bytes.count, isIndexed: isIndexed))
  }

  mutating func add(_ name: StaticString, _ value: some Collection<UInt8>, isIndexed: Bool = true) {
    add(
      UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value,
      isIndexed: isIndexed)
  }

  mutating func add(_ name: StaticString, _ value: StaticString) {
    add(name, UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }

  /// The end of a call: `grpc-status` and, if there is one, `grpc-message`.
  mutating func add(_ status: Status, messageLimit: Int) {
    add("grpc-status", String(status.code.rawValue).utf8)
    if !status.message.isEmpty {
      let message = StatusMessage.encode(status.message, limit: messageLimit)
      add("grpc-message", message, isIndexed: false)
    }
  }

  /// Calls `body` with the fields, which are valid until it returns.
  func withFields<R>(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> R) -> R {
    // nghttp2 copies from these pointers and never writes through them.
    var bytes = bytes
    return bytes.withUnsafeMutableBufferPointer { storage in
      let start = storage.baseAddress
      let list = fields.map { field in
        nghttp2_nv(
          name: start.map { $0 + field.name.lowerBound },
          value: start.map { $0 + field.value.lowerBound },
          namelen: field.name.count, valuelen: field.value.count,
          flags: field.isIndexed ? 0 : UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue))
      }
      return list.withUnsafeBufferPointer(body)
    }
  }
}
