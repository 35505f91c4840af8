// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// A message that this process sends.
///
///     let size = try reply.packedSize(using: arenas)
///     let written = try reply.pack(into: buffer, using: arenas)   // size bytes
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
  /// How many bytes `pack` will write.
  public func packedSize(using arenas: ArenaPool) throws(WireError) -> Int {
    try arenas.withArena { arena throws(WireError) in
      var sink = MessageSink(measuringWith: arena)
      try write(to: &sink)
      return sink.written
    }
  }

  /// Writes the message to the beginning of `buffer`.
  ///
  /// - Parameter buffer: at least `packedSize` bytes.
  /// - Returns: how many bytes were written.
  /// - Throws: ``WireError/limit(_:)`` when the buffer is too small or no memory is left.
  @discardableResult
  public func pack(
    into buffer: UnsafeMutableRawBufferPointer, using arenas: ArenaPool
  ) throws(WireError) -> Int {
    try arenas.withArena { arena throws(WireError) in
      var sink = MessageSink(writingTo: buffer, with: arena)
      try write(to: &sink)
      return sink.written
    }
  }

  /// The message as an array.
  public func packed(using arenas: ArenaPool) throws(WireError) -> [UInt8] {
    let size = try packedSize(using: arenas)
    var bytes = [UInt8](repeating: 0, count: size)
    // An array's closure rethrows untyped errors, so the result carries ours out.
    let outcome = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(WireError) in try pack(into: buffer, using: arenas) }
    }
    _ = try outcome.get()
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
public struct MessageSink {
  private let arena: Arena
  /// nil while measuring.
  private let target: UnsafeMutableBufferPointer<UInt8>?
  private(set) var written = 0

  init(measuringWith arena: Arena) {
    self.arena = arena
    target = nil
  }

  init(writingTo buffer: UnsafeMutableRawBufferPointer, with arena: Arena) {
    self.arena = arena
    target = buffer.bindMemory(to: UInt8.self)
  }

  /// Adds the fields of one C message: those of the whole message, or, with a field number, one
  /// element of that field.
  mutating func add<Message: CMessage>(
    field: UInt32? = nil,
    _ build: (Arena) throws(WireError) -> UnsafeMutablePointer<Message>
  ) throws(WireError) {
    defer { arena.reset() }
    let message = UnsafeMutableRawPointer(try build(arena))
      .assumingMemoryBound(to: ProtobufCMessage.self)
    let size = protobuf_c_message_get_packed_size(message)
    let tag = field.map { UInt64($0) << 3 | UInt64(WireType.lengthDelimited.rawValue) }
    let head = tag.map { varintSize($0) + varintSize(UInt64(size)) } ?? 0
    if let target {
      guard head + size <= target.count - written, let base = target.baseAddress else {
        // An empty message fits into no memory at all.
        if head + size == 0 { return }
        throw .limit("the buffer of \(target.count) bytes is too small for the message")
      }
      var position = base + written
      if let tag {
        position += writeVarint(tag, to: position)
        position += writeVarint(UInt64(size), to: position)
      }
      protobuf_c_message_pack(message, position)
    }
    written += head + size
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
