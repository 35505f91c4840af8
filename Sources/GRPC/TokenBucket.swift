// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Allows a burst, then a steady rate: the guard against every kind of flood in this module.
struct TokenBucket: Sendable {
  /// Tokens when full, and tokens gained per second.
  struct Rate: Sendable, Equatable {
    var burst: Int
    var perSecond: Int
  }

  private let rate: Rate
  private var tokens: Int
  private var refilled: MonotonicInstant?

  init(_ rate: Rate) {
    self.rate = rate
    tokens = rate.burst
  }

  /// Takes one token.
  /// - Returns: false if none is left. Time that runs backwards refills nothing.
  mutating func take(at now: MonotonicInstant) -> Bool {
    if tokens < rate.burst { refill(now) } else { refilled = now }
    guard tokens > 0 else { return false }
    tokens -= 1
    return true
  }

  private mutating func refill(_ now: MonotonicInstant) {
    guard let last = refilled, rate.perSecond > 0 else {
      refilled = now
      return
    }
    let elapsed = now.nanoseconds - last.nanoseconds
    let perToken = 1_000_000_000 / Int64(rate.perSecond)
    guard elapsed >= perToken else { return }
    let gained = elapsed / perToken
    tokens = Int(min(Int64(rate.burst), Int64(tokens) + gained))
    // What is left of the interval counts towards the next token.
    refilled = MonotonicInstant(nanoseconds: last.nanoseconds + gained * perToken)
  }
}
