// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct LoneFailuresTests {
  private func failures(
    _ axes: [Axis], _ trials: [(point: [Double], hasFailed: Bool)]
  ) -> LoneFailures {
    var failures = LoneFailures(axes: axes)
    for trial in trials { failures.add(trial.point, hasFailed: trial.hasFailed) }
    return failures
  }

  @Test func aFailureAmongSuccessesIsLone() {
    // Five successes around 0.2, five failures around 0.8, and one failure among the successes.
    let successes = [0.1, 0.15, 0.2, 0.25, 0.3].map { ([$0], false) }
    let region = [0.7, 0.75, 0.8, 0.85, 0.9].map { ([$0], true) }
    let trials = successes + region + [([0.21], true)]
    #expect(failures([.continuous], trials).indices == [10])
  }

  /// Of five neighbours three must have failed, of four or of two half are enough.
  @Test(
    arguments: [
      ([false, false, false, true, true], true), ([false, false, true, true, true], false),
      ([false, false, true, true], false), ([false, false, false, true], true),
      ([false, true], false), ([false], true), ([true], false), ([], false),
    ] as [([Bool], Bool)])
  func aMajorityDecides(neighbours: [Bool], isLone: Bool) {
    // The others are close by, and apart from one another.
    let others = neighbours.enumerated().map { ([0.5 + 0.01 * Double($0 + 1)], $1) }
    // Farther failures are not asked.
    let far = neighbours.count < LoneFailures.neighbours ? [] : (0..<9).map { _ in ([1.0], true) }
    let found = failures([.continuous], [([0.5], true)] + others + far).indices
    #expect(found.contains(0) == isLone)
  }

  /// An edge of the cube is as far as another category.
  @Test func everyAxisHasTheSameReach() {
    let axes: [Axis] = [.grid(GridAxis(count: 101)), .categorical(count: 3)]
    let near = (1...5).map { ([Double(10 * $0), 0.0], false) }
    let others = (1...5).map { ([Double($0), 1.0], true) }
    #expect(failures(axes, [([0, 0], true)] + near + others).indices.contains(0))
    #expect(failures(axes, [([0, 1], true)] + near + others).indices == [])
  }

  /// What went well on a short run says nothing of failures that come later.
  @Test func resultsOfShorterTrialsAreNotAsked() {
    var failures = LoneFailures(axes: [.continuous])
    for x in [0.4, 0.45, 0.5, 0.55, 0.6] { failures.add([x], hasFailed: false, level: 0) }
    for x in [0.42, 0.47, 0.52, 0.57] { failures.add([x], hasFailed: true, level: 1) }
    #expect(failures.indices == [])
    for x in [0.41, 0.46, 0.51, 0.56] { failures.add([x], hasFailed: false, level: 2) }
    #expect(failures.indices == [5, 6, 7, 8])
  }

  @Test func whatIsForgivenIsMerelyAvoided() {
    let points = PointList(dimension: 1, points: [[0.1], [0.2], [0.15], [0.9], [0.3]])
    var history = EngineHistory(
      evaluated: points, objectives: [1, 2, .nan, 4, 5], pending: PointList(dimension: 1))
    history.durations = [10, 20, 30, 40, 50]
    history.forgiveLoneFailures(axes: [.continuous])
    #expect(history.evaluated.values == [0.1, 0.2, 0.9, 0.3])
    #expect(history.objectives == [1, 2, 4, 5])
    #expect(history.durations == [10, 20, 40, 50])
    #expect(history.avoided.values == [0.15])
  }

  /// Ten thousand failures of ten thousand are found in a moment, and the earliest teach nothing.
  @Test func manyFailuresAreBounded() {
    var random = RandomSource(seed: 1, purpose: "lone failures")
    var failures = LoneFailures(axes: Array(repeating: .continuous, count: 20))
    for _ in 0..<10_000 { failures.add((0..<20).map { _ in random.uniform() }, hasFailed: true) }
    #expect(failures.indices == Array(0..<10_000 - LoneFailures.most))
  }

  static let specs: [ParameterSpec] = [
    .double("x", "0", "1"), .double("y", "0", "1"), .categorical("c", ["a", "b", "c"]),
  ]

  /// The distance of the best of `count` trials from the optimum, of which some fail.
  private func best(
    _ algorithm: String, _ seed: Int, _ count: Int,
    fails: (_ x: Double, _ number: Int) -> Bool
  ) throws -> Double {
    let experiment = ConformanceCase(algorithm).experiment(
      LoneFailuresTests.specs, settings: .of(["random_state": "\(seed)"]))
    var trials: [TrialFixture] = []
    var best = Double.infinity
    for position in 0..<count {
      let suggestion = try #require(
        try experiment.ask(1, after: trials, position: position).suggestions.first)
      let values = suggestion.assignments.map(\.value)
      let (x, y) = (NumberText.parse(values[0]) ?? .nan, NumberText.parse(values[1]) ?? .nan)
      let loss = (x - 0.3) * (x - 0.3) + (y - 0.6) * (y - 0.6) + (values[2] == "b" ? 0 : 0.3)
      let hasFailed = fails(x, position)
      if !hasFailed { best = min(best, loss) }
      trials.append(
        TrialFixture(
          suggestion.trialName, hasFailed ? .failed : .succeeded, suggestion.assignments,
          objective: hasFailed ? nil : NumberText.text(loss), startTime: Int64(10 * position),
          completionTime: Int64(10 * position + 5)))
    }
    return best
  }

  /// A fifth of the trials failed for no reason of theirs. Each failure beside the optimum drove the
  /// models away: Gaussian processes ended 10^5 times farther off than with no failure.
  @Test(arguments: [("tpe", 60), ("cmaes", 60), ("bayesianoptimization", 30)])
  func failuresOfChanceDriveNobodyAway(algorithm: String, count: Int) throws {
    func median(_ fails: (UInt64) -> (Double, Int) -> Bool) throws -> Double {
      try (1...5).map { try best(algorithm, $0, count, fails: fails(UInt64($0))) }.sorted()[2]
    }
    let disturbed = try median { seed in
      { _, number in
        var random = RandomSource(seed: seed, purpose: "failures", index: UInt64(number))
        return random.uniform() < 0.2
      }
    }
    let undisturbed = try median { _ in { _, _ in false } }
    #expect(disturbed < 20 * undisturbed + 1e-6, "\(disturbed), without failures \(undisturbed)")
  }

  /// A region that always fails is still left.
  @Test(arguments: [("tpe", 60), ("cmaes", 60), ("bayesianoptimization", 30)])
  func regionsThatFailAreLeft(algorithm: String, count: Int) throws {
    var failed = 0
    for seed in 1...5 {
      _ = try best(algorithm, seed, count) { x, number in
        guard x > 0.5 else { return false }
        if number >= count / 2 { failed += 1 }
        return true
      }
    }
    #expect(Double(failed) < 0.35 * Double(5 * count / 2), "\(failed) of \(5 * count / 2)")
  }
}
