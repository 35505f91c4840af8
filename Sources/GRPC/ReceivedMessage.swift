// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// One received message, without its 5-byte prefix and decompressed.
///
/// The bytes lie in storage of exactly their size. When the last reference goes, the storage is
/// freed and its reservation returns to the ``MemoryBudget``: drop the message as soon as it is
/// decoded.
public final class ReceivedMessage: Sendable {
  /// The number of bytes.
  public let count: Int
  // Written only by MessageReader and Decompression, which hold the one reference until the
  // message is complete; immutable from then on.
  nonisolated(unsafe) let storage: UnsafeMutableRawPointer
  /// The memory accounted for this message, if it is large enough to be.
  let reservation: Reservation?

  /// Allocates storage for `count` bytes.
  /// - Returns: nil if there is no memory.
  init?(count: Int, reservation: Reservation?) {
    guard let storage = MessageMemory.allocate(count) else { return nil }
    self.storage = storage
    self.count = count
    self.reservation = reservation
  }

  deinit { MessageMemory.free(storage, count: count) }

  /// A copy of `bytes`, for tests and for callers without a connection.
  public convenience init?(_ bytes: [UInt8]) {
    self.init(count: bytes.count, reservation: nil)
    bytes.withUnsafeBytes { source in
      UnsafeMutableRawBufferPointer(start: storage, count: count).copyMemory(from: source)
    }
  }

  /// Makes a part of its memory stay accounted for when the message is gone, for what was made of it.
  /// - Parameter bytes: how much; at most all of it is kept.
  /// - Returns: what keeps it, until it is let go; nil where the message is not accounted for.
  public func keep(_ bytes: () -> Int) -> Reservation? {
    guard let reservation else { return nil }
    reservation.shrink(to: max(0, bytes()))
    return reservation
  }

  /// Calls `body` with the bytes, which are valid until it returns.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(UnsafeRawBufferPointer(start: storage, count: count))
  }
}
