// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// A model of the objective, made for one request: fitted once, then asked for point after point.
protocol Surrogate {
  /// Takes a running trial, or a point just proposed, into account.
  mutating func addPending(_ points: [[Double]], work: Work) throws

  /// - Parameters:
  ///   - index: the position of the suggestion.
  ///   - count: how many points the request asks for.
  ///   - taken: points not to be proposed again.
  /// - Returns: the most promising point found; nil if every point met was taken.
  func propose(
    index: Int, of count: Int, taken: Set<[Double]>, work: Work
  ) throws -> [Double]?
}

/// Trees as the model.
struct TreeModel: Surrogate {
  /// Refitting after every point of a large request would cost too much.
  static let refits = 8

  private let axes: [ModelAxis]
  private let settings: BayesianOptimizer.Settings
  private let position: Int
  private var points: [[Double]]
  private var values: [Double]
  private var ensemble: TreeEnsemble
  private let incumbent: Double
  private let promising: [[Double]]
  private let logDuration: Posterior?
  private var unfitted = 0
  private let patience: Int

  init(
    axes: [ModelAxis], known: Known, settings: BayesianOptimizer.Settings, position: Int,
    count: Int, work: Work
  ) throws {
    self.axes = axes
    self.settings = settings
    self.position = position
    patience = 1 + (count - 1) / TreeModel.refits
    let warped = OutputWarp.warped(known.values)
    let all = known.finished + known.failed
    let targets = warped + known.failed.map { _ in (warped.max() ?? 0) + 0.5 }
    let kept = GaussianModel.spread(count: all.count, limit: BayesianOptimizer.posteriorLimit)
    points = kept.map { all[$0] }
    values = kept.map { targets[$0] }
    incumbent = warped.min() ?? 0
    promising = Array(known.finished.prefix(5))
    logDuration =
      settings.acquisition.isPerSecond
      ? try GaussianModel.durations(axes: axes, known: known, work: work) : nil
    ensemble = try TreeModel.fit(
      axes: axes, points: points, values: values, settings: settings, position: position,
      work: work)
  }

  private static func fit(
    axes: [ModelAxis], points: [[Double]], values: [Double],
    settings: BayesianOptimizer.Settings, position: Int, work: Work
  ) throws -> TreeEnsemble {
    var random = RandomSource(
      seed: settings.seed, purpose: "bayesian trees", index: UInt64(max(0, position)))
    return try TreeEnsemble(
      settings.estimator, points: PointSet(points, on: axes), values: values,
      isCategorical: axes.map { $0.isCategorical }, random: &random, work: work)
  }

  /// The model believes that a running trial will give what it predicts.
  mutating func addPending(_ pending: [[Double]], work: Work) throws {
    guard !pending.isEmpty else { return }
    let set = PointSet(pending, on: axes)
    for i in pending.indices { values.append(ensemble.predict(set, i).mean) }
    points += pending
    unfitted += 1
    guard unfitted >= patience else { return }
    unfitted = 0
    ensemble = try TreeModel.fit(
      axes: axes, points: points, values: values, settings: settings, position: position,
      work: work)
  }

  func propose(
    index: Int, of count: Int, taken: Set<[Double]>, work: Work
  ) throws -> [Double]? {
    let acquisition = TreeAcquisition(
      function: settings.acquisition.function(at: index), ensemble: ensemble, incumbent: incumbent,
      logDuration: logDuration)
    var optimizer = AcquisitionOptimizer(axes: axes, taken: taken, promising: promising)
    let root = Double(max(1, count)).squareRoot()
    optimizer.rawPoints = Int(1000 / root)
    optimizer.localPoints = Int(500 / root)
    optimizer.usesGradient = false
    var random = RandomSource(
      seed: settings.seed, purpose: "bayesian acquisition", index: UInt64(max(0, index)))
    return try optimizer.maximize(acquisition, random: &random, work: work)
  }
}
