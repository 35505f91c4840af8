// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The strategy parameters of CMA-ES for a dimension and a population size: Hansen, "The CMA
/// Evolution Strategy: A Tutorial" (arXiv 1604.00772), table 1; equation numbers are his.
struct CMAConstants: Sendable, Equatable {
  let dimension: Int
  /// Population size lambda.
  let population: Int
  /// Number of parents mu.
  let parents: Int
  /// One weight per rank, the positive ones sum to 1, the negative ones stand for active CMA.
  let weights: [Double]
  /// Variance-effective selection mass of the parents.
  let effective: Double
  let rankOneRate: Double
  let rankMuRate: Double
  let meanRate = 1.0
  let sigmaRate: Double
  let sigmaDamping: Double
  let pathRate: Double
  /// E |N(0, I)|.
  let expectedNorm: Double

  /// lambda = 4 + floor(3 ln n), equation 48.
  static func defaultPopulation(dimension: Int) -> Int {
    4 + Int((3 * log(Double(max(dimension, 1)))).rounded(.down))
  }

  /// - Parameters:
  ///   - dimension: n, at least 1.
  ///   - population: lambda, at least 4.
  init(dimension: Int, population: Int) {
    let n = Double(dimension)
    let raw = (1...population).map { log(Double(population + 1) / 2) - log(Double($0)) }
    let mu = population / 2
    func effectiveMass(_ part: ArraySlice<Double>) -> Double {
      let sum = part.reduce(0, +)
      return sum * sum / part.reduce(0) { $0 + $1 * $1 }
    }
    let muEff = effectiveMass(raw[..<mu])
    let muEffMinus = effectiveMass(raw[mu...])
    let c1 = 2 / ((n + 1.3) * (n + 1.3) + muEff)
    let cMu = min(1 - c1 - 1e-8, 2 * (muEff - 2 + 1 / muEff) / ((n + 2) * (n + 2) + muEff))
    // Equations 50 to 53: how much the negative weights may weigh.
    let limit = min(
      1 + c1 / cMu, 1 + 2 * muEffMinus / (muEff + 2), (1 - c1 - cMu) / (n * cMu))
    let positive = raw.reduce(0) { $0 + max($1, 0) }
    let negative = raw.reduce(0) { $0 - min($1, 0) }
    weights = raw.map { $0 >= 0 ? $0 / positive : limit * $0 / negative }
    self.dimension = dimension
    self.population = population
    parents = mu
    effective = muEff
    rankOneRate = c1
    rankMuRate = cMu
    sigmaRate = (muEff + 2) / (n + muEff + 5)
    sigmaDamping = 1 + 2 * max(0, ((muEff - 1) / (n + 1)).squareRoot() - 1) + sigmaRate
    pathRate = (4 + muEff / n) / (n + 4 + 2 * muEff / n)
    expectedNorm = n.squareRoot() * (1 - 1 / (4 * n) + 1 / (21 * n * n))
  }
}
