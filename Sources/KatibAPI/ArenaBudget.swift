// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Leave to use memory, from whoever keeps the books for the whole process.
///
/// Decoding asks before it grows and gives back when it is done; a refusal becomes
/// ``WireError/busy(_:)``. Both closures may be called from any thread.
public struct ArenaBudget: Sendable {
  /// Sets aside that many bytes, or changes nothing and returns false.
  public let reserve: @Sendable (_ bytes: Int) -> Bool
  /// Gives back bytes that `reserve` granted.
  public let release: @Sendable (_ bytes: Int) -> Void

  public init(
    reserve: @escaping @Sendable (_ bytes: Int) -> Bool,
    release: @escaping @Sendable (_ bytes: Int) -> Void
  ) {
    self.reserve = reserve
    self.release = release
  }

  /// Grants everything: for tools and tests.
  public static let unlimited = ArenaBudget(reserve: { _ in true }, release: { _ in })
}
