// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Names a call across threads. Serials are never used twice, so a late letter cannot reach the
/// wrong call.
struct CallKey: Sendable, Hashable {
  var connection: UInt64
  var stream: Int32
}

/// What other threads have to say to a call.
struct Letter: Sendable {
  enum Content: Sendable {
    /// One message of a streaming reply.
    case message(OutgoingMessage)
    /// The end of a reply.
    case finish(Status)
    /// The outcome of a unary call, and when it left the queue.
    case outcome(Result<OutgoingMessage, Status>, queuedUntil: MonotonicInstant)
    /// The memory for the message being received. Where nobody takes it, it goes back by itself.
    case memoryGranted(Reservation)
    /// A reply of as many bytes found no memory.
    case replyRefused(Int)
  }

  var key: CallKey
  var content: Content
}

/// The way back to the I/O thread: many threads post, one thread collects.
final class Mailbox: Sendable {
  private let letters = Mutex<[Letter]>([])
  private let wake: @Sendable () -> Void

  /// - Parameter wake: called when the first letter comes in; must lead to ``collect()`` on the
  ///   I/O thread.
  init(wake: @escaping @Sendable () -> Void) {
    self.wake = wake
  }

  func post(_ content: Letter.Content, to key: CallKey) {
    let isFirst = letters.withLock { letters in
      letters.append(Letter(key: key, content: content))
      return letters.count == 1
    }
    if isFirst { wake() }
  }

  /// The letters to one call so far, in the order they came; the others stay.
  func collect(for key: CallKey) -> [Letter.Content] {
    letters.withLock { letters in
      guard letters.contains(where: { $0.key == key }) else { return [] }
      defer { letters.removeAll { $0.key == key } }
      return letters.filter { $0.key == key }.map(\.content)
    }
  }

  /// All letters so far, in the order they came.
  func collect() -> [Letter] {
    letters.withLock { letters in
      defer { letters = [] }
      return letters
    }
  }
}

/// Answers one streaming call, from any thread. What is sent after the end, or to a client that
/// is gone, is dropped.
public final class ResponseWriter: Sendable {
  private let key: CallKey
  private let mailbox: Mailbox

  init(key: CallKey, mailbox: Mailbox) {
    self.key = key
    self.mailbox = mailbox
  }

  /// Sends one message.
  public func send(_ message: OutgoingMessage) {
    mailbox.post(.message(message), to: key)
  }

  /// Ends the call.
  public func finish(_ status: Status) {
    mailbox.post(.finish(status), to: key)
  }
}
