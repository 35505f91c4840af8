// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Rewards on a scale that a policy gradient can work with: normal scores of the ranks.
///
/// Accuracies bunch up below a ceiling, losses have long tails, and now and then a network does
/// not train at all; standardised as they are, such a history teaches little but "not that one".
/// By rank every trial counts the same whatever the metric, and mean and spread are known.
enum RewardScale {
  /// How far below the worst finished trial a failed one stands, in deviations.
  static let failurePenalty: Float = 0.5

  /// - Parameter rewards: larger is better; nil is a failure.
  /// - Returns: one reward per trial, about standard normal; nil when nothing has finished.
  static func scaled(_ rewards: [Double?]) -> [Float]? {
    let finished = rewards.compactMap { $0 }
    guard !finished.isEmpty else { return nil }
    let order = finished.indices.sorted { (finished[$0], $0) < (finished[$1], $1) }
    let scores = HalfRankWarp.normalScores(finished, order)
    let worst = Float(scores[order[0]])
    var next = 0
    return rewards.map { reward in
      guard reward != nil else { return worst - failurePenalty }
      defer { next += 1 }
      return Float(scores[next])
    }
  }
}
