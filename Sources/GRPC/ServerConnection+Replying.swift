// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CNghttp2

/// Answers: from a handler's result to the last frame of a stream.
extension ServerConnection {
  /// Runs a unary handler, here or on a worker.
  func dispatch(_ call: ServerCall, _ message: ReceivedMessage, _ prefix: MessageReader.Prefix) {
    guard let route = call.head.route, case .unary(let placement, let handler) = route.kind,
      let context = call.context
    else { return }
    let coding = UnaryCoding(
      request: prefix.flag == 1 ? call.head.encoding : nil, reply: call.head.replyEncoding,
      messageLimit: call.messageLimit, uncompressedReply: core.limits.uncompressedReplyBytes)
    switch coding.request == nil ? message.withUnsafeBytes(placement) : .worker {
    case .inline:
      tick()
      guard context.deadline.map({ now < $0 }) ?? true else {
        return abort(call, ServerConnection.deadlineHasPassed)
      }
      complete(call, coding.run(handler, message, context))
    case .worker:
      enqueue(call, message, isShort: route.traits.isShort) { coding.run(handler, $0, context) }
    }
  }

  /// A client may send many requests at once, each with a millisecond of work: of those whose time is
  /// up meanwhile nobody wants the answer. Reading the clock for each would cost the small ones more.
  private func tick() {
    inlineCalls &+= 1
    if inlineCalls % 8 == 0, let clock = core.clock { now = max(now, clock()) }
  }

  private func enqueue(
    _ call: ServerCall, _ message: ReceivedMessage, isShort: Bool,
    _ work: @escaping @Sendable (consuming ReceivedMessage) -> Result<OutgoingMessage, Status>
  ) {
    let key = CallKey(connection: serial, stream: call.stream)
    let mailbox = core.mailbox
    let request = QueuedRequest(message) { message in
      let queued = MonotonicInstant.now()
      let result = work(consume message)
      mailbox.post(.outcome(result, queuedUntil: queued), to: key)
    }
    call.queued = request
    call.queuedAt = now
    if !core.executor.submit(request, isShort: isShort) {
      overloaded(call, "the queue of the server is full")
    }
  }

  /// Ends a unary call with its outcome.
  func complete(_ call: ServerCall, _ result: Result<OutgoingMessage, Status>) {
    guard call.finalStatus == nil else { return }
    switch result {
    case .success(let reply):
      if reply.isCompressed { call.replyEncoding = call.head.replyEncoding }
      call.finalStatus = .ok
      call.outgoing.append(reply)
      startReply(call)
    case .failure(let status):
      finish(call, status)
    }
  }

  /// Sends one message of a streaming reply.
  func send(_ message: OutgoingMessage, _ call: ServerCall) {
    guard call.finalStatus == nil, !(call.isUnary) else { return }
    guard
      call.outgoing.byteCount + message.frameCount <= core.limits.queuedReplyBytes
        || call.outgoing.isEmpty
    else {
      return abort(call, Status(.resourceExhausted, "the client reads too slowly"))
    }
    if call.hasStartedReply { owe(call) }
    call.outgoing.append(
      compressed(message, call.replyEncoding, above: core.limits.uncompressedReplyBytes))
    if call.hasStartedReply { resume(call) } else { startReply(call) }
  }

  /// Ends a call after what it has sent so far.
  func finish(_ call: ServerCall, _ status: Status) {
    guard call.finalStatus == nil else { return }
    if call.hasStartedReply { owe(call) }
    call.finalStatus = status
    discardRequest(call)
    if status.code != .ok { call.context?.cancel(.cancelled) }
    if call.hasStartedReply {
      resume(call)
    } else {
      sendTrailersOnly(call, status)
    }
  }

  /// Ends a call at once: messages that are not yet sent are dropped.
  func abort(_ call: ServerCall, _ status: Status) {
    call.context?.cancel(status.code)
    if call.outgoing.isInsideMessage || call.isBodyHeldUp {
      // Half a message is out, so that no trailers could make sense of it; or the client lets
      // nothing through, and trailers would wait like the rest.
      call.finalStatus = status
      return reset(call, code: HTTP2Code.cancel)
    }
    call.outgoing.removeAll()
    finish(call, status)
  }

