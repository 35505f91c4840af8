// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The floods one client may try, each with its bucket.
struct ConnectionGuards {
  var faults: TokenBucket
  var settings: TokenBucket
  var emptyData: TokenBucket
  var idleFrames: TokenBucket
  var keepalive: KeepaliveEnforcement

  init(_ limits: Limits) {
    faults = TokenBucket(limits.faults)
    settings = TokenBucket(limits.settings)
    emptyData = TokenBucket(limits.emptyData)
    idleFrames = TokenBucket(limits.idleFrames)
    keepalive = KeepaliveEnforcement(limits)
  }
}

/// Which of a client's PINGs are too many (grpc proposal A8).
///
/// What surprises: grpc-go and grpcio both send a PING whenever data arrives, to measure the
/// bandwidth. A server that counted those would close healthy connections, so everything the
/// server sends of an answer wipes the slate.
struct KeepaliveEnforcement {
  private let interval: Duration
  private let intervalWithoutCalls: Duration
  private let allowedStrikes: Int
  private var strikes = 0
  private var lastPing: MonotonicInstant?
  private var hasSent = false

  init(_ limits: Limits) {
    interval = limits.pingInterval
    intervalWithoutCalls = limits.pingIntervalWithoutCalls
    allowedStrikes = limits.pingStrikes
  }

  /// HEADERS or DATA left.
  mutating func dataSent() {
    hasSent = true
  }

  /// - Returns: false when the client must go.
  mutating func pingReceived(hasCalls: Bool, at now: MonotonicInstant) -> Bool {
    defer { lastPing = now }
    if hasSent {
      hasSent = false
      strikes = 0
      return true
    }
    let needed = hasCalls ? interval : intervalWithoutCalls
    if let lastPing, now.duration(since: lastPing) < needed { strikes += 1 }
    return strikes <= allowedStrikes
  }
}
