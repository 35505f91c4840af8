// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The rules a client must keep, and the end of a connection.
extension ServerConnection {
  /// The payloads of our own PINGs.
  private static let drainPing: UInt64 = 0x6772_6163_6566_756c
  private static let keepalivePing: UInt64 = 0x6b65_6570_2d61_6c69

  static let deadlineHasPassed = Status(
    .deadlineExceeded, "the deadline of the call has passed")

  func guardControlFrame(_ frame: ControlFrame) {
    switch frame {
    case .settings:
      hasHandshaken = true
      if !guards.settings.take(at: now) { expel() }
    case .settingsAcknowledged: break
    case .ping:
      if !guards.keepalive.pingReceived(hasCalls: !calls.isEmpty, at: now) {
        expel("too_many_pings")
      }
    case .pong(let payload):
      if payload == ServerConnection.drainPing, case .announced = draining { endIntake() }
    case .goAway, .reset: break
    case .other:
      if !guards.idleFrames.take(at: now) { expel() }
    }
  }

  func guardInvalidFrame() {
    if !guards.faults.take(at: now) { expel() }
  }

  func guardEmptyData() {
    if !guards.emptyData.take(at: now) { expel() }
  }

  /// Resets that a correct client cannot provoke.
  func guardSentReset(_ code: UInt32) {
    let harmless = [HTTP2Code.noError, HTTP2Code.refusedStream, HTTP2Code.cancel]
    if !harmless.contains(code), !guards.faults.take(at: now) { expel() }
  }

  private func expel(_ reason: StaticString = "") {
    guard !isClosing else { return }
    isClosing = true
    session.submitGoAway(code: HTTP2Code.enhanceYourCalm, debug: reason)
  }

  /// Called by the owner when the socket takes no more output, when it has taken some of what was
  /// held up, and when it takes everything again.
  func outputBlocked(_ blocked: Bool, now: MonotonicInstant) {
    outputProgress = now
    blockedSince = blocked ? now : nil
    if blocked { arm(now.advanced(by: core.limits.stalledReplyTimeout)) }
  }

  var endsWell: Bool { !isClosing && session.failure == nil }

  /// The requests that are complete get their answers; the others never will be. A client that only
  /// has nothing more to say reads on. One that is gone answers the GOAWAY with a TCP reset, which
  /// ends the work for it.
  func inputClosed(now: MonotonicInstant) {
    self.now = now
    // No WINDOW_UPDATE can come: what its windows do not let through now they never will.
    stalledReplyTimeout = core.limits.halfClosedReplyTimeout.saturatingNanoseconds
    arm(now.advanced(byNanoseconds: stalledReplyTimeout))
    for call in calls.elements where call.finalStatus == nil && !call.endedWhileWaiting {
      if case .ended = call.request, call.handler == nil { continue }
      reset(call, code: HTTP2Code.cancel)
    }
    endIntake()
  }

  /// Ends a call without an answer.
  func reset(_ call: ServerCall, code: UInt32) {
    call.isReset = true
    call.context?.cancel(.cancelled)
    discardRequest(call)
    session.submitReset(stream: call.stream, code: code)
  }

  /// Resets the oldest call that waits for its client, to make room for another connection's.
  /// - Returns: false if there is none.
  func giveUpCall(now: MonotonicInstant) -> Bool {
    let waiting = calls.elements.filter(\.waitsForClient)
    guard let call = waiting.min(by: { $0.began < $1.began }) else { return false }
    self.now = now
    // Before there is an answer no handler has done anything, so the client may try again.
    let isUntouched = call.handler == nil && !call.hasStartedReply
    reset(call, code: isUntouched ? HTTP2Code.refusedStream : HTTP2Code.cancel)
    return true
  }

  /// Whether the session has queued more frames than a client that reads can cause.
  var isFlooded: Bool { session.queuedFrames > core.limits.queuedFrames }

  // MARK: Time

  /// Acts on whatever is due and arms the next timer.
  func timerFired(now: MonotonicInstant) {
    self.now = now
    disarm()
    checkConnection()
    for call in calls.elements { checkCall(call) }
  }

  private func isDue(_ instant: MonotonicInstant) -> Bool {
    if instant <= now { return true }
    arm(instant)
    return false
  }

  private func checkConnection() {
    let limits = core.limits
    if !hasHandshaken, isDue(opened.advanced(by: limits.handshakeTimeout)) { isClosing = true }
    if let headerDeadline, isDue(headerDeadline) { isClosing = true }
    if let blockedSince, isDue(blockedSince.advanced(by: limits.stalledReplyTimeout)) {
      isClosing = true
    }
    if case .announced(let since, _) = draining, isDue(since.advanced(by: limits.drainPingTimeout))
    {
      endIntake()
    }
    if let idle = limits.idleTimeout, calls.isEmpty, case .no = draining,
      isDue(idleSince.advanced(by: idle))
    {
      drain(now: now, reason: "max_idle")
    }
    if let idle = limits.idleTimeout, !calls.isEmpty { arm(now.advanced(by: idle)) }
    guard let interval = limits.keepaliveInterval else { return }
    if let sent = keepalivePingSent {
      if isDue(sent.advanced(by: limits.keepaliveTimeout)) { isClosing = true }
    } else if isDue(lastReceived.advanced(by: interval)) {
      keepalivePingSent = now
      session.submitPing(ServerConnection.keepalivePing)
      arm(now.advanced(by: limits.keepaliveTimeout))
    }
  }

