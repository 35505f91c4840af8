// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A point in time on the clock that never jumps (CLOCK_MONOTONIC), in nanoseconds.
///
/// The sessions of this module never read a clock: whoever feeds them bytes passes the time along,
/// so tests move time by hand.
public struct MonotonicInstant: Sendable, Hashable, Comparable {
  /// Nanoseconds since an arbitrary start, usually the machine's boot.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// The present time.
  public static func now() -> MonotonicInstant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicInstant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// This instant moved by `duration`; stays at the ends of the range instead of overflowing.
  public func advanced(by duration: Duration) -> MonotonicInstant {
    advanced(byNanoseconds: duration.saturatingNanoseconds)
  }

  /// This instant moved by an already converted duration: converting costs a division of 128 bits.
  func advanced(byNanoseconds count: Int64) -> MonotonicInstant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
    return MonotonicInstant(nanoseconds: overflow ? (count < 0 ? .min : .max) : sum)
  }

  /// The time that passed from `start` to this instant; negative when `start` is later.
  public func duration(since start: MonotonicInstant) -> Duration {
    .nanoseconds(nanoseconds.subtractingReportingOverflow(start.nanoseconds).partialValue)
  }

  public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

extension Duration {
  /// The duration in nanoseconds, held at the ends of Int64 (292 years).
  var saturatingNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carry ? (seconds < 0 ? .min : .max) : sum
  }
}
