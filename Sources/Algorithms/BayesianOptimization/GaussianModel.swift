// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// Gaussian processes as the model: the most probable hyperparameters, and while the data are few
/// also some others that explain them well.
struct GaussianModel: Surrogate {
  /// Joint draws at the running trials, over all models together.
  static let fantasies = 64
  /// Hyperparameters besides the most probable ones. With few data many are plausible, and a model
  /// that is sure of the wrong ones stops exploring (docs/ablations-bayesianoptimization.md).
  static let alternatives = 8
  /// Up to that many points the alternatives are worth their cost.
  static let alternativesLimit = 150
  /// How much worse than the worst value a failed trial counts, in standard deviations. A cliff
  /// would bend the whole model, and a failure may have been the machine's fault.
  static let failurePenalty = 0.5

  private let axes: [ModelAxis]
  private let settings: BayesianOptimizer.Settings
  private let position: Int
  private var models: [Posterior]
  private let shares: [Double]
  private let logDuration: Posterior?
  /// Known points, the most promising first.
  private let promising: [[Double]]
  /// What a failed trial counts as.
  private let failure: Double
  private var pendingPoints = 0

  init(
    axes: [ModelAxis], known: Known, settings: BayesianOptimizer.Settings, position: Int,
    work: Work
  ) throws {
    self.axes = axes
    self.settings = settings
    self.position = position
    let warped = OutputWarp.warped(known.values)
    failure = (warped.max() ?? 0) + Self.failurePenalty
    let points = known.finished + known.failed
    let values = warped + known.failed.map { [failure] _ in failure }
    func process(_ indices: [Int]) -> GaussianProcess {
      GaussianProcess(
        axes: axes, points: PointSet(indices.map { points[$0] }, on: axes),
        values: indices.map { values[$0] })
    }

    let learner = process(
      Self.spread(count: points.count, limit: BayesianOptimizer.fitLimit))
    let parameters = try learner.fit(work)
    let kept = Self.kept(
      points, axes: axes, parameters: parameters, limit: BayesianOptimizer.posteriorLimit)
    let data = process(kept)
    let measured = kept.prefix { $0 < known.finished.count }.count
    try work.spend(Work.costOfFactor(points: kept.count))
    var models = [try Self.posterior(data, parameters, measured: measured)]
    var weights = [1.0]
    if kept.count <= Self.alternativesLimit {
      var random = RandomSource(
        seed: settings.seed, purpose: "bayesian hyperparameters", index: UInt64(max(0, position)))
      let drawn = try learner.alternatives(
        to: parameters, count: Self.alternatives, seed: random.next(), work: work)
      for (other, weight) in drawn {
        try work.spend(Work.costOfFactor(points: kept.count))
        guard let model = Posterior(data, parameters: other, measured: measured) else { continue }
        models.append(model)
        weights.append(weight)
      }
    }
    let total = weights.reduce(0, +)
    shares = weights.map { $0 / total }
    let fitted = models[0].fitted
    promising = (0..<measured).sorted {
      fitted[$0] != fitted[$1] ? fitted[$0] < fitted[$1] : $0 < $1
    }.prefix(5).map { points[kept[$0]] }
    self.models = models
    logDuration =
      settings.acquisition.isPerSecond
      ? try Self.durations(axes: axes, known: known, work: work) : nil
  }

  /// The posterior; with a very noisy stand-in where the hyperparameters give no factor.
  private static func posterior(
    _ process: GaussianProcess, _ parameters: Hyperparameters, measured: Int
  ) throws -> Posterior {
    if let posterior = Posterior(process, parameters: parameters, measured: measured) {
      return posterior
    }
    let noisy = Hyperparameters(
      lengthScales: parameters.lengthScales, signalVariance: 1, noiseVariance: 1)
    guard let posterior = Posterior(process, parameters: noisy, measured: measured) else {
      throw NumericalFailure()
    }
    return posterior
  }

  /// Even the noisy stand-in has no factor: cannot happen with finite data.
  struct NumericalFailure: Error {}

