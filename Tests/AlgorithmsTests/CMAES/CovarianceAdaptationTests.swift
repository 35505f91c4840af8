// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Algorithms

@Suite struct CovarianceAdaptationTests {
  private func rows(_ values: [Double], _ n: Int) -> [[Double]] {
    stride(from: 0, to: values.count, by: n).map { Array(values[$0..<$0 + n]) }
  }

  /// Largest deviation relative to the largest entry.
  private func deviation(_ a: [Double], _ b: [Double]) -> Double {
    let scale = b.reduce(1e-300) { max($0, abs($1)) }
    return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } / scale
  }

  @Test(arguments: [
    (3, 7, CMAESReference.small), (6, 9, CMAESReference.larger),
  ])
  func followsTheReferenceStepByStep(dimension: Int, population: Int, generations: [Generation]) {
    var state = CovarianceAdaptation(
      constants: CMAConstants(dimension: dimension, population: population),
      mean: [Double](repeating: 0.4, count: dimension), sigma: 0.7)
    for (g, generation) in generations.enumerated() {
      state.update(points: rows(generation.points, dimension))
      #expect(deviation(state.mean, generation.mean) < 1e-9, "generation \(g)")
      #expect(abs(state.sigma / generation.sigma - 1) < 1e-9, "generation \(g)")
      #expect(deviation(state.covariance, generation.covariance) < 1e-9, "generation \(g)")
    }
  }

  @Test func marginsFollowTheReference() {
    let margin = Margin(margin: CMAESReference.margin)
    for (mean, deviation, factor, lower, upper, newMean, newFactor) in CMAESReference.margins {
      let corrected = margin.corrected(
        mean: mean, deviation: deviation, factor: factor, lower: lower, upper: upper)
      #expect(abs(corrected.mean - newMean) < 1e-8 * max(1, abs(newMean)), "mean \(mean)")
      #expect(abs(corrected.factor / newFactor - 1) < 1e-8, "mean \(mean), factor \(factor)")
    }
  }

  @Test func weightsSumAsTheTutorialDemands() {
    for n in [1, 2, 5, 40, 200] {
      let c = CMAConstants(
        dimension: n, population: CMAConstants.defaultPopulation(dimension: n))
      #expect(abs(c.weights.filter { $0 > 0 }.reduce(0, +) - 1) < 1e-12)
      #expect(c.rankOneRate + c.rankMuRate <= 1)
      // C stays positive definite: the negative weights take at most what decay leaves.
      let negative = -c.weights.filter { $0 < 0 }.reduce(0, +)
      #expect(negative * Double(n) * c.rankMuRate <= 1 - c.rankOneRate - c.rankMuRate + 1e-9)
    }
  }

  @Test func absurdStepsAreShortened() {
    let constants = CMAConstants(dimension: 2, population: 6)
    var state = CovarianceAdaptation(constants: constants, mean: [0.5, 0.5], sigma: 0.01)
    let far = (0..<6).map { [1e6 + Double($0), -1e6] }
    state.update(points: far, longest: 2.4)
    #expect(state.mean.allSatisfy { abs($0 - 0.5) < 0.03 })
    #expect(state.sigma.isFinite && state.covariance.allSatisfy(\.isFinite))
  }

  @Test func equalValuesShareTheirWeights() {
    let weights = [0.5, 0.3, 0.2, -0.4]
    #expect(EvolutionReplay.sharedWeights(weights, [1, 2, 3, 4]) == weights)
    let all = EvolutionReplay.sharedWeights(weights, [7, 7, 7, 7])
    #expect(all.allSatisfy { abs($0 - 0.15) < 1e-15 })
    let pair = EvolutionReplay.sharedWeights(weights, [1, 2, 2, .infinity])
    #expect(pair[0] == 0.5 && pair[1] == 0.25 && pair[2] == 0.25 && pair[3] == -0.4)
  }

  @Test func decompositionsBecomeRareInLargeSpaces() {
    // 9 n^3 operations each: the product with their number is what a long history costs.
    for (n, generations, most) in [(5, 200, 200), (40, 100, 13), (100, 60, 3)] {
      let constants = CMAConstants(
        dimension: n, population: CMAConstants.defaultPopulation(dimension: n))
      var state = CovarianceAdaptation(
        constants: constants, mean: [Double](repeating: 0.5, count: n), sigma: 0.1)
      let points: [[Double]] = (0..<constants.population).map { (k: Int) -> [Double] in
        (0..<n).map { (i: Int) -> Double in
          let residue = (i * 7 + k * 3) % 11
          return 0.5 + 0.01 * Double(residue)
        }
      }
      for _ in 0..<generations { state.update(points: points, longest: 3) }
      #expect(state.decompositions <= most, "\(n) dimensions: \(state.decompositions)")
      #expect(state.decompositions > 0 && state.covariance.allSatisfy(\.isFinite))
    }
  }
}
