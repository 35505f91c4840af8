// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// One message to send. The 5-byte prefix stands in front of the bytes, in the same storage, so a
/// message is written once and never copied to be framed.
public struct OutgoingMessage: Sendable {
  /// Storage of prefix and bytes; immutable once the message is made.
  private final class Storage: Sendable {
    nonisolated(unsafe) let start: UnsafeMutableRawPointer
    let count: Int
    /// Given back with the storage.
    let reservation: Reservation?

    init(count: Int, reservation: Reservation?) {
      guard let start = MessageMemory.allocate(count) else {
        // Like every allocation in Swift: without memory for a reply there is no going on.
        preconditionFailure("no memory for a message of \(count) bytes")
      }
      self.start = start
      self.count = count
      self.reservation = reservation
    }

    deinit { MessageMemory.free(start, count: count) }
  }

  static let prefixBytes = 5

  private let storage: Storage

  /// A message of `byteCount` bytes that `fill` writes.
  /// - Parameter fill: gets exactly `byteCount` bytes, not initialised.
  public init(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
    self.init(byteCount: byteCount, compressed: false, fill: fill)
  }

  /// A message of these bytes.
  @inlinable
  public init(_ bytes: some Collection<UInt8>) {
    self.init(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
  }

  /// The same, with its memory accounted for until the last byte has left: a reply waits as long as
  /// its client likes.
  /// - Parameter context: of the call, whose connection may hold a part of the budget only.
  /// - Returns: nil when the budget has no room.
  public init?(
    byteCount: Int, budget: MemoryBudget, for context: CallContext? = nil,
    fill: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    let bytes = byteCount + OutgoingMessage.prefixBytes
    let account = context?.account
    guard budget.reserveReply(bytes, account) else { return nil }
    self.init(
      byteCount: byteCount, compressed: false,
      reservation: Reservation(budget, reserved: bytes, .reply, account), fill: fill)
  }

  init(
    byteCount: Int, compressed: Bool, reservation: Reservation? = nil,
    fill: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    storage = Storage(
      count: byteCount + OutgoingMessage.prefixBytes, reservation: reservation)
    storage.start.storeBytes(of: compressed ? 1 : 0, as: UInt8.self)
    let length = UInt32(truncatingIfNeeded: byteCount).bigEndian
    storage.start.storeBytes(of: length, toByteOffset: 1, as: UInt32.self)
    fill(
      UnsafeMutableRawBufferPointer(
        start: storage.start + OutgoingMessage.prefixBytes, count: byteCount))
  }

  /// The number of bytes, without the prefix.
  public var count: Int { storage.count - OutgoingMessage.prefixBytes }

  /// The memory accounted for this message, if it is large enough to be.
  var reservation: Reservation? { storage.reservation }

  var isCompressed: Bool { storage.start.load(as: UInt8.self) == 1 }

  /// The number of bytes on the wire.
  var frameCount: Int { storage.count }

  /// Calls `body` with the bytes, without the prefix.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(
      UnsafeRawBufferPointer(start: storage.start + OutgoingMessage.prefixBytes, count: count))
  }

  /// Copies bytes of the frame, from `offset` on, until `target` is full.
  /// - Returns: the number of bytes copied.
  func copy(from offset: Int, into target: UnsafeMutableRawBufferPointer) -> Int {
    let length = min(target.count, storage.count - offset)
    guard length > 0, let start = target.baseAddress else { return 0 }
    memcpy(start, storage.start + offset, length)
    return length
  }
}
