// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What a socket needs from either side's connection: bytes and time in, bytes out.
protocol Connection: AnyObject {
  var outputReady: (() -> Void)? { get set }
  /// No timer is due before this.
  var wakeAt: MonotonicInstant? { get }
  /// Close the socket once the output is flushed.
  var isDone: Bool { get }
  /// More output is queued than a peer that reads can cause.
  var isFlooded: Bool { get }
  func receive(_ bytes: UnsafeRawBufferPointer, now: MonotonicInstant)
  func nextOutput() -> UnsafeRawBufferPointer?
  func timerFired(now: MonotonicInstant)
  /// The socket takes no more output, has taken some of what was held up, or takes everything again.
  func outputBlocked(_ blocked: Bool, now: MonotonicInstant)
  /// The peer has closed its half of the connection: it sends no more, and may still read.
  func inputClosed(now: MonotonicInstant)
  /// Whether the peer deserves the time to read what is still on its way when the connection is done.
  var endsWell: Bool { get }
  func lost(now: MonotonicInstant)
}