  /// Answers a request that no handler sees.
  func refuse(_ call: ServerCall, _ refusal: RequestHead.Refusal) {
    discardRequest(call)
    switch refusal {
    case .grpc(let status):
      call.finalStatus = status
      sendTrailersOnly(call, status)
    case .unknownEncoding:
      let status = Status(.unimplemented, "unknown grpc-encoding")
      call.finalStatus = status
      var list = HeaderList()
      list.add(":status", "200")
      list.add("content-type", "application/grpc")
      list.add("grpc-accept-encoding", Compression.accepted)
      list.add(status, messageLimit: core.limits.statusMessageBytes)
      list.withFields { session.submitResponse(stream: call.stream, $0, hasBody: false) }
    case .http(let code, let status, let hasBody):
      call.finalStatus = status
      if hasBody { call.plainBody = Array((status.message + "\n").utf8) }
      var list = HeaderList()
      list.add(":status", code)
      list.add("content-type", "text/plain")
      list.add(status, messageLimit: core.limits.statusMessageBytes)
      if hasBody { startStalling(call) }
      list.withFields { session.submitResponse(stream: call.stream, $0, hasBody: hasBody) }
    }
  }

  private func sendTrailersOnly(_ call: ServerCall, _ status: Status) {
    var list = HeaderList()
    list.add(":status", "200")
    list.add("content-type", "application/grpc")
    list.add(status, messageLimit: core.limits.statusMessageBytes)
    list.withFields { session.submitResponse(stream: call.stream, $0, hasBody: false) }
  }

  private func startReply(_ call: ServerCall) {
    startStalling(call)
    session.submitResponse(
      stream: call.stream, HeaderFields.ok(encoding: call.replyEncoding), hasBody: true)
  }

  /// From here on the client has to take what we send.
  private func startStalling(_ call: ServerCall) {
    call.hasStartedReply = true
    beginStalling(call)
  }

  /// More is about to be owed. If nothing was, the client's time begins.
  private func owe(_ call: ServerCall) {
    guard !call.isReplyStalled else { return }
    beginStalling(call)
  }

  private func beginStalling(_ call: ServerCall) {
    call.replyBegan = now
    call.replyProgress = now
    arm(now.advanced(byNanoseconds: stalledReplyTimeout))
  }

  private func resume(_ call: ServerCall) {
    guard call.isBodyPaused else { return }
    call.isBodyPaused = false
    session.resume(call.stream)
  }

  /// Writes the next bytes of a reply, and its trailers after the last ones.
  func provideBody(_ call: ServerCall, _ target: UnsafeMutableRawBufferPointer) -> BodyStep {
    call.replyProgress = now
    if let body = call.plainBody {
      let count = min(body.count, target.count)
      target.copyBytes(from: body[..<count])
      call.plainBody = Array(body[count...])
      return count == body.count ? .ended(count) : .wrote(count)
    }
    let count = call.outgoing.copy(into: target)
    call.bytesSent += count
    if call.outgoing.isEmpty { answersLeft(call) }
    guard call.outgoing.isEmpty else { return .wrote(count) }
    if let status = call.finalStatus {
      submitTrailers(call, status)
      return .endedBeforeTrailers(count)
    }
    if count > 0 { return .wrote(count) }
    call.isBodyPaused = true
    return .paused
  }

  private func submitTrailers(_ call: ServerCall, _ status: Status) {
    if status.code == .ok, status.message.isEmpty {
      session.submitTrailers(stream: call.stream, HeaderFields.okTrailers)
      return
    }
    var list = HeaderList()
    list.add(status, messageLimit: core.limits.statusMessageBytes)
    list.withFields { session.submitTrailers(stream: call.stream, $0) }
  }

  /// A frame has left.
  func confirm(_ frame: SentFrame) {
    switch frame {
    case .headers(let stream, let endStream), .data(let stream, let endStream):
      guards.keepalive.dataSent()
      // An early answer: the client may stop sending. Only now, because a reset submitted earlier
      // would have discarded the frames before it.
      if endStream, session.isOpenForReceiving(stream) {
        session.submitReset(stream: stream, code: HTTP2Code.noError)
      }
    case .reset(_, let code): guardSentReset(code)
    case .goAway: break
    }
  }
}

/// How the messages of one unary call are packed.
struct UnaryCoding: Sendable {
  /// How the request is compressed; nil if it is not.
  var request: Compression?
  /// How the reply may be compressed.
  var reply: Compression?
  var messageLimit: Int
  var uncompressedReply: Int

  /// Runs a handler, on whatever thread.
  func run(
    _ handler: Router.UnaryHandler, _ message: consuming ReceivedMessage, _ context: CallContext
  ) -> Result<OutgoingMessage, Status> {
    do {
      try context.checkCancellation()
      if let request { message = try request.decompress(message, limit: messageLimit) }
      return .success(
        compressed(try handler(consume message, context), reply, above: uncompressedReply))
    } catch {
      return .failure(Status(describing: error))
    }
  }
}

/// The message, compressed if that makes it smaller.
func compressed(
  _ message: OutgoingMessage, _ encoding: Compression?, above size: Int
) -> OutgoingMessage {
  guard let encoding, message.count > size else { return message }
  return encoding.compress(message) ?? message
}
