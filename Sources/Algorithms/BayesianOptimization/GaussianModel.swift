// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// The Gaussian process of one request: fitted once, then asked point after point.
struct GaussianModel {
  /// Joint draws at the running trials.
  static let fantasies = 64

  let axes: [ModelAxis]
  let settings: BayesianOptimizer.Settings
  private var posterior: Posterior
  private var logDuration: Posterior?
  /// Known points, the most promising first.
  private let promising: [[Double]]
  private var pendingPoints = 0

  init(
    axes: [ModelAxis], known: Known, settings: BayesianOptimizer.Settings, work: Work
  ) throws {
    self.axes = axes
    self.settings = settings
    let warped = GaussianModel.warpedValues(known)
    let count = known.finished.count
    // Failed trials: the worst value seen and a little more. A cliff would bend the whole model,
    // and a failure may have been the machine's fault.
    let worst = (warped.max() ?? 0) + 0.5
    let everyPoint = known.finished + known.failed
    let everyValue = warped + known.failed.map { _ in worst }

    let fitted = GaussianModel.spread(
      count: everyPoint.count, limit: BayesianOptimizer.fitLimit)
    let parameters = try GaussianProcess(
      axes: axes, points: PointSet(fitted.map { everyPoint[$0] }, on: axes),
      values: fitted.map { everyValue[$0] }
    ).fit(work)

    let kept = GaussianModel.kept(
      everyPoint, axes: axes, parameters: parameters, limit: BayesianOptimizer.posteriorLimit)
    let process = GaussianProcess(
      axes: axes, points: PointSet(kept.map { everyPoint[$0] }, on: axes),
      values: kept.map { everyValue[$0] })
    let measured = kept.prefix { $0 < count }.count
    try work.spend(kept.count * kept.count * kept.count / 12)
    posterior = try GaussianModel.posterior(process, parameters, measured: measured)
    let fittedMeans = posterior.fitted
    promising = (0..<measured).sorted {
      fittedMeans[$0] != fittedMeans[$1] ? fittedMeans[$0] < fittedMeans[$1] : $0 < $1
    }.prefix(5).map { everyPoint[kept[$0]] }
    if settings.acquisition.isPerSecond {
      logDuration = try GaussianModel.durations(axes: axes, known: known, work: work)
    }
  }

  static func warpedValues(_ known: Known) -> [Double] {
    OutputWarp.warped(known.values)
  }

  /// A posterior always exists: with enough noise every covariance matrix has a factor.
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

  struct NumericalFailure: Error {}

  /// The model of ln seconds; nil where fewer than three durations are known.
  private static func durations(axes: [ModelAxis], known: Known, work: Work) throws -> Posterior? {
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

  // MARK: - Pending points

  mutating func addPending(_ points: [[Double]], seed: UInt64, position: Int) {
    var random = RandomSource(
      seed: seed, purpose: "bayesian fantasies", index: UInt64(max(0, position)))
    let sobol = SobolSequence(
      dimension: pendingPoints + points.count, seed: random.next())
    for point in points {
      let coordinates = axes.indices.map { axes[$0].coordinate(of: point[$0]) }
      // Fantasy m is point m of a Sobol sequence with one dimension per pending point.
      let normals = (0..<Self.fantasies).map { m in
        Normal.quantile(max(sobol.point(at: UInt64(m))[pendingPoints], 0x1p-60))
      }
      posterior.addPending(coordinates, normals: normals)
      pendingPoints += 1
    }
  }

  // MARK: - Proposals

  func propose(
    index: Int, slot: Int, of count: Int, taken: Set<[Double]>, work: Work
  ) throws -> [Double]? {
    let acquisition = GaussianAcquisition(
      function: function(index: index, slot: slot), posterior: posterior,
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

  private func function(index: Int, slot: Int) -> AcquisitionFunction {
    switch settings.acquisition {
    case .expectedImprovement, .expectedImprovementPerSecond: return .logExpectedImprovement
    case .probabilityOfImprovement, .probabilityOfImprovementPerSecond:
      return .logProbabilityOfImprovement
    case .lowerConfidenceBound: return .confidenceBound(kappa: 1.96)
    case .portfolio:
      let explore = Int(Tuning.current("peEvery", 0))
      if explore > 0 && index % explore == explore - 1 {
        return .confidenceBound(kappa: Tuning.current("peKappa", 1.8))
      }
      return .logExpectedImprovement
    }
  }
}
