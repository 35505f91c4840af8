// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The state of one call on the client. It belongs to the I/O thread.
final class ClientCall {
  enum Kind {
    /// One message each way.
    case unary(@Sendable (Result<ReceivedMessage, Status>) -> Void)
    /// One message each way, the reply handed on piece by piece.
    case passing(
      bytes: @Sendable (UnsafeRawBufferPointer) throws(Status) -> Void,
      completion: @Sendable (Status) -> Void)
    /// Any number each way.
    case streaming(
      message: @Sendable (ReceivedMessage) -> Void, completion: @Sendable (Status) -> Void)
  }

  let path: String
  let metadata: Metadata
  let deadline: MonotonicInstant?
  let kind: Kind
  /// The request of a unary call, kept for a retry.
  let request: OutgoingMessage?

  var stream: Int32 = 0
  var slot = 0
  /// Refused unprocessed before: one retry is safe, more would be a loop.
  var wasRetried = false

  var outgoing = OutgoingQueue()
  var isHalfClosed = false
  var isBodyPaused = false

  var head = ResponseHead()
  var hasResponse = false
  var reader = MessageReader()
  /// Reads in place of `reader` where the reply is passed on.
  var passing = PassingReader()
  var hasPassedMessage = false
  /// The message of a unary reply, until the status is known.
  var reply: ReceivedMessage?
  var isFinished = false
  /// Where the call runs, for cancelling it.
  weak var connection: ClientConnection?

  init(
    path: String, metadata: Metadata, deadline: MonotonicInstant?, request: OutgoingMessage?,
    kind: Kind
  ) {
    self.path = path
    self.metadata = metadata
    self.deadline = deadline
    self.request = request
    self.kind = kind
    if let request {
      outgoing.append(request)
      isHalfClosed = true
    }
  }

  var isUnary: Bool {
    switch kind {
    case .unary, .passing: true
    case .streaming: false
    }
  }

  var isPassing: Bool {
    if case .passing = kind { true } else { false }
  }

  var isBetweenMessages: Bool { reader.isBetweenMessages && passing.isBetweenMessages }

  /// Makes the call as it was before it was sent.
  func prepareRetry() {
    wasRetried = true
    connection = nil
    outgoing.removeAll()
    if let request { outgoing.append(request) }
    isBodyPaused = false
    head = ResponseHead()
    reader = MessageReader()
    passing = PassingReader()
  }

  /// Ends the call, once.
  func finish(_ status: Status) {
    guard !isFinished else { return }
    isFinished = true
    let reply = reply
    self.reply = nil
    switch kind {
    case .unary(let completion):
      guard status.code == .ok else { return completion(.failure(status)) }
      guard let reply else {
        let missing = Status(.internalError, "the server sent no message")
        return completion(.failure(missing))
      }
      completion(.success(reply))
    case .passing(_, let completion):
      let isMissing = status.code == .ok && !hasPassedMessage
      completion(isMissing ? Status(.internalError, "the server sent no message") : status)
    case .streaming(_, let completion):
      completion(status)
    }
  }
}
