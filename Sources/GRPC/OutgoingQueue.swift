// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Messages on their way out, as one stream of bytes.
struct OutgoingQueue {
  /// The message being sent; the others wait. Most calls have one only, which costs no array.
  private var current: OutgoingMessage?
  private var offset = 0
  private var waiting: [OutgoingMessage] = []
  private var firstWaiting = 0
  /// Bytes that are not sent.
  private(set) var byteCount = 0

  var isEmpty: Bool { byteCount == 0 }

  /// Whether part of a message is sent and part of it is not.
  var isInsideMessage: Bool { offset > 0 }

  /// What the messages hold of the memory budget.
  var reservedBytes: Int {
    waiting[firstWaiting...].reduce(current?.reservation?.count ?? 0) {
      $0 + ($1.reservation?.count ?? 0)
    }
  }

  mutating func append(_ message: OutgoingMessage) {
    byteCount += message.frameCount
    if current == nil { current = message } else { waiting.append(message) }
  }

  /// Moves bytes into `target` until it is full or the queue is empty.
  /// - Returns: the number of bytes.
  mutating func copy(into target: UnsafeMutableRawBufferPointer) -> Int {
    var written = 0
    while let message = current, written < target.count {
      let room = UnsafeMutableRawBufferPointer(rebasing: target.dropFirst(written))
      let count = message.copy(from: offset, into: room)
      written += count
      offset += count
      if offset == message.frameCount { advance() }
    }
    byteCount -= written
    return written
  }

  mutating func removeAll() {
    self = OutgoingQueue()
  }

  private mutating func advance() {
    offset = 0
    guard firstWaiting < waiting.count else {
      current = nil
      waiting.removeAll(keepingCapacity: true)
      firstWaiting = 0
      return
    }
    current = waiting[firstWaiting]
    firstWaiting += 1
    if firstWaiting == 64 {
      // A slow reader of a long stream: forget what is sent now and then.
      waiting.removeFirst(firstWaiting)
      firstWaiting = 0
    }
  }
}
