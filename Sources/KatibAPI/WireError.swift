// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Bytes that could not become a message, or a message that could not become bytes.
///
/// Messages stand alone: they name the field by its path in the `.proto` file, with the index of
/// a repeated element, as in `trials[17].status.condition`.
public enum WireError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are no message of this type: the peer's fault, and no other peer would read them
  /// differently. Becomes INTERNAL, as in every other gRPC implementation.
  case malformed(String)
  /// The bytes are a proper message, but with a text that this process cannot carry: one with a
  /// NUL inside. Becomes INVALID_ARGUMENT.
  case unsupported(String)
  /// The message asks for more than a named limit (``WireLimits``) allows, today and tomorrow.
  /// Becomes RESOURCE_EXHAUSTED.
  case limit(String)
  /// The message may be fine, but other messages use the memory budget up at the moment. Becomes
  /// RESOURCE_EXHAUSTED.
  case busy(String)

  public var description: String {
    switch self {
    case .malformed(let problem), .unsupported(let problem), .limit(let problem),
      .busy(let problem):
      problem
    }
  }
}
