// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Cuts a stream of bytes into messages: one byte of compression flag, four of length, the bytes.
///
/// The reader stops at each prefix and lets its owner decide: refuse the message before a byte of
/// it is stored, give it memory, or let it wait. It never buffers by itself.
struct MessageReader {
  struct Prefix: Equatable {
    /// 0 or 1; anything else is an error.
    var flag: UInt8
    /// The length of the message as sent.
    var length: Int
  }

  enum Event {
    /// Every byte is used; more are needed.
    case starved
    /// A message begins. Call ``begin(_:)`` before going on.
    case prefix(Prefix)
    case message(ReceivedMessage, Prefix)
  }

  private var prefixBytes: UInt64 = 0
  private var prefixCount = 0
  private var current: ReceivedMessage?
  private var filled = 0
  private var prefix = Prefix(flag: 0, length: 0)
  /// Waits for ``begin(_:)``.
  private(set) var isSuspended = false

  /// Whether the bytes end between two messages.
  var isBetweenMessages: Bool { prefixCount == 0 && current == nil && !isSuspended }

  /// Uses bytes up to the next event and removes them from `bytes`.
  mutating func next(_ bytes: inout UnsafeRawBufferPointer) -> Event {
    guard !isSuspended else { return .starved }
    if current == nil {
      while prefixCount < OutgoingMessage.prefixBytes {
        guard let byte = bytes.first else { return .starved }
        prefixBytes = prefixBytes << 8 | UInt64(byte)
        prefixCount += 1
        bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
      }
      prefix = Prefix(
        flag: UInt8(truncatingIfNeeded: prefixBytes >> 32), length: Int(prefixBytes & 0xffff_ffff))
      isSuspended = true
      return .prefix(prefix)
    }
    return fill(&bytes)
  }

  /// Goes on with storage for the message whose prefix was last reported.
  mutating func begin(_ message: ReceivedMessage) {
    current = message
    filled = 0
    isSuspended = false
  }

  /// Drops what there is of the current message.
  mutating func abandon() {
    current = nil
    isSuspended = true
  }

  private mutating func fill(_ bytes: inout UnsafeRawBufferPointer) -> Event {
    guard let message = current else { return .starved }
    let length = min(bytes.count, message.count - filled)
    if length > 0, let source = bytes.baseAddress {
      memcpy(message.storage + filled, source, length)
      filled += length
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(length))
    }
    guard filled == message.count else { return .starved }
    current = nil
    prefixCount = 0
    prefixBytes = 0
    return .message(message, prefix)
  }
}
