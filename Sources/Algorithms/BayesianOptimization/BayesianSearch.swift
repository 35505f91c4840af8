// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Glibc

/// `bayesianoptimization`: trials to points and back for `BayesianOptimizer`.
///
/// The settings are those of Katib's image, which wraps scikit-optimize, and mean what they mean
/// there. What surprises: distances between the values of a list are those of its numbers
/// (logarithms where they span a factor of 100), not those of their ranks, because a Gaussian
/// process can use them.
struct BayesianSearch: Algorithm {
  let name = "bayesianoptimization"
  let summary =
    "Bayesian optimisation with a Gaussian process: models the objective and tries the point that "
    + "promises the largest improvement. The best choice for budgets of up to a few hundred trials "
    + "whose cost outweighs a second of thought."
  let settings = [
    baseEstimator.row, initialPointCount.row, acquisition.row, acquisitionOptimizer.row,
  ]

  enum Refinement: String, CaseIterable, Sendable {
    case auto, sampling, lbfgs
  }

  @Sendable private static func unsupported(_ name: String, _ value: String) -> String {
    "\(name) \(value) is not supported in Bayesian optimization"
  }

  private static let baseEstimator = Setting<BayesianOptimizer.Estimator>.choice(
    "base_estimator", default: .gaussianProcess,
    summary:
      "The model: Gaussian process, random forest, extra trees or gradient boosting. The last three "
      + "are for few trials in parallel: with twenty they find no more than random search.",
    refusal: unsupported)
  private static let initialPointCount = Setting<Int?>.whole(
    "n_initial_points", defaultText: "by the number of parameters and the budget", atLeast: 0,
    summary: "Suggestions that spread evenly before the model takes over.",
    refusal: { name, _ in "\(name) should be great or equal than zero" })
  private static let acquisition = Setting<BayesianOptimizer.AcquisitionName>.choice(
    "acq_func", default: .portfolio,
    summary:
      "What makes a point worth a trial: several in turn (gp_hedge), lower confidence bound, "
      + "expected improvement, probability of improvement, or the latter two per second of a "
      + "trial's duration.", refusal: unsupported)
  private static let acquisitionOptimizer = Setting<Refinement>.choice(
    "acq_optimizer", default: .auto,
    summary: "How that point is found: the best of many samples, or refined by gradients (auto: "
      + "where the model has any).", refusal: unsupported)

  /// Vanished trials looked for, and values of trials looked at for them: each takes a model.
  private static let mostVanished = 16
  private static let valuesForVanished = 20_000

  func validate(_ problem: Problem) throws(InvalidExperiment) {
    let estimator = problem.settings[BayesianSearch.baseEstimator]
    if estimator != .gaussianProcess,
      problem.settings[BayesianSearch.acquisitionOptimizer] == .lbfgs
    {
      throw InvalidExperiment(
        "acq_optimizer lbfgs needs gradients, which base_estimator \(estimator.rawValue) has not; "
          + "use auto or sampling")
    }
  }

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let model = ModelSpace(request.space)
    let space = request.space
    let axes = zip(model.axes, model.parameters).map { axis, parameter in
      ModelAxis(axis, listNumbers: space.parameters[parameter].listNumbers)
    }
    let settings = request.settings
    let optimizer = BayesianOptimizer(
      axes: axes,
      settings: BayesianOptimizer.Settings(
        estimator: settings[BayesianSearch.baseEstimator],
        acquisition: settings[BayesianSearch.acquisition],
        refinesWithGradient: settings[BayesianSearch.acquisitionOptimizer] != .sampling,
        initialPoints: settings[BayesianSearch.initialPointCount], seed: request.seed),
      maximumTrials: request.experiment.maxTrialCount > 0
        ? request.experiment.maxTrialCount : nil)
    func numbers(_ list: PointList) -> [[Double]] {
      (0..<list.count).map { i in zip(axes, list[i]).map { $0.number(ofEntry: $1) } }
    }
    return SuggestionReply(
      suggestions: try IssueNames(request).suggestions(
        in: model, most: BayesianSearch.mostVanished, values: BayesianSearch.valuesForVanished
      ) { indices, known in
        let points = try optimizer.suggest(
          indices,
          observations: BayesianOptimizer.Observations(
            finished: numbers(known.evaluated), values: known.objectives,
            durations: known.durations, failed: [], pending: numbers(known.pending),
            avoided: numbers(known.avoided)),
          work: Work(checkCancellation: request.checkCancellation))
        return PointList(dimension: axes.count, points: points)
      })
  }
}

extension ModelAxis {
  /// The longest table of positions: beyond it neighbours are closer than a length scale ever is.
  private static let longestTable = 1_024
  /// Lists that span this factor are compared by their logarithms.
  private static let logarithmicSpan = 100.0

  /// - Parameter listNumbers: the numbers of a DISCRETE list, ascending; nil for every other
  ///   parameter.
  init(_ axis: Axis, listNumbers: [Double]?) {
    switch axis {
    case .continuous: self = .continuous
    case .categorical(let count): self = .categorical(count: count)
    case .grid(let grid):
      if let listNumbers {
        self = .grid(positions: ModelAxis.positions(listNumbers))
      } else if grid.isUniform, grid.count <= ModelAxis.longestTable {
        self = .grid(positions: (0..<grid.count).map(grid.center))
      } else {
        self = .cells(grid)
      }
    }
  }

  /// A point's number for what a history holds of a trial: the same entry, but for the noise of
  /// texts.
  fileprivate func number(ofEntry entry: Double) -> Double {
    if case .continuous = self { nearest(to: entry) } else { entry }
  }

  /// The numbers of a list, ascending, mapped onto [0, 1].
  private static func positions(_ numbers: [Double]) -> [Double] {
    guard let first = numbers.first, let last = numbers.last, last > first else {
      return numbers.map { _ in 0.5 }
    }
    // Neither the quotient of two numbers of a list need be finite nor their difference.
    if first > 0, log(last) - log(first) >= log(logarithmicSpan) {
      return numbers.map { (log($0) - log(first)) / (log(last) - log(first)) }
    }
    let scale = (last - first).isFinite ? 1.0 : 0.5
    return numbers.map { ($0 * scale - first * scale) / (last * scale - first * scale) }
  }
}
