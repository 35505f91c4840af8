// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import GRPC

/// Bounds that all services share, each with its reason.
package enum ServiceLimits {
  /// Requests of more bytes than this are decoded one at a time, so that several large ones at once
  /// cannot add up their decode memory.
  package static let largeRequestBytes = 1 << 20

  /// The largest request of the health and reflection services, which name one service, file or
  /// symbol. They are answered on the I/O thread and echo what they were asked, so a large one
  /// would be held several times over.
  package static let nameRequestBytes = 4 << 10

  /// Replies up to this size are not counted in the memory budget: 1,024 calls hold 4 MiB of them.
  package static let uncountedReplyBytes = 4 << 10

  /// Validation of at most this many bytes is done on the I/O thread, larger ones have the thread
  /// of short work. The I/O thread serves nobody else meanwhile, and a client may send many at once.
  /// The worst of this size hold it for 2 ms (operations of a network) or 1 ms (tiny parameters, list
  /// entries, settings, initial points): some 0.1 us a byte.
  package static let inlineValidationBytes = 16 << 10

  /// Validation, for which the controller takes every code but INVALID_ARGUMENT and UNKNOWN for a
  /// yes: an overloaded server that said RESOURCE_EXHAUSTED would let every invalid Experiment
  /// pass. UNAVAILABLE it asks again. And validation takes milliseconds, so the suggestions that
  /// all workers compute need not hold it up.
  package static let validation = MethodTraits(overload: .unavailable, isShort: true)
}
