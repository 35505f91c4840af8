// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// Bayesian optimisation over the unit cube: vectors in, vectors out.
///
/// A surrogate model of the objective is fitted to everything known; the next trial is where an
/// acquisition function of the model is largest (Garnett, Bayesian Optimization, 2023). Running
/// trials take part as fantasies, and so does every point already chosen for this request.
///
/// What surprises: there is no state. The same input gives the same output, in whatever order the
/// trials are listed, and the cost is bounded: hyperparameters are learned from at most
/// ``fitLimit`` points, the posterior knows at most ``posteriorLimit``.
struct BayesianOptimizer {
  static let fitLimit = 256
  static let posteriorLimit = 512

  /// The model of the objective, in the words of scikit-optimize.
  enum Estimator: String, CaseIterable, Sendable {
    case gaussianProcess = "GP"
    case randomForest = "RF"
    case extraTrees = "ET"
    case gradientBoosting = "GBRT"
  }

  /// What makes a point worth a trial, in the words of scikit-optimize.
  enum AcquisitionName: String, CaseIterable, Sendable {
    case portfolio = "gp_hedge"
    case lowerConfidenceBound = "LCB"
    case expectedImprovement = "EI"
    case probabilityOfImprovement = "PI"
    case expectedImprovementPerSecond = "EIps"
    case probabilityOfImprovementPerSecond = "PIps"

    var isPerSecond: Bool {
      self == .expectedImprovementPerSecond || self == .probabilityOfImprovementPerSecond
    }

    /// - Parameter index: the number of the suggestion. The portfolio alternates between expected
    ///   improvement and a confidence bound: each is at its best where the other is misled, and the
    ///   gains by which scikit-optimize weighs them are a state that nobody keeps here
    ///   (docs/ablations-bayesianoptimization.md).
    func function(at index: Int) -> AcquisitionFunction {
      switch self {
      case .portfolio:
        index.isMultiple(of: 2)
          ? .logExpectedImprovement : .confidenceBound(kappa: Self.portfolioKappa)
      case .expectedImprovement, .expectedImprovementPerSecond:
        .logExpectedImprovement
      case .probabilityOfImprovement, .probabilityOfImprovementPerSecond:
        .logProbabilityOfImprovement
      case .lowerConfidenceBound: .confidenceBound(kappa: 1.96)
      }
    }

    /// Deviations below the mean, as in Vizier's default (Song et al. 2024).
    private static let portfolioKappa = 1.8
  }

  struct Settings: Sendable {
    var estimator = Estimator.gaussianProcess
    var acquisition = AcquisitionName.portfolio
    /// False: the best of random points, without refinement.
    var refinesWithGradient = true
    /// Points of the space-filling design before the model is asked; nil: chosen by dimension and
    /// budget.
    var initialPoints: Int?
    var seed: UInt64 = 0
  }

  /// What is known. Points are as ``ModelAxis`` says; objective values are minimised.
  struct Observations: Sendable {
    var finished: [[Double]] = []
    /// One per finished point; what is not finite counts as failed.
    var values: [Double] = []
    /// Seconds, one per finished point, or empty; not positive or not finite: unknown.
    var durations: [Double] = []
    var failed: [[Double]] = []
    var pending: [[Double]] = []
    /// Points that teach nothing and are not proposed again.
    var avoided: [[Double]] = []
  }

  let axes: [ModelAxis]
  let settings: Settings
  /// The experiment's budget in trials; nil: unlimited.
  let maximumTrials: Int?

  /// - Parameters:
  ///   - indices: the numbers of the suggestions wanted, each of which picks its random stream.
  /// - Returns: a point for each index, distinct among themselves and from every known point as
  ///   long as the space has others.
  /// - Throws: what the work's cancellation check throws.
  func suggest(
    _ indices: [Int], observations: Observations, work: Work
  ) throws -> [[Double]] {
    let count = indices.count
    guard !axes.isEmpty else { return Array(repeating: [], count: count) }
    let known = Known(observations)
    var taken = known.everyPoint
    var chosen: [[Double]] = []
    let design = InitialDesign(
      axes: axes, seed: settings.seed, requested: settings.initialPoints,
      maximumTrials: maximumTrials)
    var model: (any Surrogate)?
    var isModelled = known.values.count >= min(3, design.count)
    for index in indices {
      try work.spend(1)
      var point: [Double]?
      if isModelled && index >= design.count
        && chosen.count < AlgorithmLimits.gaussianProcessSuggestions
      {
        if model == nil {
          model = try surrogate(known, position: indices[0], count: count, work: work)
          isModelled = model != nil
          try model?.addPending(
            known.modelledPending(axes: axes, limit: AlgorithmLimits.modelledPending) + chosen,
            work: work)
        }
        point = try model?.propose(index: index, of: count, taken: taken, work: work)
      } else {
        point = design.point(index)
      }
      let next = Self.unseen(
        point ?? design.point(index), axes: axes, taken: taken, seed: settings.seed, index: index)
      chosen.append(next)
      taken.insert(next)
      if chosen.count < min(count, AlgorithmLimits.gaussianProcessSuggestions) {
        try model?.addPending([next], work: work)
      }
    }
    return chosen
  }

