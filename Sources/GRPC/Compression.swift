// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CZlib

/// The message encodings this module speaks besides identity. "deflate" is the zlib format
/// (RFC 1950), not raw deflate.
enum Compression: Sendable, CaseIterable {
  case gzip
  case deflate

  /// The value of `grpc-accept-encoding`.
  static let accepted: StaticString = "identity,deflate,gzip"

  var name: StaticString {
    switch self {
    case .gzip: "gzip"
    case .deflate: "deflate"
    }
  }

  /// Deflate cannot expand more than this (zlib's technical notes): a bound on the memory a
  /// compressed message may need, known from its length.
  static let maximumRatio = 1_032

  /// zlib's window, with the bit that asks for the gzip wrapper.
  private var windowBits: Int32 { self == .gzip ? 15 + 16 : 15 }

  /// The most bytes that `compressed` bytes can become, at most `limit`.
  static func bound(compressed: Int, limit: Int) -> Int {
    min(limit, compressed * maximumRatio + 64)
  }

  /// A message made smaller, or nil if that did not work out. What it takes meanwhile is not counted:
  /// at most one reply on each thread that makes them.
  func compress(_ message: OutgoingMessage) -> OutgoingMessage? {
    var stream = z_stream()
    // Level 1: the network is close, and most of the gain is in it.
    guard
      deflateInit2_(
        &stream, 1, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    // Room for one byte less than the original: a larger result is of no use.
    let size = max(1, message.count - 1)
    guard let block = MessageMemory.allocate(size) else { return nil }
    defer { MessageMemory.free(block, count: size) }
    let room = UnsafeMutableRawBufferPointer(start: block, count: size)
    let done = message.withUnsafeBytes { source -> Bool in
      guard let length = UInt32(exactly: source.count) else { return false }
      // zlib's next_in is not const in its type, though zlib never writes through it.
      stream.next_in = UnsafeMutablePointer(
        mutating: source.bindMemory(to: UInt8.self).baseAddress)
      stream.avail_in = length
      stream.next_out = room.bindMemory(to: UInt8.self).baseAddress
      stream.avail_out = UInt32(room.count)
      return CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END
    }
    guard done else { return nil }
    let written = room.count - Int(stream.avail_out)
    // The smaller message waits for its reader on the account of the larger one, which ends here.
    let result = OutgoingMessage(
      byteCount: written, compressed: true, reservation: message.reservation
    ) { target in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[..<written]))
    }
    message.reservation?.shrink(to: result.frameCount)
    return result
  }

  /// The message inside `message`: one gzip member or zlib stream that uses every byte.
  ///
  /// - Parameters:
  ///   - message: its reservation, if it has one, covers the result too (``bound``); the result
  ///     takes it over, without what it does not need.
  ///   - limit: the largest result in bytes, counted while inflating.
  /// - Throws: INTERNAL if the data is corrupt, RESOURCE_EXHAUSTED past the limit.
  func decompress(_ message: ReceivedMessage, limit: Int) throws(Status) -> ReceivedMessage {
    // Inflated twice, counting first: the second run writes into storage of the exact size, so
    // that no byte is allocated that does not exist.
    let count = try inflate(message, limit: limit, into: nil)
    guard let result = ReceivedMessage(count: count, reservation: message.reservation) else {
      throw Status(.resourceExhausted, "no memory for a message of \(count) bytes")
    }
    _ = try inflate(message, limit: limit, into: result)
    message.reservation?.shrink(to: count)
    return result
  }

  /// Inflates into `target`, or only counts.
  private func inflate(
    _ message: ReceivedMessage, limit: Int, into target: ReceivedMessage?
  ) throws(Status) -> Int {
    let corrupt = Status(.internalError, "the compressed message is corrupt")
    var stream = z_stream()
    guard
      inflateInit2_(
        &stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw Status(.resourceExhausted, "no memory to decompress a message") }
    defer { inflateEnd(&stream) }
    guard let length = UInt32(exactly: message.count) else { throw corrupt }
    stream.next_in = message.storage.assumingMemoryBound(to: UInt8.self)
    stream.avail_in = length
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)
    defer { scratch.deallocate() }
    var total = 0
    while true {
      let room: UnsafeMutableRawBufferPointer
      if let target, total < target.count {
        room = UnsafeMutableRawBufferPointer(
          start: target.storage + total, count: target.count - total)
      } else {
        room = scratch
      }
      stream.next_out = room.bindMemory(to: UInt8.self).baseAddress
      stream.avail_out = UInt32(min(room.count, Int(UInt32.max)))
      let offered = Int(stream.avail_out)
      let code = CZlib.inflate(&stream, Z_NO_FLUSH)
      total += offered - Int(stream.avail_out)
      guard total <= limit else {
        throw Status(
          .resourceExhausted, "the decompressed message is larger than \(limit) bytes")
      }
      if code == Z_STREAM_END { break }
      guard code == Z_OK else { throw corrupt }
    }
    guard stream.avail_in == 0 else { throw corrupt }
    return total
  }
}