  /// The model of ln seconds; nil where fewer than three durations are known.
  static func durations(axes: [ModelAxis], known: Known, work: Work) throws -> Posterior? {
    let indices = known.durations.indices.filter { known.durations[$0] > 0 }
    guard indices.count >= 3 else { return nil }
    let subset = spread(count: indices.count, limit: BayesianOptimizer.fitLimit).map { indices[$0] }
    let logs = subset.map { log(known.durations[$0]) }
    let mean = logs.reduce(0, +) / Double(logs.count)
    let process = GaussianProcess(
      axes: axes, points: PointSet(subset.map { known.finished[$0] }, on: axes),
      values: logs.map { $0 - mean })
    let parameters = try process.fit(work)
    return try posterior(process, parameters, measured: subset.count)
  }

  // MARK: - Choice of points

  /// Indices: the better half of the limit, and an even choice of all others.
  static func spread(count: Int, limit: Int) -> [Int] {
    guard count > limit else { return Array(0..<count) }
    let best = limit / 2
    let others = limit - best
    return Array(0..<best)
      + (0..<others).map { best + ($0 * (count - best) + (count - best) / 2) / others }
  }

  /// Indices for the posterior, ascending: half of them the best, a quarter the nearest to the best
  /// point in units of the length scales, a quarter an even choice of all others.
  static func kept(
    _ points: [[Double]], axes: [ModelAxis], parameters: Hyperparameters, limit: Int
  ) -> [Int] {
    guard points.count > limit else { return Array(points.indices) }
    let best = limit / 2
    let kernel = MaternKernel(axes: axes, parameters: parameters)
    let rest = Array(best..<points.count)
    let nearness = kernel.covariance(
      PointSet(rest.map { points[$0] }, on: axes), PointSet([points[0]], on: axes)
    ).elements
    let byNearness = rest.indices.sorted {
      nearness[$0] != nearness[$1] ? nearness[$0] > nearness[$1] : $0 < $1
    }
    let near = byNearness.prefix(limit / 4).map { rest[$0] }
    let nearSet = Set(near)
    let others = rest.filter { !nearSet.contains($0) }
    let wanted = limit - best - near.count
    let even = (0..<wanted).map { others[($0 * others.count + others.count / 2) / wanted] }
    return (Array(0..<best) + near + even).sorted()
  }

  // MARK: - Points without a value

  mutating func addPending(_ points: [[Double]], work: Work) throws {
    guard !points.isEmpty else { return }
    var random = RandomSource(
      seed: settings.seed, purpose: "bayesian fantasies", index: UInt64(max(0, position)))
    // Fantasy m is point m of a Sobol sequence with one dimension per pending point.
    let sobol = SobolSequence(dimension: pendingPoints + points.count, seed: random.next())
    let each = max(Self.fantasies / models.count, 8)
    for point in points {
      try spendOnRow(work)
      let coordinates = axes.indices.map { axes[$0].coordinate(of: point[$0]) }
      for i in models.indices {
        // Every model has its own fantasies: the sequence goes on from one to the next.
        let normals = (0..<each).map { m in
          Normal.quantile(max(sobol.point(at: UInt64(i * each + m))[pendingPoints], 0x1p-60))
        }
        models[i].addPending(coordinates, normals: normals)
      }
      pendingPoints += 1
    }
  }

  private func spendOnRow(_ work: Work) throws {
    let n = models[0].points.count
    try work.spend(models.count * n * (n + models[0].fantasies * n / 16))
  }

  // MARK: - Proposals

  func propose(
    index: Int, of count: Int, taken: Set<[Double]>, work: Work
  ) throws -> [Double]? {
    let acquisition = GaussianAcquisition(
      function: settings.acquisition.function(at: index), models: models, shares: shares,
      logDuration: logDuration)
    var optimizer = AcquisitionOptimizer(axes: axes, taken: taken, promising: promising)
    if count > 4 {
      // A large batch shares the work of about four points.
      let root = Double(count).squareRoot()
      optimizer.rawPoints = Int(512 / root)
      optimizer.localPoints = Int(256 / root)
      optimizer.starts = 2
    }
    optimizer.usesGradient = settings.refinesWithGradient
    var random = RandomSource(
      seed: settings.seed, purpose: "bayesian acquisition", index: UInt64(max(0, index)))
    return try optimizer.maximize(acquisition, random: &random, work: work)
  }
}
