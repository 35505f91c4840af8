// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// A model of many trees that predicts a mean and a deviation.
///
/// Random forest (Breiman 2001) and extremely randomised trees (Geurts et al. 2006): the mean is
/// the average over the trees, the variance the average variance within leaves plus the variance
/// between trees (Hutter, Xu, Hoos and Leyton-Brown, "Algorithm runtime prediction", 2014, eq. 1).
/// Gradient boosting (Friedman 2001): three models of the quantiles 0.16, 0.5 and 0.84, whose
/// outer ones enclose two deviations of a normal distribution.
enum TreeEnsemble: Sendable {
  case forest([RegressionTree])
  case quantiles(low: Boosted, middle: Boosted, high: Boosted)

  /// A leaf's variance counts as at least this, in units of the standardised values.
  private static let varianceFloor = 1e-4

  struct Boosted: Sendable {
    var start: Double
    var trees: [RegressionTree]
    static let rate = 0.1

    func predict(_ points: PointSet, _ row: Int) -> Double {
      trees.reduce(start) { $0 + Boosted.rate * $1.predict(points, row).value }
    }
  }

  init(
    _ estimator: BayesianOptimizer.Estimator, points: PointSet, values: [Double],
    isCategorical: [Bool], random: inout RandomSource, work: Work
  ) throws {
    let n = points.count
    var configuration = RegressionTree.Configuration()
    // Sorting dominates; with many axes a random choice of them keeps the cost bounded.
    configuration.axesPerSplit = max(1, min(isCategorical.count, 10_000 / max(1, n)))
    let costOfTree = 60 * n * configuration.axesPerSplit * 8
    if estimator == .gradientBoosting {
      configuration.maximumDepth = 3
      configuration.minimumLeaf = 1
      var models: [Boosted] = []
      for quantile in [0.16, 0.5, 0.84] {
        try work.spend(30 * costOfTree / 3)
        models.append(
          TreeEnsemble.boost(
            points, values, quantile: quantile, isCategorical: isCategorical,
            configuration: configuration, random: &random))
      }
      self = .quantiles(low: models[0], middle: models[1], high: models[2])
      return
    }
    configuration.drawsThresholds = estimator == .extraTrees
    var trees: [RegressionTree] = []
    for _ in 0..<100 {
      try work.spend(costOfTree)
      let rows =
        estimator == .randomForest
        ? (0..<n).map { _ in random.uniform(below: n) } : Array(0..<n)
      trees.append(
        RegressionTree(
          points: points, targets: values, rows: rows, isCategorical: isCategorical,
          configuration: configuration, random: &random))
    }
    self = .forest(trees)
  }

  /// Thirty stages of trees on the sign of the residuals, each leaf relabelled with the quantile of
  /// what it leaves unexplained.
  private static func boost(
    _ points: PointSet, _ values: [Double], quantile: Double, isCategorical: [Bool],
    configuration: RegressionTree.Configuration, random: inout RandomSource
  ) -> Boosted {
    let rows = Array(values.indices)
    let start = TreeEnsemble.quantile(values, quantile)
    var model = Boosted(start: start, trees: [])
    var prediction = [Double](repeating: start, count: values.count)
    for _ in 0..<30 {
      let slope = values.indices.map { values[$0] > prediction[$0] ? quantile : quantile - 1 }
      var tree = RegressionTree(
        points: points, targets: slope, rows: rows, isCategorical: isCategorical,
        configuration: configuration, random: &random)
      tree.relabel(points, rows: rows) { members in
        TreeEnsemble.quantile(members.map { values[$0] - prediction[$0] }, quantile)
      }
      for i in rows { prediction[i] += Boosted.rate * tree.predict(points, i).value }
      model.trees.append(tree)
    }
    return model
  }

  /// The quantile of a sample, interpolated between order statistics.
  static func quantile(_ values: [Double], _ p: Double) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.last else { return 0 }
    let position = p * Double(sorted.count - 1)
    let index = Int(position)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (position - Double(index)) * (sorted[index + 1] - sorted[index])
  }

  func predict(_ points: PointSet, _ row: Int) -> (mean: Double, deviation: Double) {
    switch self {
    case .forest(let trees):
      let share = 1 / Double(trees.count)
      var mean = 0.0
      var square = 0.0
      var within = 0.0
      for tree in trees {
        let (value, variance) = tree.predict(points, row)
        mean += share * value
        square += share * value * value
        within += share * max(variance, TreeEnsemble.varianceFloor)
      }
      return (mean, (max(0, square - mean * mean) + within).squareRoot())
    case .quantiles(let low, let middle, let high):
      let deviation = 0.5 * (high.predict(points, row) - low.predict(points, row))
      return (middle.predict(points, row), max(deviation, TreeEnsemble.varianceFloor.squareRoot()))
    }
  }
}

/// An acquisition function over trees: piecewise constant, so there is nothing to climb.
struct TreeAcquisition: Acquisition {
  let function: AcquisitionFunction
  let ensemble: TreeEnsemble
  let incumbent: Double
  let logDuration: Posterior?

  var lengthScales: [Double]? { nil }
  var cost: Int { 100 * 60 }

  func values(_ points: [[Double]], on axes: [ModelAxis]) -> [Double] {
    let set = PointSet(points, on: axes)
    let durations = logDuration?.predict(set)
    var unused: [Double] = []
    var byDeviation = 0.0
    return points.indices.map { i in
      let (mean, deviation) = ensemble.predict(set, i)
      var value = function.value(
        means: [mean], deviation: deviation, incumbents: [incumbent], byMeans: &unused,
        byDeviation: &byDeviation)
      if let durations { value += durations.logOfInverse(at: i) }
      return value.isNaN ? -.infinity : value
    }
  }

  func value(at coordinates: [Double], gradient: inout [Double]) -> Double { .nan }
}
