// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Glibc
internal import Numerics

/// The search distribution of CMA-ES, rebuilt by replaying evaluated points.
///
/// Points are told one by one in the order in which they ended; every lambda of them are a
/// generation, whoever proposed them and when. With synchronous batches of lambda this is CMA-ES
/// itself; with stragglers, more workers than lambda or another program's points it stays sound,
/// because an update takes any point as long as its step is shortened to a plausible length, and
/// no evaluation is ever dropped.
struct EvolutionReplay: Sendable {
  /// One evaluated point in the coordinates of the adaptation.
  private struct Member: Sendable {
    var numbers: [Double]
    var categories: [Int]
    var objective: Double
  }

  /// How fast the probabilities of categories follow the better half of a generation.
  static let categoryRate = 0.25
  /// Largest standard deviation along an axis, in units of the cube's side.
  static let widest = 0.5

  let axes: [Axis]
  let settings: CMAESEngine.Settings
  /// Axes of the covariance (continuous and grid), and categorical ones.
  let numeric: [Int]
  let categorical: [Int]
  private(set) var adaptation: CovarianceAdaptation
  /// A of the margin, 1 on continuous axes.
  private(set) var factors: [Double]
  private(set) var categories: [CategoryDistribution]
  private(set) var restarts = 0
  private var block: [Member] = []
  private var told = 0
  private var schedule: RestartSchedule
  private var stop: StopCriteria

  init(axes: [Axis], settings: CMAESEngine.Settings) {
    self.axes = axes
    self.settings = settings
    numeric = axes.indices.filter { if case .categorical = axes[$0] { false } else { true } }
    categorical = axes.indices.filter { if case .categorical = axes[$0] { true } else { false } }
    let n = max(numeric.count, 1)
    let population = settings.population ?? CMAConstants.defaultPopulation(dimension: n)
    let constants = CMAConstants(dimension: n, population: max(population, 4))
    adaptation = CovarianceAdaptation(
      constants: constants, mean: [Double](repeating: 0.5, count: n), sigma: settings.sigma)
    factors = [Double](repeating: 1, count: n)
    categories = []
    schedule = RestartSchedule(
      strategy: settings.restart, population: constants.population, seed: settings.seed)
    stop = StopCriteria(constants: constants, sigma: settings.sigma)
    categories = freshCategories()
    correctMargins()
  }

  private func freshCategories() -> [CategoryDistribution] {
    categorical.map {
      CategoryDistribution(count: axes[$0].count ?? 1, axes: categorical.count)
    }
  }

  // MARK: - Telling

  /// Tells one evaluated point; a generation's last point updates the distribution.
  mutating func tell(_ point: [Double], objective: Double) {
    var random = RandomSource(
      seed: settings.seed, purpose: "cmaes cell", index: UInt64(told))
    block.append(
      Member(
        numbers: numeric.indices.map { number(axis: $0, entry: point[numeric[$0]], &random) },
        categories: categorical.map { Int(point[$0]) },
        objective: objective.isFinite ? objective : .infinity))
    told += 1
    if block.count == adaptation.constants.population { endGeneration() }
  }

  /// The raw coordinate that stands for an entry: on a grid axis the sample's place inside the
  /// cell is unknown, so it is drawn again from the distribution given the cell.
  private func number(axis j: Int, entry: Double, _ random: inout RandomSource) -> Double {
    guard case .grid(let grid) = axes[numeric[j]] else { return entry }
    let k = Int(entry)
    let cell = grid.cell(k)
    let mean = adaptation.mean[j]
    let deviation = adaptation.sigma * adaptation.spread(j) * factors[j]
    // Cells at the ends reach to infinity, as the decoding does.
    let lower = k == 0 ? -Double.infinity : (cell.lower - mean) / deviation
    let upper = k == grid.count - 1 ? Double.infinity : (cell.upper - mean) / deviation
    let z = Normal.truncatedQuantile(random.uniformOpen(), from: lower, to: upper)
    return mean + z * deviation / factors[j]
  }

  private mutating func endGeneration() {
    let order = block.indices.sorted { (block[$0].objective, $0) < (block[$1].objective, $1) }
    let ranked = order.map { block[$0] }
    block.removeAll(keepingCapacity: true)
    let c = adaptation.constants
    guard ranked[0].objective < .infinity else { return }
    if ranked[0].objective == ranked[ranked.count - 1].objective {
      return endFlatGeneration(ranked)
    }
    let weights = EvolutionReplay.sharedWeights(c.weights, ranked.map(\.objective))
    if !numeric.isEmpty {
      let n = Double(c.dimension)
      adaptation.update(
        points: ranked.map(\.numbers), weights: weights,
        longest: n.squareRoot() + 2 * n / (n + 2))
      confine()
      correctMargins()
    }
    for (i, _) in categorical.enumerated() {
      categories[i].update(
        values: ranked.map { $0.categories[i] }, weights: weights,
        rate: EvolutionReplay.categoryRate)
    }
    stop.record(best: ranked[0].objective, worst: ranked[ranked.count - 1].objective)
    if settings.restart != .none, stop.isReached(by: adaptation) { restart() }
  }

