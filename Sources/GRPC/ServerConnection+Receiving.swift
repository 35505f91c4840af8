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
      path: route.path, metadata: call.head.metadata, deadline: deadline, peer: peer)
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
    guard core.stashedBytes + bytes.count <= core.limits.stashBytes else {
      return overloaded(call, "too much waits to be read")
    }
    core.stashedBytes += bytes.count
    call.stash.append(bytes)
  }

  /// Goes on with what was put aside.
  private func readStash(_ call: ServerCall) {
    call.request = .receiving
    let stash = call.stash
    let count = stash.bytes.withUnsafeBytes { bytes in
      read(call, UnsafeRawBufferPointer(rebasing: bytes[stash.start...]))
    }
    // Discarded meanwhile, the stash is gone already.
    guard !call.isDiscarding else { return }
    session.consume(count, stream: call.stream)
    core.stashedBytes -= count
    call.stash.consume(count)
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
      ask(call, prefix, bytes, aisle: limits.aisleBytes)
    }
  }

  /// Asks the budget for a message's memory.
  private func ask(
    _ call: ServerCall, _ prefix: MessageReader.Prefix, _ bytes: Int, aisle: Int
  ) {
    let key = CallKey(connection: serial, stream: call.stream)
    let answer = core.budget.join(
      bytes, ceiling: core.limits.receiveBudgetBytes,
      line: core.limits.waitingStreams - core.waitingBehind, aisle: aisle
    ) { [mailbox = core.mailbox] in mailbox.post(.memoryGranted(bytes), to: key) }
    switch answer {
    case .granted:
      begin(call, prefix, reservation: Reservation(core.budget, reserved: bytes))
    case .grantedInAisle:
      begin(call, prefix, reservation: Reservation(core.budget, reserved: bytes, .aisle))
    case .waiting(let ticket):
      wait(call, ticket, prefix, bytes)
    case .refused:
      overloaded(call, "no memory for a message of \(prefix.length) bytes")
    }
  }

  /// One large message of a connection at a time has memory, or stands in line for it. Otherwise one
  /// client that announces a hundred of them makes all others wait, or be refused, for as long as it
  /// likes.
  private func lineUp(_ call: ServerCall, _ prefix: MessageReader.Prefix, _ bytes: Int) {
    guard largeStream != 0 else {
      largeStream = call.stream
      return ask(call, prefix, bytes, aisle: 0)
    }
    let limits = core.limits
    guard largeQueue.count < limits.waitingPerConnection,
      core.budget.waiting + core.waitingBehind < limits.waitingStreams / 2
    else {
      return overloaded(call, "too many large messages at once on this connection")
    }
    largeQueue.append(call.stream)
    core.waitingBehind += 1
    wait(call, nil, prefix, bytes)
  }

  private func wait(
    _ call: ServerCall, _ ticket: MemoryBudget.Ticket?, _ prefix: MessageReader.Prefix, _ bytes: Int
  ) {
    // Its time does not begin anew when it comes to the head of its connection's line.
    let deadline = call.messageDeadline ?? now.advanced(by: core.limits.memoryTimeout)
    call.messageDeadline = deadline
    arm(deadline)
    call.request = .waiting(ticket, prefix, bytes: bytes)
  }

  /// A large message is received or given up: the next one of the connection may come.
  private func leaveLine(_ call: ServerCall) {
    // So it is for nearly all calls.
    guard largeStream != 0 else { return }
    if largeStream == call.stream {
      largeStream = 0
    } else if let index = largeQueue.firstIndex(of: call.stream) {
      largeQueue.remove(at: index)
      core.waitingBehind -= 1
    }
    while largeStream == 0, !largeQueue.isEmpty {
      let stream = largeQueue.removeFirst()
      core.waitingBehind -= 1
      guard let next = self.call(stream), case .waiting(nil, let prefix, let bytes) = next.request
      else { continue }
      next.request = .receiving
      lineUp(next, prefix, bytes)
      if case .receiving = next.request { readStash(next) }
    }
  }

  /// Ends a call because the server has too much to do.
  func overloaded(_ call: ServerCall, _ text: String) {
    abort(call, Status(call.head.route?.traits.overload ?? .resourceExhausted, text))
  }

  /// Goes on with a message that has its memory.
  private func begin(
    _ call: ServerCall, _ prefix: MessageReader.Prefix, reservation: Reservation?
  ) {
    guard let message = ReceivedMessage(count: prefix.length, reservation: reservation) else {
      return overloaded(call, "no memory for a message of \(prefix.length) bytes")
    }
    call.reader.begin(message)
    guard reservation != nil else { return }
    let deadline = now.advanced(by: core.limits.messageTimeout)
    call.messageDeadline = deadline
    call.messageProgress = now
    call.messageMark = call.bytesReceived
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
    guard let call, case .waiting(_?, let prefix, bytes) = call.request else {
      core.budget.release(bytes)
      return
    }
    call.request = .receiving
    begin(call, prefix, reservation: Reservation(core.budget, reserved: bytes))
    if case .receiving = call.request { readStash(call) }
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
      core.stashedBytes -= call.stash.count
      call.stash.removeAll()
    }
    // A worker that has not begun has nothing to do.
    if let queued = call.queued, queued.take() != nil { core.executor.withdraw(queued) }
    leaveLine(call)
  }
}
