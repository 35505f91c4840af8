// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Which points count as good, and how much each of them weighs.
///
/// Linear rule of Watanabe (arXiv 2304.11127): ceil(0.15 n) good points, at most 25; or hyperopt's
/// ceil(gamma sqrt n) when gamma is set. The good ones weigh by their improvement over the best
/// bad value (the "EI weights" of the same paper), clipped so that one lucky point does not own
/// the mixture. Failed points are bad.
struct GoodBadSplit: Sendable {
  static let linearShare = 0.15
  static let mostGood = 25
  /// No weight exceeds this multiple of the median weight.
  static let clip = 5.0

  /// Indices of finished points, best first.
  let good: [Int]
  /// One weight per good point.
  let weights: [Double]
  /// Indices of the other finished points, best first, then of the failed ones.
  let bad: [Int]
  /// Number of finished points.
  let finished: Int

  init(objectives y: [Double], gamma: Double?) {
    let order = y.indices.filter { y[$0].isFinite }.sorted { (y[$0], $0) < (y[$1], $1) }
    let failed = y.indices.filter { !y[$0].isFinite }
    finished = order.count
    let n = Double(finished)
    let wanted = (gamma.map { $0 * n.squareRoot() } ?? GoodBadSplit.linearShare * n)
      .rounded(.up)
    let count = min(max(1, min(Int(wanted), GoodBadSplit.mostGood)), finished)
    good = Array(order[..<count])
    bad = Array(order[count...]) + failed
    weights = GoodBadSplit.weights(
      good.map { y[$0] }, limit: count < finished ? y[order[count]] : nil)
  }

  /// - Parameters:
  ///   - values: the good values, ascending.
  ///   - limit: the best bad value, if there is one.
  static func weights(_ values: [Double], limit: Double?) -> [Double] {
    let even = [Double](repeating: 1, count: values.count)
    guard values.count >= 2, let limit, let best = values.first, limit > best else { return even }
    // Halves first: the difference of two huge values may overflow.
    let reach = limit / 2 - best / 2
    guard reach > 0 else { return even }
    let shares = values.map { max(1e-12, (limit / 2 - $0 / 2) / reach) }
    let median = shares.sorted()[shares.count / 2]
    return shares.map { min($0, clip * median) }
  }
}
