// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import Testing

@testable import Algorithms

@Suite struct GoodBadSplitTests {
  @Test func sizesFollowTheRules() {
    // (n, gamma, good): ceil(0.15 n) and ceil(gamma sqrt n), both at most 25.
    let cases: [(Int, Double?, Int)] = [
      (1, nil, 1), (2, nil, 1), (7, nil, 2), (20, nil, 3), (50, nil, 8), (1000, nil, 25),
      (1, 0.25, 1), (50, 0.25, 2), (400, 0.5, 10), (1_000_000, 0.9, 25),
    ]
    for (n, gamma, expected) in cases {
      let split = GoodBadSplit(objectives: (0..<n).map { Double(n - $0) }, gamma: gamma)
      #expect(split.good.count == expected && split.bad.count == n - expected, "n = \(n)")
      #expect(split.good.first == n - 1 && split.weights.count == expected)
    }
    #expect(GoodBadSplit(objectives: [], gamma: nil).good.isEmpty)
  }

  @Test func failedPointsAreTheWorst() {
    let split = GoodBadSplit(objectives: [3, .nan, 1, .infinity, 2, -.infinity], gamma: nil)
    #expect(split.finished == 3)
    #expect(split.good == [2])
    #expect(split.bad == [4, 0, 1, 3, 5])
  }

  /// Watanabe's weights: the improvement over the best bad value.
  @Test func weightsAreImprovements() {
    let weights = GoodBadSplit.weights([1, 2, 4], limit: 5)
    #expect(abs(weights[0] / weights[1] - 4.0 / 3) < 1e-12)
    #expect(abs(weights[1] / weights[2] - 3) < 1e-12)
    // One value far ahead weighs five medians.
    let ahead = GoodBadSplit.weights([-1e9, 1, 1, 1], limit: 2)
    #expect(abs(ahead[0] / ahead[1] - 5) < 1e-9)
    #expect(GoodBadSplit.weights([1, 1], limit: 1) == [1, 1])
    let huge = GoodBadSplit.weights([-1.7e308, 0], limit: 1.7e308)
    #expect(huge.allSatisfy { $0.isFinite })
  }

  @Test func aBatchCostsOneKernelPerPoint() {
    let axes: [Axis] = [.continuous, .grid(GridAxis(count: 50)), .categorical(count: 3)]
    let history = EngineTests.history(axes, count: 40, pending: 500) { i, _ in Double(i) }
    var ranking = CandidateRanking(
      axes: axes, settings: TPEEngine.Settings(),
      split: GoodBadSplit(objectives: history.objectives, gamma: nil), history: history,
      chosen: PointList(dimension: 3))
    let before = (ranking.kernelCount, ranking.surrogateCount)
    #expect(before.0 == 40 + 500 + 2 && before.1 == 40 + CandidateRanking.pendingCount)
    var random = RandomSource(seed: 1, purpose: "ranking test")
    for _ in 0..<300 { ranking.addPending(EngineTests.randomPoint(axes, &random)) }
    #expect(ranking.kernelCount == before.0 + 300)
    #expect(
      ranking.surrogateCount
        <= CandidateRanking.trainingCount + 2 * CandidateRanking.pendingCount)
  }
}
