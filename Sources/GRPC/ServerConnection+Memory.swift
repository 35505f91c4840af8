// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Memory for the messages of requests: who gets it, who waits, and who waits too much.
extension ServerConnection {
  /// The places in line that the calls have.
  var placesInLine: Int { core.budget.waiting(account) + largeQueue.count }

  /// Asks the budget for a message's memory.
  /// - Parameter hasPlace: it stood in line already, behind another one of this connection.
  func ask(
    _ call: ServerCall, _ prefix: MessageReader.Prefix, _ bytes: Int, hasPlace: Bool = false
  ) {
    let limits = core.limits
    var terms = MemoryBudget.Terms(ceiling: limits.receiveBudgetBytes, line: 0)
    if bytes < limits.largeMessageBytes {
      terms.share = limits.messageBytesPerConnection
      terms.aisle = limits.aisleBytes
      terms.aisleShare = limits.aisleBytes / 4
    }
    let key = CallKey(connection: serial, stream: call.stream)
    let purpose = terms.purpose
    let granted = { @Sendable [account, budget = core.budget, mailbox = core.mailbox] in
      mailbox.post(.memoryGranted(Reservation(budget, reserved: bytes, purpose, account)), to: key)
    }
    var answer = core.budget.join(bytes, terms, account, granted: granted)
    if case .refused = answer, hasPlace || mayWait() {
      terms.line = limits.waitingStreams - core.waitingBehind
      answer = core.budget.join(bytes, terms, account, granted: granted)
    }
    switch answer {
    case .granted:
      begin(call, prefix, reservation: Reservation(core.budget, reserved: bytes, purpose, account))
    case .grantedInAisle:
      begin(call, prefix, reservation: Reservation(core.budget, reserved: bytes, .aisle, account))
    case .waiting(let ticket):
      wait(call, ticket, prefix, bytes)
    case .refused:
      overloaded(call, "no memory for a message of \(prefix.length) bytes")
    }
  }

  /// Whether one more message of this connection may stand in line.
  private func mayWait() -> Bool {
    let places = placesInLine
    if places == 0 {
      return core.budget.waiting + core.waitingBehind < core.limits.waitingStreams
        || core.makePlace(now: now)
    }
    return mayWaitToo(places)
  }

  /// The same for a connection that has something there already: half of the line is for others.
  private func mayWaitToo(_ places: Int) -> Bool {
    places < core.limits.waitingPerConnection
      && core.budget.waiting + core.waitingBehind < core.limits.waitingStreams / 2
  }

  /// One large message of a connection at a time has memory, or stands in line for it. Otherwise one
  /// client that announces a hundred of them makes all others wait, or be refused, for as long as it
  /// likes.
  func lineUp(
    _ call: ServerCall, _ prefix: MessageReader.Prefix, _ bytes: Int, hasPlace: Bool = false
  ) {
    guard largeStream != 0 else {
      largeStream = call.stream
      return ask(call, prefix, bytes, hasPlace: hasPlace)
    }
    guard mayWaitToo(placesInLine) else {
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
  func leaveLine(_ call: ServerCall) {
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
      lineUp(next, prefix, bytes, hasPlace: true)
      if case .receiving = next.request { readStash(next) }
    }
  }

  /// Gives up the message that came last of those that wait, so that another connection has a place.
  func giveUpPlace(now: MonotonicInstant) {
    self.now = now
    let waiting = calls.elements.filter { call in
      if case .waiting = call.request { true } else { false }
    }
    guard let call = waiting.max(by: { $0.stream < $1.stream }) else { return }
    overloaded(call, "too many messages of this connection wait for memory")
  }

  /// Goes on with a message that has its memory.
  func begin(
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
  func memoryGranted(_ reservation: Reservation, _ call: ServerCall?) {
    guard let call, case .waiting(_?, let prefix, reservation.count) = call.request else { return }
    call.request = .receiving
    begin(call, prefix, reservation: reservation)
    if case .receiving = call.request { readStash(call) }
  }
}
