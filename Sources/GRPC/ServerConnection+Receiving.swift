// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Requests: from header fields to a message in a handler's hands.
extension ServerConnection {
  func beginHeaders(_ stream: Int32, isTrailers: Bool) {
    let deadline = now.advanced(byNanoseconds: headerTimeout)
    headerStream = stream
    headerDeadline = deadline
    arm(deadline)
    // The block before may have broken the rules; such a one never ends.
    isReceivingRequest = false
    guard !isTrailers else { return }
    let call = ServerCall(stream: stream, now: now)
    call.slot = calls.insert(call)
    core.openCalls += 1
    session.attach(call, to: stream)
    head = RequestHead()
    isReceivingRequest = true
  }

  func endHeaders(_ stream: Int32, endStream: Bool) {
    headerDeadline = nil
    guard let call = call(stream) else { return }
    if isReceivingRequest, case .headers = call.request {
      isReceivingRequest = false
      swap(&call.head, &head)
      open(call)
    }
    if endStream { requestEnded(call) }
  }

  private func open(_ call: ServerCall) {
    if isClosing || core.openCalls > core.limits.calls {
      call.request = .discarded
      call.finalStatus = Status(.unavailable, "too many open calls")
      session.submitReset(stream: call.stream, code: HTTP2Code.refusedStream)
      return
    }
    if let refusal = call.head.refusal(limit: headerListLimit) {
      refuse(call, refusal)
      return
    }
    guard let route = call.head.route else { return }
    let deadline = call.head.timeout.map { now.advanced(by: $0) }
    if let deadline { arm(deadline) }
    let context = CallContext(
      path: route.path, metadata: call.head.metadata, deadline: deadline, peer: peer)
    call.context = context
    call.messageLimit = min(route.traits.messageBytes, core.limits.messageBytes)
    call.request = .receiving
    if case .streaming(let open) = route.kind {
      call.replyEncoding = call.head.replyEncoding
      let key = CallKey(connection: serial, stream: call.stream)
      call.handler = open(context, ResponseWriter(key: key, mailbox: core.mailbox))
    }
  }

  func receiveData(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
    session.consumeConnection(bytes.count)
    guard let call = call(stream) else { return }
    call.bytesReceived += bytes.count
    switch call.request {
    case .waiting:
      // Not consumed, so no more than one window can follow.
      call.stash.append(contentsOf: bytes)
    case .receiving:
      if call.messageProgress != nil { call.messageProgress = now }
      read(call, bytes)
    case .headers, .ended, .discarded:
      session.consume(bytes.count, stream: stream)
    }
  }

  /// Cuts bytes into messages as far as memory allows.
  private func read(_ call: ServerCall, _ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    reading: while case .receiving = call.request {
      switch call.reader.next(&rest) {
      case .starved: break reading
      case .prefix(let prefix): admit(call, prefix)
      case .message(let message, let prefix): received(message, prefix, call)
      }
    }
    if case .waiting = call.request {
      call.stash.append(contentsOf: rest)
      session.consume(bytes.count - rest.count, stream: call.stream)
    } else {
      session.consume(bytes.count, stream: call.stream)
    }
  }

  /// Decides about a message from its prefix alone.
  private func admit(_ call: ServerCall, _ prefix: MessageReader.Prefix) {
    let limits = core.limits
    if call.isUnary, call.messagesReceived > 0 {
      return finish(call, Status(.unimplemented, "more than one message in a unary call"))
    }
    if prefix.flag > 1 || (prefix.flag == 1 && call.head.encoding == nil) {
      let problem = prefix.flag > 1 ? "invalid" : "set without a grpc-encoding"
      return finish(call, Status(.internalError, "the compressed flag is \(problem)"))
    }
    guard prefix.length <= call.messageLimit else {
      let text = "a message of \(prefix.length) bytes is over the limit of \(call.messageLimit)"
      return finish(call, Status(.resourceExhausted, text))
    }
    var bytes = prefix.length
    if prefix.flag == 1 {
      bytes += Compression.bound(compressed: prefix.length, limit: call.messageLimit)
    }
    // A method whose largest message is so small holds two of them at most, as sent and inflated.
    guard bytes > limits.uncountedMessageBytes, call.messageLimit > limits.uncountedMessageBytes
    else {
      return begin(call, prefix, reservation: nil)
    }
    let key = CallKey(connection: serial, stream: call.stream)
    let reserved = bytes
    let answer = core.budget.join(
      bytes, ceiling: limits.receiveBudgetBytes, line: limits.waitingStreams
    ) { [mailbox = core.mailbox] in mailbox.post(.memoryGranted(reserved), to: key) }
    switch answer {
    case .granted:
      begin(call, prefix, reservation: Reservation(core.budget, reserved: bytes))
    case .waiting(let ticket):
      call.request = .waiting(ticket, prefix, bytes: bytes)
    case .refused:
      let text = "no memory for a message of \(prefix.length) bytes"
      finish(call, Status(.resourceExhausted, text))
    }
  }

