// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What all connections of a server share on the I/O thread.
final class ServerCore {
  let router: Router
  let limits: Limits
  let budget: MemoryBudget
  let mailbox: Mailbox
  let executor: any CallExecutor
  let observer: (@Sendable (CallRecord) -> Void)?
  /// Tells the time within a long turn; nil to take each turn for a moment.
  let clock: (@Sendable () -> MonotonicInstant)?

  /// Of the objects of all sessions.
  let sessionMemory = SessionMemory()

  /// Open connections by their serial.
  private(set) var connections: [UInt64: ServerConnection] = [:]
  /// Calls open on all of them.
  var openCalls = 0
  /// The server is about to end.
  private(set) var isDraining = false
  /// Large messages that wait behind another one of their connection.
  var waitingBehind = 0
  /// Bytes that held-back calls have put aside.
  var heldBackBytes = 0
  private var serials: UInt64 = 0

  init(
    router: Router, limits: Limits, budget: MemoryBudget, mailbox: Mailbox,
    executor: any CallExecutor, observer: (@Sendable (CallRecord) -> Void)?,
    clock: (@Sendable () -> MonotonicInstant)? = nil
  ) {
    self.router = router
    self.limits = limits
    self.budget = budget
    self.mailbox = mailbox
    self.executor = executor
    self.observer = observer
    self.clock = clock
  }

  /// Where there are as many connections as there may be, the one that has been idle longest makes
  /// room: its client connects again when it needs to, and nobody is shut out by connections that
  /// do nothing. If none is idle, it is the one that has said nothing for longest of those whose calls
  /// all wait for their client.
  /// - Returns: nil if all of them are busy, or there is no memory.
  func makeConnection(peer: String, now: MonotonicInstant) -> ServerConnection? {
    if connections.count >= limits.connections { retireOne(now: now) }
    guard connections.count < limits.connections else { return nil }
    serials += 1
    guard
      let connection = try? ServerConnection(core: self, serial: serials, peer: peer, now: now)
    else { return nil }
    connections[serials] = connection
    return connection
  }

  private func retireOne(now: MonotonicInstant) {
    let idle = connections.values.filter { $0.calls.isEmpty }
      .min { ($0.idleSince, $0.serial) < ($1.idleSince, $1.serial) }
    let waiting = { [connections] in
      connections.values.filter { $0.calls.elements.allSatisfy(\.waitsForClient) }
        .min { ($0.lastReceived, $0.serial) < ($1.lastReceived, $1.serial) }
    }
    guard let oldest = idle ?? waiting() else { return }
    oldest.retire(now: now, reason: "max_connections")
    oldest.outputReady?()
    // The owner of its socket may be in the middle of a turn; the place is free all the same.
    remove(oldest)
  }

  /// There is a call more than there may be. A connection that has more of them loses one, not the
  /// newcomer: otherwise a few clients that open calls and leave them lock everybody out.
  /// - Returns: false if it is the newcomer that must go.
  func makeRoom(for call: ServerCall, on connection: ServerConnection) -> Bool {
    // Streams may last, and would fill what is reserved.
    if call.isUnary, let traits = call.head.route?.traits,
      traits.messageBytes <= limits.uncountedMessageBytes,
      openCalls <= limits.calls + limits.reservedCalls
    {
      return true
    }
    let larger = connections.values.filter { $0.calls.count > connection.calls.count }
      .sorted { ($0.calls.count, $1.serial) > ($1.calls.count, $0.serial) }
    // The largest may have nothing but calls that are worked for; then it is the next one's turn.
    for other in larger where other.blockedSince == nil && other.giveUpCall(now: connection.now) {
      other.outputReady?()
      return true
    }
    // None of the others can be told of a reset, so the calls would stay.
    guard let blocked = larger.first(where: { $0.blockedSince != nil }) else { return false }
    blocked.retire(now: connection.now, reason: "max_calls")
    blocked.outputReady?()
    return true
  }

  /// The line for memory is full, and a connection that has nothing there needs a place. As with calls,
  /// it gets one of the connection that has most: however many fill the line, it is open to others.
  /// - Returns: false if none has more than one.
  func makePlace(now: MonotonicInstant) -> Bool {
    let places = connections.values.map { (connection: $0, count: $0.placesInLine) }
    guard
      let most = places.max(by: {
        ($0.count, $1.connection.serial) < ($1.count, $0.connection.serial)
      }), most.count > 1
    else { return false }
    most.connection.giveUpPlace(now: now)
    most.connection.outputReady?()
    return true
  }

  /// A reply of `bytes` found no memory. Its call has failed, but the next one must not: those that
  /// nobody reads go, the one without progress for longest first, on the connection that holds most.
  func giveUpReplies(_ bytes: Int, now: MonotonicInstant) {
    let holders = connections.values.map {
      (connection: $0, held: budget.heldByReplies($0.account))
    }.filter { $0.held > 0 }
      .sorted { ($0.held, $1.connection.serial) > ($1.held, $0.connection.serial) }
    var freed = 0
    for holder in holders where freed < bytes {
      let given = holder.connection.giveUpReplies(bytes - freed, now: now)
      freed += given
      if given > 0 { holder.connection.outputReady?() }
    }
  }

  /// Begins the end of every connection.
  func drain(now: MonotonicInstant) {
    isDraining = true
    for connection in connections.values {
      connection.drain(now: now)
      connection.outputReady?()
    }
  }

  func remove(_ connection: ServerConnection) {
    connections[connection.serial] = nil
  }

  /// Hands out what other threads posted, then lets each connection concerned write once.
  func deliverMail(now: MonotonicInstant) {
    var touched: [UInt64: ServerConnection] = [:]
    for letter in mailbox.collect() {
      if case .replyRefused(let bytes) = letter.content { giveUpReplies(bytes, now: now) }
      guard let connection = connections[letter.key.connection] else { continue }
      connection.deliver(letter.content, stream: letter.key.stream, now: now)
      touched[letter.key.connection] = connection
    }
    for connection in touched.values { connection.outputReady?() }
  }
}
