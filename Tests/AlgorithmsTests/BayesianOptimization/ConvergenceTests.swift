// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Glibc
import Numerics
import Testing

@testable import Algorithms

/// Functions with known optima. Each bound is out of reach of random search: the share of random
/// points that meet it is so small that all trials together would hit it in less than one run of
/// fifty.
@Suite struct BayesianOptimizerConvergenceTests {
  struct Problem: Sendable, CustomTestStringConvertible {
    var name: String
    var axes: [ModelAxis]
    var trials: Int
    var bound: Double
    var function: @Sendable ([Double]) -> Double
    var testDescription: String { name }
  }

  static let problems = [
    Problem(
      name: "a rotated ellipsoid", axes: Array(repeating: .continuous, count: 3), trials: 24,
      bound: 2e-3
    ) { x in
      let a = x[0] + x[1] - 0.9
      let b = x[0] - x[1] + 0.2
      let c = x[2] - 0.7
      return a * a + 4 * b * b + 2 * c * c
    },
    Problem(
      name: "one good value per axis, one category",
      axes: [
        .continuous, .cells(GridAxis(count: 100)), .grid(positions: [0.05, 0.2, 0.5, 0.95]),
        .categorical(count: 5),
      ], trials: 28, bound: 0.02
    ) { x in
      let a = x[0] - 0.21
      let b = (x[1] - 77) / 100
      return a * a + b * b + (x[2] == 2 ? 0 : 0.3) + (x[3] == 3 ? 0 : 0.3)
    },
  ]

  /// The best value after all trials; `parallel` trials are always running.
  private func run(
    _ problem: Problem, seed: UInt64, parallel: Int,
    settings: BayesianOptimizer.Settings = .init()
  ) throws -> Double {
    var observations = BayesianOptimizer.Observations()
    var settings = settings
    settings.seed = seed
    let optimizer = BayesianOptimizer(
      axes: problem.axes, settings: settings, maximumTrials: problem.trials)
    var issued = 0
    while observations.finished.count < problem.trials {
      let free = min(parallel - observations.pending.count, problem.trials - issued)
      if free > 0 {
        observations.pending += try optimizer.suggest(
          free, position: issued, observations: observations, work: Work())
        issued += free
      }
      let point = observations.pending.removeFirst()
      observations.finished.append(point)
      observations.values.append(problem.function(point))
    }
    return observations.values.min() ?? .infinity
  }

  @Test(arguments: zip(problems, [1, 4]))
  func gaussianProcessFindsTheOptimum(problem: Problem, parallel: Int) throws {
    let results = try (0..<3).map { try run(problem, seed: UInt64($0), parallel: parallel) }
    #expect(results.filter { $0 < problem.bound }.count >= 2, "seeds 0, 1, 2: \(results)")
  }

  /// Without a margin it took steps of nothing beside the best point, and was worse than random search.
  @Test func probabilityOfImprovementLooksFurther() throws {
    var settings = BayesianOptimizer.Settings()
    settings.acquisition = .probabilityOfImprovement
    let problem = BayesianOptimizerConvergenceTests.problems[1]
    let results = try (0..<3).map {
      try run(problem, seed: UInt64($0), parallel: 1, settings: settings)
    }
    #expect(results.filter { $0 < problem.bound }.count >= 2, "seeds 0, 1, 2: \(results)")
  }
}
