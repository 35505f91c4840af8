// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Bytes of a stream that were put aside, oldest first.
///
/// What is read is cut off as soon as it is as much as what is left, so that the array is never
/// longer than twice what waits, and every byte is moved at most once on the average. It was once
/// cut only when nothing was left: a client that always kept a request unanswered made every byte it
/// ever sent stay.
struct PendingInput {
  private(set) var bytes: [UInt8] = []
  /// Where the first byte stands that is not read.
  private(set) var start = 0

  /// The bytes that wait.
  var count: Int { bytes.count - start }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ more: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: more)
  }

  /// The first `read` bytes are done with.
  mutating func consume(_ read: Int) {
    start = min(start + read, bytes.count)
    guard start >= count else { return }
    // A new array and not `removeFirst`, which would keep room for all that was there.
    bytes = start == bytes.count ? [] : Array(bytes[start...])
    start = 0
  }

  mutating func removeAll() {
    self = PendingInput()
  }
}
