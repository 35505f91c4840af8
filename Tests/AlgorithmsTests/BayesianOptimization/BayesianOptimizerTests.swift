// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Glibc
import Numerics
import Testing

@testable import Algorithms

@Suite struct BayesianOptimizerTests {
  static let mixed: [ModelAxis] = [
    .continuous, .grid(positions: [0.1, 0.3, 0.9]), .cells(GridAxis(count: 50)),
    .categorical(count: 4),
  ]
  static let estimators: [BayesianOptimizer.Estimator] = [
    .gaussianProcess, .randomForest, .extraTrees, .gradientBoosting,
  ]

  private func optimizer(
    _ axes: [ModelAxis] = mixed, _ estimator: BayesianOptimizer.Estimator = .gaussianProcess,
    acquisition: BayesianOptimizer.AcquisitionName = .portfolio, seed: UInt64 = 1
  ) -> BayesianOptimizer {
    BayesianOptimizer(
      axes: axes,
      settings: .init(estimator: estimator, acquisition: acquisition, seed: seed),
      maximumTrials: nil)
  }

  /// Distinct random points.
  private func points(_ count: Int, on axes: [ModelAxis], seed: UInt64 = 7) -> [[Double]] {
    var random = RandomSource(seed: seed, purpose: "optimizer tests")
    return (0..<count).map { _ in axes.map { $0.value(atUniform: random.uniform()) } }
  }

  private func isFeasible(_ point: [Double], on axes: [ModelAxis]) -> Bool {
    point.count == axes.count
      && zip(point, axes).allSatisfy { value, axis in
        guard let count = axis.count else { return (0...1).contains(value) }
        return value == value.rounded() && value >= 0 && value < Double(count)
      }
  }

  // MARK: - Hard inputs

  static let hardValues: [(String, @Sendable (Int) -> Double)] = [
    ("all equal", { _ in 3 }),
    ("huge", { ($0 % 2 == 0 ? 1 : -1) * 1e300 / Double($0 + 1) }),
    ("tiny", { 1e-300 * Double($0) }),
    ("huge and tiny", { $0 % 3 == 0 ? 1e300 : 1e-300 * Double($0) }),
    ("not finite", { [.nan, .infinity, -.infinity][$0 % 3] }),
    ("some finite", { $0 % 4 == 0 ? Double($0) : .nan }),
    ("one finite", { $0 == 0 ? 1 : .infinity }),
  ]

  @Test(arguments: estimators, hardValues.indices)
  func hardValuesGiveFeasibleDistinctPoints(
    estimator: BayesianOptimizer.Estimator, index: Int
  ) throws {
    let (name, value) = Self.hardValues[index]
    let known = points(20, on: Self.mixed)
    let observations = BayesianOptimizer.Observations(
      finished: known, values: known.indices.map(value))
    let proposed = try optimizer(Self.mixed, estimator).suggest(
      3, position: 20, observations: observations, work: Work())
    #expect(proposed.count == 3)
    #expect(proposed.allSatisfy { isFeasible($0, on: Self.mixed) }, "\(name): \(proposed)")
    #expect(Set(proposed + known).count == Set(known).count + 3, "\(name)")
  }

  @Test(arguments: [
    (finished: 0, failed: 0, pending: 0), (0, 12, 0), (1, 0, 0), (1, 5, 3), (2, 20, 0), (0, 0, 30),
    (3, 0, 30),
  ])
  func fewFinishedTrialsAreEnough(finished: Int, failed: Int, pending: Int) throws {
    let all = points(finished + failed + pending, on: Self.mixed)
    let observations = BayesianOptimizer.Observations(
      finished: Array(all[..<finished]), values: (0..<finished).map { Double($0) },
      failed: Array(all[finished..<finished + failed]), pending: Array(all[(finished + failed)...]))
    let proposed = try optimizer().suggest(
      4, position: all.count, observations: observations, work: Work())
    #expect(proposed.allSatisfy { isFeasible($0, on: Self.mixed) })
    #expect(Set(proposed + all).count == all.count + 4)
  }

  /// With 1,300 running trials a reply took over 60 s and 138 MB: each adds a row to every posterior.
  @Test func fewOfManyPendingTrialsAreModelled() throws {
    let limit = AlgorithmLimits.modelledPending
    let all = points(1_000, on: Self.mixed)
    var observations = BayesianOptimizer.Observations(
      finished: Array(all[..<5]), values: [3, 1, 2, 5, 4], pending: Array(all[5...]))
    let known = Known(observations)
    let modelled = known.modelledPending(axes: Self.mixed, limit: limit)
    #expect(modelled.count == limit)
    #expect(Set(modelled).isSubset(of: known.pending))
    #expect(known.modelledPending(axes: Self.mixed, limit: 2_000).count == known.pending.count)

    let work = Work()
    let proposed = try optimizer().suggest(
      2, position: all.count, observations: observations, work: work)
    #expect(Set(proposed + all).count == all.count + 2)
    // The order in which they are listed does not matter, and the cost does not grow with them.
    observations.pending.reverse()
    let again = try optimizer().suggest(
      2, position: all.count, observations: observations, work: Work())
    #expect(again == proposed)
  }

  @Test func twoHundredAxes() throws {
    let axes: [ModelAxis] = (0..<200).map { $0 % 3 == 0 ? .categorical(count: 3) : .continuous }
    let known = points(30, on: axes)
    let observations = BayesianOptimizer.Observations(
      finished: known, values: known.map { $0[1] })
    let work = Work()
    let proposed = try optimizer(axes).suggest(
      2, position: 30, observations: observations, work: work)
    #expect(proposed.allSatisfy { isFeasible($0, on: axes) })
  }