  private func checkCall(_ call: ServerCall) {
    guard !call.isReset else { return }
    let limits = core.limits
    if call.isReplyStalled, isGivenUp(call) { return }
    if let deadline = call.context?.deadline, !call.isAnswered, isDue(deadline) {
      return abort(call, ServerConnection.deadlineHasPassed)
    }
    // A unary request that waits for memory is not to blame. A stream may last.
    if case .receiving = call.request, call.isUnary || call.messageDeadline != nil,
      isDue(call.messageDeadline ?? call.began.advanced(by: limits.requestTimeout))
    {
      return overloaded(call, "the request came too slowly")
    }
    if case .waiting = call.request, let deadline = call.messageDeadline, isDue(deadline) {
      return overloaded(call, "no memory became free in time")
    }
    if let progress = call.messageProgress,
      isDue(progress.advanced(by: limits.messageStall))
    {
      let isSlow = call.bytesReceived - call.messageMark < limits.messageStallBytes
      if isSlow, core.budget.waiting > 0 {
        return overloaded(call, "the message came too slowly while others wait for memory")
      }
      call.messageProgress = now
      call.messageMark = call.bytesReceived
      arm(now.advanced(by: limits.messageStall))
    }
  }

  /// Whether a reply is not read, or so slowly that others get none.
  private func isGivenUp(_ call: ServerCall) -> Bool {
    // While the socket is blocked no call can get on, and the connection has a timer of its own.
    if blockedSince == nil,
      isDue(
        max(call.replyProgress, outputProgress).advanced(byNanoseconds: stalledReplyTimeout))
    {
      reset(call, code: HTTP2Code.cancel)
      return true
    }
    guard isDue(call.replyBegan.advanced(by: core.limits.stalledReplyTimeout)) else { return false }
    guard core.budget.isShortOfReplies else {
      arm(now.advanced(by: core.limits.slowReplyInterval))
      return false
    }
    // Through a blocked socket no reset gets either, so the replies would stay.
    if blockedSince != nil { isClosing = true } else { reset(call, code: HTTP2Code.cancel) }
    return true
  }

  /// Gives up replies of which the client has taken nothing for a while, because others find no memory
  /// for theirs.
  /// - Returns: the bytes that will be free.
  func giveUpReplies(_ bytes: Int, now: MonotonicInstant) -> Int {
    func progress(_ call: ServerCall) -> MonotonicInstant {
      max(call.replyProgress, outputProgress)
    }
    let stalled = calls.elements.filter { call in
      !call.isReset && call.isReplyStalled && call.outgoing.reservedBytes > 0
        && now.duration(since: progress(call)) >= core.limits.replyStall
    }.sorted { progress($0) < progress($1) }
    guard !stalled.isEmpty, !isClosing else { return 0 }
    self.now = now
    if blockedSince != nil {
      // As above.
      isClosing = true
      return core.budget.heldByReplies(account)
    }
    var freed = 0
    for call in stalled where freed < bytes {
      freed += call.outgoing.reservedBytes
      reset(call, code: HTTP2Code.cancel)
    }
    return freed
  }

  // MARK: Draining

  /// Begins a graceful end: new calls are still served until the client must have heard of it.
  /// - Parameter reason: what clients may log.
  func drain(now: MonotonicInstant, reason: StaticString = "") {
    self.now = now
    if core.isDraining {
      for call in calls.elements { announceDrain(call) }
    }
    guard case .no = draining else { return }
    draining = .announced(now, reason: reason)
    session.submitShutdownNotice()
    session.submitPing(ServerConnection.drainPing)
    arm(now.advanced(by: core.limits.drainPingTimeout))
  }

  /// Ends a connection at once, to make room for others.
  /// - Parameter reason: what clients may log.
  func retire(now: MonotonicInstant, reason: StaticString) {
    self.now = now
    guard !isClosing else { return }
    isClosing = true
    session.submitGoAway(code: HTTP2Code.noError, debug: reason)
  }

  /// Gives a streaming call the chance to end: one that waits for its client would hold the drain
  /// up for the whole grace period.
  func announceDrain(_ call: ServerCall) {
    guard let handler = call.handler else { return }
    handler.draining()
    takeAnswers(call)
  }

  private func endIntake() {
    var reason: StaticString = ""
    if case .announced(_, let given) = draining { reason = given }
    draining = .lastCalls
    session.submitGoAway(code: HTTP2Code.noError, debug: reason)
  }
}
