// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// When a run of CMA-ES has nothing left to find: the tests of Hansen's tutorial, section B.3.
struct StopCriteria: Sendable {
  private let term: Int
  private let firstSigma: Double
  private var best: [Double] = []
  private var worst: [Double] = []

  init(constants: CMAConstants, sigma: Double) {
    term =
      10 + Int((30 * Double(constants.dimension) / Double(constants.population)).rounded(.up))
    firstSigma = sigma
  }

  mutating func record(best: Double, worst: Double) {
    self.best.append(best)
    self.worst.append(worst)
    if self.best.count > term {
      self.best.removeFirst()
      self.worst.removeFirst()
    }
  }

  func isReached(by state: CovarianceAdaptation) -> Bool {
    let n = state.dimension
    // TolFun: all values of the last generations are equal.
    if best.count == term, state.generation > term,
      (worst.max() ?? 0) - (best.min() ?? 0) < 1e-12
    {
      return true
    }
    // TolX: the distribution is a point.
    let tolerance = 1e-12 * firstSigma
    if (0..<n).allSatisfy({
      state.sigma * state.spread($0) < tolerance
        && state.sigma * abs(state.covariancePath[$0]) < tolerance
    }) {
      return true
    }
    let high = state.scales.max() ?? 1
    let low = state.scales.min() ?? 1
    // TolXUp: sigma times the longest axis exploded. Condition: C has become numerically singular.
    if state.sigma * high > 1e4 || high * high > 1e14 * low * low { return true }
    // NoEffectCoord: a fifth of a deviation does not move the mean.
    return (0..<n).contains {
      state.mean[$0] == state.mean[$0] + 0.2 * state.sigma * state.spread($0)
    }
  }
}

/// Population sizes of successive runs: IPOP (Auger and Hansen, CEC 2005) doubles them; BIPOP
/// (Hansen, BBOB workshop 2009) alternates between a doubled one and small ones of random size
/// and step, giving both regimes the same number of evaluations.
struct RestartSchedule: Sendable {
  private let strategy: CMAESEngine.Restart
  private let population: Int
  private let seed: UInt64
  private var large = 0
  private var runs = 0
  private var inSmall = true
  private var smallEvaluations = 0
  private var largeEvaluations = 0
  /// Doublings beyond this have no history to fill them.
  private static let mostDoublings = 10

  init(strategy: CMAESEngine.Restart, population: Int, seed: UInt64) {
    self.strategy = strategy
    self.population = population
    self.seed = seed
  }

  /// - Parameter evaluations: what the run that just stopped has used.
  mutating func next(evaluations: Int) -> (population: Int, sigmaFactor: Double) {
    runs += 1
    if strategy == .ipop {
      large = min(large + 1, RestartSchedule.mostDoublings)
      return (population << large, 1)
    }
    if inSmall { smallEvaluations += evaluations } else { largeEvaluations += evaluations }
    if smallEvaluations < largeEvaluations {
      inSmall = true
      var random = RandomSource(seed: seed, purpose: "cmaes bipop", index: UInt64(runs))
      let u = random.uniform()
      let multiple = pow(Double(1 << large), u * u)
      return (
        max(4, Int(Double(population) * multiple)), pow(10, -2 * random.uniform())
      )
    }
    inSmall = false
    large = min(large + 1, RestartSchedule.mostDoublings)
    return (population << large, 1)
  }
}