  @Test(
    arguments: [
      [], [.categorical(count: 1)], [.grid(positions: [0.5]), .cells(GridAxis(count: 1))],
    ] as [[ModelAxis]])
  func aSpaceOfOnePointIsProposedAgainAndAgain(axes: [ModelAxis]) throws {
    let only = axes.map { _ in 0.0 }
    for n in [0, 1, 12] {
      let observations = BayesianOptimizer.Observations(
        finished: Array(repeating: only, count: n), values: Array(repeating: 1, count: n))
      let proposed = try optimizer(axes).suggest(
        2, position: n, observations: observations, work: Work())
      #expect(proposed == [only, only])
    }
  }

  /// Every point of a small space comes once before any comes twice.
  /// The portfolio takes expected improvement and a confidence bound in turn, by position.
  @Test func thePortfolioAlternates() throws {
    typealias Name = BayesianOptimizer.AcquisitionName
    #expect(Name.portfolio.function(at: 40) == .logExpectedImprovement)
    #expect(Name.portfolio.function(at: 41) == .confidenceBound(kappa: 1.8))
    func next(_ name: Name, after count: Int) throws -> [[Double]] {
      let known = points(count, on: Self.mixed)
      let observations = BayesianOptimizer.Observations(
        finished: known, values: known.map { $0[0] + sin(9 * $0[0]) + $0[1] })
      return try optimizer(acquisition: name).suggest(
        1, position: count, observations: observations, work: Work())
    }
    #expect(try next(.portfolio, after: 12) == next(.expectedImprovement, after: 12))
    #expect(try next(.portfolio, after: 13) != next(.expectedImprovement, after: 13))
  }

  @Test(arguments: estimators)
  func aSmallSpaceIsExhaustedBeforeAnythingRepeats(
    estimator: BayesianOptimizer.Estimator
  ) throws {
    let axes: [ModelAxis] = [.grid(positions: [0, 0.5, 1]), .categorical(count: 4)]
    var observations = BayesianOptimizer.Observations()
    for position in 0..<12 {
      let point = try optimizer(axes, estimator).suggest(
        1, position: position, observations: observations, work: Work())[0]
      #expect(!observations.finished.contains(point), "position \(position)")
      observations.finished.append(point)
      observations.values.append(point[0] + point[1])
    }
    let more = try optimizer(axes, estimator).suggest(
      2, position: 12, observations: observations, work: Work())
    #expect(more.allSatisfy { isFeasible($0, on: axes) })
  }

  @Test func largeRequestsDiffer() throws {
    let known = points(30, on: Self.mixed)
    let observations = BayesianOptimizer.Observations(
      finished: known, values: known.map { $0[0] })
    let proposed = try optimizer().suggest(
      40, position: 30, observations: observations, work: Work())
    #expect(Set(proposed + known).count == 70)
  }

  // MARK: - Statelessness

  @Test(arguments: estimators)
  func theOrderOfTheHistoryDoesNotMatter(estimator: BayesianOptimizer.Estimator) throws {
    let all = points(24, on: Self.mixed)
    // Ties, so that the order by value alone would not be enough.
    let values = (0..<16).map { Double($0 / 3) }
    func ask(_ order: [Int]) throws -> [[Double]] {
      let finished = order.filter { $0 < 16 }
      return try optimizer(Self.mixed, estimator).suggest(
        2, position: 24,
        observations: .init(
          finished: finished.map { all[$0] }, values: finished.map { values[$0] },
          failed: order.filter { (16..<20).contains($0) }.map { all[$0] },
          pending: order.filter { $0 >= 20 }.map { all[$0] }), work: Work())
    }
    var random = RandomSource(seed: 3, purpose: "shuffle")
    #expect(try ask(Array(0..<24)) == ask((0..<24).shuffled(using: &random)))
  }

  @Test func theSeedMattersAndNothingElseDoes() throws {
    let known = points(12, on: Self.mixed)
    let observations = BayesianOptimizer.Observations(finished: known, values: known.map { $0[0] })
    func ask(_ seed: UInt64, position: Int) throws -> [[Double]] {
      try optimizer(seed: seed).suggest(
        2, position: position, observations: observations, work: Work())
    }
    // In the design as well as with a model.
    #expect(try ask(1, position: 2) == ask(1, position: 2))
    #expect(try ask(1, position: 12) == ask(1, position: 12))
    #expect(try ask(1, position: 2) != ask(2, position: 2))
  }

  // MARK: - Cost

  /// Operations, not seconds: from the limit of the posterior on, a longer history costs nothing.
  @Test func theCostDoesNotGrowWithTheHistory() throws {
    let axes: [ModelAxis] = Array(repeating: .continuous, count: 10)
    func spent(_ n: Int) throws -> Int {
      let known = points(n, on: axes)
      let work = Work()
      _ = try optimizer(axes).suggest(
        1, position: n,
        observations: .init(finished: known, values: known.map { ($0[0] - 0.3) * $0[1] }),
        work: work)
      return work.spent
    }
    let thousand = try spent(1000)
    #expect(thousand < 1_500_000_000)
    #expect(try Double(spent(14_500)) < 1.5 * Double(thousand))
  }

  @Test func workCanBeCancelledBetweenSteps() throws {
    struct Cancelled: Error {}
    let known = points(30, on: Self.mixed)
    let observations = BayesianOptimizer.Observations(finished: known, values: known.map { $0[0] })
    for estimator in Self.estimators {
      var steps = 0
      let work = Work {
        steps += 1
        if steps > 5 { throw Cancelled() }
      }
      #expect(throws: Cancelled.self) {
        try optimizer(Self.mixed, estimator).suggest(
          3, position: 30, observations: observations, work: work)
      }
    }
  }
}
