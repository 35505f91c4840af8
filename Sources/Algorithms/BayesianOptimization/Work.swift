// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Counts the operations of one request and looks for cancellation between them.
///
/// Budgets are counted, never timed: the same request must give the same reply on a slow machine.
/// The unit is roughly one nanosecond of one core of 2020.
final class Work {
  /// What all evaluations of the marginal likelihood in one request may cost.
  static let fitBudget = 400_000_000

  private(set) var spent = 0
  private let checkCancellation: () throws -> Void

  init(checkCancellation: @escaping () throws -> Void = {}) {
    self.checkCancellation = checkCancellation
  }

  /// Announces work that is about to be done.
  func spend(_ operations: Int) throws {
    spent += operations
    try checkCancellation()
  }

  /// One marginal likelihood with gradient: n²/2 kernel values of dimension D, a factor, an inverse.
  static func costOfLikelihood(points n: Int, dimension: Int) -> Int {
    n * n * (30 + 2 * dimension) / 2 + n * n * n / 12
  }

  /// One covariance matrix and its factor.
  static func costOfFactor(points n: Int) -> Int {
    n * n * 20 + n * n * n / 30
  }
}
