// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Requests: from header fields to a message in a handler's hands.
extension ServerConnection {
  func beginHeaders(_ stream: Int32, isTrailers: Bool) {
    let deadline = now.advanced(byNanoseconds: headerTimeout)
    headerStream = stream
    headerBytes = 0
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
    if isClosing || (core.openCalls > core.limits.calls && !core.makeRoom(for: call, on: self)) {
      call.request = .discarded
      call.finalStatus = Status(.unavailable, "too many open calls")
      return reset(call, code: HTTP2Code.refusedStream)
    }
    if let refusal = call.head.refusal(limit: headerListLimit) {
      refuse(call, refusal)
      return
    }
    guard let route = call.head.route else { return }
    let deadline = call.head.timeout.map { now.advanced(by: $0) }
    if let deadline { arm(deadline) }
    let context = CallContext(
      path: route.path, metadata: call.head.metadata, deadline: deadline, peer: peer,
      account: account)
    call.context = context
    call.messageLimit = min(route.traits.messageBytes, core.limits.messageBytes)
    call.request = .receiving
    if case .streaming(let open) = route.kind {
      call.replyEncoding = call.head.replyEncoding
      let key = CallKey(connection: serial, stream: call.stream)
      call.handler = open(context, ResponseWriter(key: key, mailbox: core.mailbox))
      if core.isDraining { announceDrain(call) }
    }
  }

  func receiveData(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
    session.consumeConnection(bytes.count)
    guard let call = call(stream) else { return }
    call.bytesReceived += bytes.count
    switch call.request {
    case .waiting, .heldBack:
      stash(call, bytes)
    case .receiving:
      let count = read(call, bytes)
      session.consume(count, stream: stream)
      if count < bytes.count, call.isStashing {
        stash(call, UnsafeRawBufferPointer(rebasing: bytes[count...]))
      }
    case .headers, .ended, .discarded:
      session.consume(bytes.count, stream: stream)
    }
  }

  /// Cuts bytes into messages as far as memory, and a client that reads its answers, allow.
  /// - Returns: how many bytes need not come again: all of them, unless the call is now stashing.
  private func read(_ call: ServerCall, _ bytes: UnsafeRawBufferPointer) -> Int {
    var rest = bytes
    reading: while case .receiving = call.request {
      switch call.reader.next(&rest) {
      case .starved: break reading
      case .prefix(let prefix): admit(call, prefix)
      case .message(let message, let prefix): received(message, prefix, call)
      }
    }
    return call.isStashing ? bytes.count - rest.count : bytes.count
  }

  /// Puts bytes aside. They are not consumed, so no more than one window can follow.
  private func stash(_ call: ServerCall, _ bytes: UnsafeRawBufferPointer) {
    call.stash.append(bytes)
    countHeldBack(call)
  }

  /// Of what is put aside only that of held-back calls is counted: the others have places in line.
  private func countHeldBack(_ call: ServerCall) {
    var count = 0
    if case .heldBack = call.request { count = call.stash.count }
    let more = count - call.heldBackBytes
    guard more != 0 else { return }
    call.heldBackBytes = count
    heldBackBytes += more
    core.heldBackBytes += more
    if more > 0,
      core.heldBackBytes > core.limits.heldBackBytes
        || heldBackBytes > core.limits.heldBackBytesPerConnection
    {
      overloaded(call, "too much waits to be read")
    }
  }

  /// Goes on with what was put aside.
  func readStash(_ call: ServerCall) {
    call.request = .receiving
    let stash = call.stash
    let count = stash.bytes.withUnsafeBytes { bytes in
      read(call, UnsafeRawBufferPointer(rebasing: bytes[stash.start...]))
    }
    // Discarded meanwhile, the stash is gone already.
    guard !call.isDiscarding else { return }
    session.consume(count, stream: call.stream)
    call.stash.consume(count)
    countHeldBack(call)
    if call.endedWhileWaiting, case .receiving = call.request { requestEnded(call) }
  }

  /// The answers that held a stream back have left.
  func answersLeft(_ call: ServerCall) {
    if case .heldBack = call.request { readStash(call) }
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
    if bytes >= limits.largeMessageBytes {
      lineUp(call, prefix, bytes)
    } else {
      ask(call, prefix, bytes)
    }
  }

  /// Ends a call because the server has too much to do.
  func overloaded(_ call: ServerCall, _ text: String) {
    abort(call, Status(call.head.route?.traits.overload ?? .resourceExhausted, text))
  }

  private func received(
    _ message: ReceivedMessage, _ prefix: MessageReader.Prefix, _ call: ServerCall
  ) {
    call.messagesReceived += 1
    guard let handler = call.handler else {
      call.unaryMessage = (message, prefix)
      // Nothing is left to send but the end. Until that comes the message is slow if others wait, and
      // the next large one of this connection stays behind it.
      if call.messageDeadline != nil {
        call.messageDeadline = now.advanced(by: core.limits.requestTimeout)
      }
      return
    }
    call.messageProgress = nil
    leaveLine(call)
    call.messageDeadline = nil
    if prefix.flag == 1, let encoding = call.head.encoding {
      do throws(Status) {
        handler.receive(try encoding.decompress(message, limit: call.messageLimit))
      } catch {
        return finish(call, error)
      }
    } else {
      handler.receive(message)
    }
    takeAnswers(call)
    // One message after the other: who does not read the answers is not asked for more.
    if !call.outgoing.isEmpty, case .receiving = call.request { call.request = .heldBack }
  }

  /// Takes what a handler has answered on the spot, so that it counts before anything else is
  /// asked of it. As letters the answers to one segment's requests once filled the memory.
  func takeAnswers(_ call: ServerCall) {
    let key = CallKey(connection: serial, stream: call.stream)
    for content in core.mailbox.collect(for: key) { take(content, call) }
  }

  /// The client half-closed.
  func requestEnded(_ call: ServerCall) {
    switch call.request {
    case .waiting, .heldBack: call.endedWhileWaiting = true
    case .headers, .ended, .discarded: break
    case .receiving:
      guard call.reader.isBetweenMessages else {
        return finish(call, Status(.internalError, "the last message is cut short"))
      }
      call.request = .ended
      call.messageProgress = nil
      leaveLine(call)
      if let handler = call.handler {
        handler.halfClosed()
        takeAnswers(call)
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
    if case .waiting(let ticket?, _, _) = call.request {
      // If it was granted just now, the letter that says so finds nobody waiting and gives the
      // memory back.
      _ = core.budget.leave(ticket)
    }
    call.request = .discarded
    call.reader.abandon()
    call.unaryMessage = nil
    call.messageDeadline = nil
    call.messageProgress = nil
    if !call.stash.bytes.isEmpty {
      call.stash.removeAll()
      countHeldBack(call)
    }
    // A worker that has not begun has nothing to do.
    if let queued = call.queued, queued.take() != nil { core.executor.withdraw(queued) }
    leaveLine(call)
  }
}
