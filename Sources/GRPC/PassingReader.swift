// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Cuts a stream of bytes into messages like ``MessageReader``, but hands their bytes on as they
/// come and stores none: for replies that are larger than what is wanted of them.
struct PassingReader {
  enum Event {
    /// Every byte is used; more are needed.
    case starved
    /// A message begins.
    case prefix(MessageReader.Prefix)
    /// The next bytes of the message; valid as long as the bytes they were cut from.
    case bytes(UnsafeRawBufferPointer)
  }

  private var reader = MessageReader()
  private var remaining = 0

  /// Whether the bytes end between two messages.
  var isBetweenMessages: Bool { remaining == 0 && reader.isBetweenMessages }

  /// Uses bytes up to the next event and removes them from `bytes`.
  mutating func next(_ bytes: inout UnsafeRawBufferPointer) -> Event {
    if remaining > 0 {
      guard !bytes.isEmpty else { return .starved }
      let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(remaining))
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(part.count))
      remaining -= part.count
      return .bytes(part)
    }
    guard case .prefix(let prefix) = reader.next(&bytes) else { return .starved }
    reader = MessageReader()
    remaining = prefix.length
    return .prefix(prefix)
  }
}