  /// - Returns: nil where the numbers give no model; the design goes on then, because a reply
  ///   that never comes would leave the Experiment stuck.
  private func surrogate(
    _ known: Known, position: Int, count: Int, work: Work
  ) throws -> (any Surrogate)? {
    do {
      if settings.estimator == .gaussianProcess {
        return try GaussianModel(
          axes: axes, known: known, settings: settings, position: position, work: work)
      }
      return try TreeModel(
        axes: axes, known: known, settings: settings, position: position, count: count, work: work)
    } catch is GaussianModel.NumericalFailure {
      return nil
    }
  }

  /// The point itself, or something near it that was not proposed before, or the point again where
  /// the space has nothing else.
  static func unseen(
    _ point: [Double], axes: [ModelAxis], taken: Set<[Double]>, seed: UInt64, index: Int
  ) -> [Double] {
    guard taken.contains(point) else { return point }
    var random = RandomSource(seed: seed, purpose: "bayesian unseen", index: UInt64(max(0, index)))
    // One discrete step first, then ever wilder moves.
    for attempt in 0..<256 {
      var other = point
      for d in axes.indices {
        guard attempt >= 64 || random.uniform() * Double(axes.count) < 2 else { continue }
        if let count = axes[d].count {
          let near = attempt < 128 && !axes[d].isCategorical
          let moved = near ? point[d] + (random.uniform() < 0.5 ? -1 : 1) : -1
          other[d] =
            moved >= 0 && moved < Double(count)
            ? moved : axes[d].value(atUniform: random.uniform())
        } else {
          other[d] = axes[d].nearest(to: point[d] + 0.1 * (random.uniform() - 0.5))
        }
      }
      if !taken.contains(other) { return other }
    }
    return firstUnseen(axes: axes, taken: taken) ?? point
  }

  /// The first point of a small discrete space, in counting order, that was not proposed before.
  private static func firstUnseen(axes: [ModelAxis], taken: Set<[Double]>) -> [Double]? {
    var size = 1
    for axis in axes {
      guard let count = axis.count else { return nil }
      size = size.multipliedReportingOverflow(by: max(1, count)).partialValue
      if size <= 0 || size > 1 << 20 { return nil }
    }
    var point = [Double](repeating: 0, count: axes.count)
    for _ in 0..<size {
      if !taken.contains(point) { return point }
      for d in axes.indices {
        point[d] += 1
        if point[d] < Double(axes[d].count ?? 1) { break }
        point[d] = 0
      }
    }
    return nil
  }
}

/// The observations in an order that does not depend on how they were listed, with what is not
/// finite moved to the failed ones.
struct Known {
  /// Best first.
  var finished: [[Double]]
  var values: [Double]
  /// Seconds; NaN where unknown.
  var durations: [Double]
  var failed: [[Double]]
  var pending: [[Double]]
  var avoided: [[Double]]

  init(_ observations: BayesianOptimizer.Observations) {
    func precedes(_ a: [Double], _ b: [Double]) -> Bool { a.lexicographicallyPrecedes(b) }
    let indices = observations.finished.indices.filter { observations.values[$0].isFinite }
    let seconds = observations.finished.indices.map { index in
      let value = index < observations.durations.count ? observations.durations[index] : .nan
      return value > 0 && value.isFinite ? value : .nan
    }
    let order = indices.sorted { a, b in
      let (x, y) = (observations.values[a], observations.values[b])
      if x != y { return x < y }
      let (p, q) = (observations.finished[a], observations.finished[b])
      if p != q { return precedes(p, q) }
      return seconds[a] < seconds[b]
    }
    finished = order.map { observations.finished[$0] }
    values = order.map { observations.values[$0] }
    durations = order.map { seconds[$0] }
    let unusable = observations.finished.indices.filter { !observations.values[$0].isFinite }
    failed = (observations.failed + unusable.map { observations.finished[$0] }).sorted(by: precedes)
    pending = observations.pending.sorted(by: precedes)
    avoided = observations.avoided
  }

  /// The pending points that a model takes into account: all of them, or of many those nearest to
  /// the best point and an even choice of the others.
  func modelledPending(axes: [ModelAxis], limit: Int) -> [[Double]] {
    guard pending.count > limit, let best = finished.first else {
      return Array(pending.prefix(limit))
    }
    func distance(_ point: [Double]) -> Double {
      axes.indices.reduce(0) { sum, d in
        if axes[d].isCategorical { return sum + (point[d] == best[d] ? 0 : 1) }
        let side = axes[d].coordinate(of: point[d]) - axes[d].coordinate(of: best[d])
        return sum + side * side
      }
    }
    let distances = pending.map(distance)
    let order = pending.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
    let near = order.prefix(limit / 2)
    let others = order.dropFirst(limit / 2)
    let wanted = limit - near.count
    let even = (0..<wanted).map { others[others.startIndex + $0 * others.count / wanted] }
    return (near + even).sorted().map { pending[$0] }
  }

  var everyPoint: Set<[Double]> { Set(finished + failed + pending + avoided) }
}