  /// A generation that tells nothing but that there is nothing to tell points apart by. An update would
  /// take steps that cancel each other for a sign of convergence, and shrink the distribution to a point
  /// of the plateau; it widens instead (the tutorial's section B.3, "flat fitness").
  private mutating func endFlatGeneration(_ ranked: [Member]) {
    if !numeric.isEmpty {
      adaptation.widen()
      confine()
      correctMargins()
    }
    stop.record(best: ranked[0].objective, worst: ranked[0].objective)
    if settings.restart != .none, stop.isReached(by: adaptation) { restart() }
  }

  /// Equal objectives share the weights of their ranks evenly, so that a plateau pulls nowhere.
  static func sharedWeights(_ weights: [Double], _ objectives: [Double]) -> [Double] {
    var shared = weights
    var start = 0
    while start < objectives.count {
      var end = start + 1
      while end < objectives.count, objectives[end] == objectives[start] { end += 1 }
      let mean = weights[start..<end].reduce(0, +) / Double(end - start)
      for i in start..<end { shared[i] = mean }
      start = end
    }
    return shared
  }

  /// The mean stays inside the cube, sigma between what doubles resolve and half the range.
  private mutating func confine() {
    for j in numeric.indices {
      adaptation.mean[j] = min(max(adaptation.mean[j], 0), 1)
    }
    let widest = numeric.indices.reduce(0) { max($0, adaptation.spread($1)) }
    if widest > 0 {
      adaptation.sigma = min(max(adaptation.sigma, 1e-13 / widest), EvolutionReplay.widest / widest)
    }
  }

  private mutating func correctMargins() {
    let c = adaptation.constants
    let margin = Margin(margin: 1 / Double(c.dimension * c.population))
    for j in numeric.indices {
      guard case .grid(let grid) = axes[numeric[j]], grid.count > 1 else { continue }
      let mean = adaptation.mean[j]
      let k = grid.index(at: mean)
      let cell = grid.cell(k)
      let corrected = margin.corrected(
        mean: mean, deviation: adaptation.sigma * adaptation.spread(j), factor: factors[j],
        lower: k == 0 ? cell.upper : cell.lower,
        upper: k == grid.count - 1 ? cell.lower : cell.upper)
      adaptation.mean[j] = min(max(corrected.mean, 0), 1)
      factors[j] = corrected.factor
    }
  }

  // MARK: - Restarts

  private mutating func restart() {
    restarts += 1
    let n = adaptation.dimension
    let next = schedule.next(evaluations: adaptation.generation * adaptation.constants.population)
    var random = RandomSource(
      seed: settings.seed, purpose: "cmaes restart", index: UInt64(restarts))
    let mean = (0..<n).map { _ in random.uniform() }
    let constants = CMAConstants(dimension: n, population: next.population)
    adaptation = CovarianceAdaptation(
      constants: constants, mean: mean, sigma: settings.sigma * next.sigmaFactor)
    factors = [Double](repeating: 1, count: n)
    categories = freshCategories()
    stop = StopCriteria(constants: constants, sigma: adaptation.sigma)
    correctMargins()
  }

  // MARK: - Asking

  /// A point of the distribution.
  /// - Parameter z: a standard normal vector over the numeric axes.
  /// - Returns: the point, and whether every continuous coordinate was inside without clipping.
  func point(_ z: [Double], categoryRandom: inout RandomSource) -> (entries: [Double], inside: Bool)
  {
    var entries = [Double](repeating: 0, count: axes.count)
    var inside = true
    // Where every number is a constant there are categories alone, and the adaptation, which needs
    // a dimension, has one that nothing uses.
    let y = numeric.isEmpty ? [] : adaptation.step(z)
    for (j, d) in numeric.enumerated() {
      let step = adaptation.sigma * y[j]
      switch axes[d] {
      case .grid(let grid):
        let u = adaptation.mean[j] + factors[j] * step
        entries[d] = Double(grid.index(at: min(max(u, 0), 1)))
      default:
        let u = adaptation.mean[j] + step
        if u < 0 || u > 1 { inside = false }
        entries[d] = min(max(u, 0), 1)
      }
    }
    for (i, d) in categorical.enumerated() {
      entries[d] = Double(categories[i].sample(using: &categoryRandom))
    }
    return (entries, inside)
  }

  // MARK: - For the surrogate

  /// A point in the coordinates in which the present distribution is standard normal.
  func whitened(_ points: PointList, _ index: Int) -> [Double] {
    adaptation.whitened(
      numeric.indices.map { j in
        let entry = points[index, numeric[j]]
        var u = entry
        if case .grid(let grid) = axes[numeric[j]] { u = grid.center(Int(entry)) }
        return (u - adaptation.mean[j]) / adaptation.sigma
      })
  }

  func categoryEntries(_ point: [Double]) -> [Int] { categorical.map { Int(point[$0]) } }
}
