// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// A message that this process sends.
///
///     try reply.encode(using: arenas) { size, fill in
///       fill(buffer(ofSize: size))
///     }
///
/// The C structures exist for one element of a long message at a time, so the memory this needs
/// does not grow with the number of suggestions or trials.
public protocol WireEncodable {
  /// Puts the message into `sink`, field by field.
  func write(to sink: inout MessageSink) throws(WireError)
}

/// A message that this process receives.
public protocol WireDecodable {
  /// - Parameter bytes: the whole message, without any framing.
  /// - Throws: ``WireError``
  init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError)
}

extension WireEncodable {
  /// Encodes the message into memory that `allocate` provides.
  ///
  /// - Parameter allocate: gets the size in bytes and a closure that fills a buffer of exactly
  ///   that size; calls it once.
  /// - Throws: ``WireError/limit(_:)`` when no memory is left.
  public func encode(
    using arenas: ArenaPool,
    allocate: (_ size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Void
  ) throws(WireError) {
    try arenas.withArena { arena throws(WireError) in
      var sink = MessageSink(measuringWith: arena)
      try write(to: &sink)
      var failure: WireError?
      allocate(sink.written) { buffer in
        do throws(WireError) {
          if sink.packKept(into: buffer) { return }
          var writer = MessageSink(writingTo: buffer, with: arena)
          try write(to: &writer)
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
    }
  }

  /// The message as an array.
  public func packed(using arenas: ArenaPool) throws(WireError) -> [UInt8] {
    var bytes: [UInt8] = []
    try encode(using: arenas) { size, fill in
      bytes = Array(unsafeUninitializedCapacity: size) { buffer, count in
        fill(
          UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size]))
        count = size
      }
    }
    return bytes
  }
}

extension WireDecodable {
  /// Decodes a message from an array.
  public init(decoding bytes: [UInt8], using arenas: ArenaPool) throws(WireError) {
    let outcome = bytes.withUnsafeBytes { buffer in
      Result { () throws(WireError) in try Self(decoding: buffer, using: arenas) }
    }
    self = try outcome.get()
  }
}

/// Where an ``WireEncodable`` puts its fields; only messages of this module write to one.
///
/// A protobuf message is the concatenation of its fields in any order, so it can be written in
/// pieces: each piece is built in C memory, measured or packed, and forgotten.
///
/// While measuring, the pieces of a small message are kept, so that it is built only once.
public struct MessageSink {
  /// One piece: a C message with its size, and the tag in front of it where it is an element.
  private struct Piece {
    var tag: UInt64?
    var size: Int
    var message: UnsafePointer<ProtobufCMessage>

    /// Bytes of the tag and the length in front of the message.
    var head: Int { tag.map { varintSize($0) + varintSize(UInt64(size)) } ?? 0 }

    /// - Parameter target: room for the head and the message.
    func pack(to target: UnsafeMutablePointer<UInt8>) {
      var position = target
      if let tag {
        position += writeVarint(tag, to: position)
        position += writeVarint(UInt64(size), to: position)
      }
      protobuf_c_message_pack(message, position)
    }
  }

  /// Bytes of C structures up to which pieces are kept: what an arena holds without asking.
  private static let keptBytes = WireLimits.arenaFloor / 2

  private let arena: Arena
  /// nil while measuring.
  private let target: UnsafeMutableBufferPointer<UInt8>?
  private(set) var written = 0
  private var kept: [Piece] = []
  private var keepsAll: Bool

  init(measuringWith arena: Arena) {
    self.arena = arena
    target = nil
    keepsAll = true
  }

  init(writingTo buffer: UnsafeMutableRawBufferPointer, with arena: Arena) {
    self.arena = arena
    target = buffer.bindMemory(to: UInt8.self)
    keepsAll = false
  }

  /// Adds the fields of one C message: those of the whole message, or, with a field number, one
  /// element of that field.
  mutating func add<Message: CMessage>(
    field: UInt32? = nil,
    _ build: (Arena) throws(WireError) -> UnsafeMutablePointer<Message>
  ) throws(WireError) {
    let message = UnsafeMutableRawPointer(try build(arena))
      .assumingMemoryBound(to: ProtobufCMessage.self)
    let piece = Piece(
      tag: field.map { UInt64($0) << 3 | UInt64(WireType.lengthDelimited.rawValue) },
      size: protobuf_c_message_get_packed_size(message), message: message)
    let size = piece.head + piece.size
    if let target {
      guard size <= target.count - written, let base = target.baseAddress else {
        // An empty message fits into no memory at all.
        if size == 0 { return }
        throw .limit("the buffer of \(target.count) bytes is too small for the message")
      }
      piece.pack(to: base + written)
    }
    written += size
    keepsAll = keepsAll && arena.used <= MessageSink.keptBytes
    if keepsAll { kept.append(piece) } else { arena.reset() }
  }

  /// Packs the message from the pieces that measuring has kept.
  /// - Parameter buffer: exactly as many bytes as were measured.
  /// - Returns: false when not all were kept, and nothing is written.
  fileprivate func packKept(into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard keepsAll, buffer.count == written else { return false }
    guard var position = buffer.bindMemory(to: UInt8.self).baseAddress else { return written == 0 }
    for piece in kept {
      piece.pack(to: position)
      position += piece.head + piece.size
    }
    return true
  }
}

extension ArenaPool {
  /// Unpacks a whole message and hands it to `read`; the structures are gone afterwards.
  func unpack<Message: CMessage, Result>(
    _ bytes: UnsafeRawBufferPointer, as type: Message.Type = Message.self,
    _ read: (Message) throws(WireError) -> Result
  ) throws(WireError) -> Result {
    try withArena { arena throws(WireError) in
      let message: Message
      do throws(UnpackError) {
        message = try arena.unpack(bytes.bindMemory(to: UInt8.self), as: type).pointee
      } catch {
        throw error.error()
      }
      return try read(message)
    }
  }
}
