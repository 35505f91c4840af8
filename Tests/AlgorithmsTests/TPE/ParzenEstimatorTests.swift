// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Glibc
import Numerics
import Testing

@testable import Algorithms

@Suite struct ParzenEstimatorTests {
  private func estimator(_ c: ParzenCase) -> ParzenEstimator {
    ParzenEstimator(
      axes: c.axes, points: PointList(dimension: c.axes.count, points: c.points),
      rows: Array(c.points.indices), weights: c.weights, priorWeight: c.prior)
  }

  @Test(arguments: ParzenReference.cases.indices)
  func densitiesFollowTheReference(index: Int) {
    let c = ParzenReference.cases[index]
    var estimator = estimator(c)
    for (query, expected) in zip(c.queries, c.logDensities) {
      let value = estimator.logDensity(at: query)
      #expect(abs(value - expected) < 1e-10 * max(1, abs(expected)), "\(query): \(value)")
    }
  }

  @Test func densitySumsToOne() {
    // Two coarse discrete axes can be summed exactly.
    let axes: [Axis] = [.grid(GridAxis(count: 9)), .categorical(count: 4)]
    let points = PointList(dimension: 2, points: [[0, 1], [3, 1], [3, 2], [8, 0]])
    var estimator = ParzenEstimator(
      axes: axes, points: points, rows: [0, 1, 2, 3], weights: [1, 0.5, 2, 1], priorWeight: 1)
    var sum = 0.0
    for i in 0..<9 {
      for k in 0..<4 { sum += exp(estimator.logDensity(at: [Double(i), Double(k)])) }
    }
    #expect(abs(sum - 1) < 1e-12)
  }

  @Test func samplesFollowTheDensity() {
    let axes: [Axis] = [.grid(GridAxis(count: 5)), .categorical(count: 3)]
    let points = PointList(dimension: 2, points: [[0, 1], [4, 2], [4, 2]])
    var estimator = ParzenEstimator(
      axes: axes, points: points, rows: [0, 1, 2], weights: [1, 1, 1], priorWeight: 1)
    var random = RandomSource(seed: 5, purpose: "parzen test")
    var counts = [Int](repeating: 0, count: 15)
    let draws = 30_000
    for _ in 0..<draws {
      let point = estimator.sample(using: &random)
      counts[Int(point[0]) * 3 + Int(point[1])] += 1
    }
    for i in 0..<5 {
      for k in 0..<3 {
        let p = exp(estimator.logDensity(at: [Double(i), Double(k)]))
        let bound = 5 * (p * (1 - p) * Double(draws)).squareRoot()
        let off = abs(Double(counts[i * 3 + k]) - p * Double(draws))
        #expect(off < bound, "seed 5, cell \(i) \(k): \(counts[i * 3 + k])")
      }
    }
  }
}
