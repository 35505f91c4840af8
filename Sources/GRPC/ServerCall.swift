// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The state of one call on the server. It belongs to the I/O thread.
///
/// The two directions are independent: the client may be done while the reply is not begun, and a
/// reply may end while the client still sends. Each moves through its own states once:
///
///     request   headers -> receiving (-> waiting for memory, or held back -> receiving) -> ended
///                                    or, from anywhere -> discarded
///     reply     none -> started -> final status -> last frame sent
final class ServerCall {
  enum Request {
    /// The header block is not complete.
    case headers
    /// Messages come in.
    case receiving
    /// A message waits for memory; what arrives meanwhile is in the stash. Without a ticket it waits
    /// behind another message of its connection.
    ///
    /// Such a call has ``messageDeadline``, too.
    case waiting(MemoryBudget.Ticket?, MessageReader.Prefix, bytes: Int)
    /// The next message waits until the answers to the ones before have left; what arrives
    /// meanwhile is in the stash.
    case heldBack
    /// The client has sent everything.
    case ended
    /// Nobody is interested in what still comes.
    case discarded
  }

  let stream: Int32
  let began: MonotonicInstant
  var slot = 0

  @exclusivity(unchecked) var head = RequestHead()
  /// Set when the headers are accepted.
  @exclusivity(unchecked) var context: CallContext?
  @exclusivity(unchecked) var handler: (any StreamHandler)?

  @exclusivity(unchecked) var request = Request.headers
  @exclusivity(unchecked) var reader = MessageReader()
  /// Bytes that wait. Bounded by the stream's window.
  @exclusivity(unchecked) var stash = PendingInput()
  /// As many of them count as held back.
  @exclusivity(unchecked) var heldBackBytes = 0
  /// The stream ended while bytes waited.
  var endedWhileWaiting = false
  @exclusivity(unchecked) var messagesReceived = 0
  /// The largest message, set when the headers are accepted.
  @exclusivity(unchecked) var messageLimit = 0
  /// The message of a unary call, until the stream ends.
  @exclusivity(unchecked) var unaryMessage: (ReceivedMessage, MessageReader.Prefix)?
  /// The request of a unary call in the workers' queue.
  @exclusivity(unchecked) var queued: QueuedRequest?
  /// A reset was submitted: nothing more can be said.
  var isReset = false
  /// When a message must have its memory; then when it must be complete; then the request behind it.
  @exclusivity(unchecked) var messageDeadline: MonotonicInstant?
  /// Since when bytes of that message are counted, and how many had come then.
  @exclusivity(unchecked) var messageProgress: MonotonicInstant?
  var messageMark = 0

  @exclusivity(unchecked) var hasStartedReply = false
  @exclusivity(unchecked) var replyEncoding: Compression?
  @exclusivity(unchecked) var outgoing = OutgoingQueue()
  @exclusivity(unchecked) var finalStatus: Status?
  /// The body of an answer in terms of HTTP.
  @exclusivity(unchecked) var plainBody: [UInt8]?
  /// nghttp2 waits for `resume`.
  @exclusivity(unchecked) var isBodyPaused = false
  /// Since when there is something of the reply that the client has not let through.
  @exclusivity(unchecked) var replyBegan: MonotonicInstant
  /// When the client last let some of it through, or when it began.
  @exclusivity(unchecked) var replyProgress: MonotonicInstant

  @exclusivity(unchecked) var bytesReceived = 0
  @exclusivity(unchecked) var bytesSent = 0
  var queuedAt: MonotonicInstant
  var queuedTime = Duration.zero

  init(stream: Int32, now: MonotonicInstant) {
    self.stream = stream
    began = now
    replyBegan = now
    replyProgress = now
    queuedAt = now
  }

  var isUnary: Bool {
    if case .unary? = head.route?.kind { true } else { false }
  }

  /// Whether the call goes on, or ends, with what its client does next. The others are worked for.
  var waitsForClient: Bool {
    if isReset { return false }
    switch request {
    case .headers, .receiving, .waiting, .heldBack: return true
    case .ended, .discarded: return isReplyStalled || (handler != nil && finalStatus == nil)
    }
  }

  /// Whether bytes that come are put aside.
  var isStashing: Bool {
    switch request {
    case .waiting, .heldBack: true
    default: false
    }
  }

  var isDiscarding: Bool {
    if case .discarded = request { true } else { false }
  }

  /// Whether the client's window holds up whatever there is of the reply, or may come.
  var isBodyHeldUp: Bool { hasStartedReply && !isBodyPaused }

  /// Whether there is something of the reply that the client has not let through: a stream whose
  /// last message has filled the window to the byte owes nothing.
  var isReplyStalled: Bool { isBodyHeldUp && (finalStatus != nil || !outgoing.isEmpty) }

  /// Whether every byte of the answer but the last frame has left.
  var isAnswered: Bool { finalStatus != nil && outgoing.isEmpty }
}