  /// Goes on with a message that has its memory.
  private func begin(
    _ call: ServerCall, _ prefix: MessageReader.Prefix, reservation: Reservation?
  ) {
    guard let message = ReceivedMessage(count: prefix.length, reservation: reservation) else {
      let text = "no memory for a message of \(prefix.length) bytes"
      return finish(call, Status(.resourceExhausted, text))
    }
    call.reader.begin(message)
    guard reservation != nil else { return }
    let deadline = now.advanced(by: core.limits.messageTimeout)
    call.messageDeadline = deadline
    call.messageProgress = now
    arm(deadline)
    arm(now.advanced(by: core.limits.messageStall))
    // Only now may the client send much at once. Streaming calls keep the small window: it bounds
    // what their next message can bring before it has memory.
    if call.isUnary, prefix.length > core.limits.streamWindowBytes {
      session.setWindow(stream: call.stream, bytes: core.limits.largeMessageWindowBytes)
    }
  }

  /// The reservation a message waited for was made.
  func memoryGranted(_ bytes: Int, _ call: ServerCall?) {
    guard let call, case .waiting(_, let prefix, bytes) = call.request else {
      core.budget.release(bytes)
      return
    }
    call.request = .receiving
    begin(call, prefix, reservation: Reservation(core.budget, reserved: bytes))
    let stash = call.stash
    call.stash = []
    stash.withUnsafeBytes { read(call, $0) }
    if call.endedWhileWaiting, case .receiving = call.request { requestEnded(call) }
  }

  private func received(
    _ message: ReceivedMessage, _ prefix: MessageReader.Prefix, _ call: ServerCall
  ) {
    call.messagesReceived += 1
    call.messageDeadline = nil
    call.messageProgress = nil
    guard let handler = call.handler else {
      call.unaryMessage = (message, prefix)
      return
    }
    guard prefix.flag == 1, let encoding = call.head.encoding else {
      return handler.receive(message)
    }
    do throws(Status) {
      let plain = try encoding.decompress(message, limit: call.messageLimit)
      handler.receive(plain)
    } catch {
      finish(call, error)
    }
  }

  /// The client half-closed.
  func requestEnded(_ call: ServerCall) {
    switch call.request {
    case .waiting: call.endedWhileWaiting = true
    case .headers, .ended, .discarded: break
    case .receiving:
      guard call.reader.isBetweenMessages else {
        return finish(call, Status(.internalError, "the last message is cut short"))
      }
      call.request = .ended
      if let handler = call.handler {
        handler.halfClosed()
      } else if let (message, prefix) = call.unaryMessage {
        call.unaryMessage = nil
        dispatch(call, message, prefix)
      } else {
        finish(call, Status(.unimplemented, "no message in a unary call"))
      }
    }
  }

  /// Whatever the client still sends is dropped, and what it sent is freed.
  func discardRequest(_ call: ServerCall) {
    if case .waiting(let ticket, _, _) = call.request {
      // If it was granted just now, the letter that says so finds nobody waiting and gives the
      // memory back.
      _ = core.budget.leave(ticket)
    }
    call.request = .discarded
    call.reader.abandon()
    call.unaryMessage = nil
    call.messageDeadline = nil
    call.stash = []
    // A worker that has not begun finds nothing to do.
    _ = call.queued?.take()
  }
}
