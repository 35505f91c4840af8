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

  enum BaseEstimator: String, CaseIterable, Sendable {
    case gaussianProcess = "GP"
    case randomForest = "RF"
    case extraTrees = "ET"
    case gradientBoosting = "GBRT"

    var estimator: BayesianOptimizer.Estimator {
      switch self {
      case .gaussianProcess: .gaussianProcess
      case .randomForest: .randomForest
      case .extraTrees: .extraTrees
      case .gradientBoosting: .gradientBoosting
      }
    }
  }

  enum Acquisition: String, CaseIterable, Sendable {
    case portfolio = "gp_hedge"
    case confidenceBound = "LCB"
    case expectedImprovement = "EI"
    case probabilityOfImprovement = "PI"
    case expectedImprovementPerSecond = "EIps"
    case probabilityOfImprovementPerSecond = "PIps"

    var acquisition: BayesianOptimizer.AcquisitionName {
      switch self {
      case .portfolio: .portfolio
      case .confidenceBound: .lowerConfidenceBound
      case .expectedImprovement: .expectedImprovement
      case .probabilityOfImprovement: .probabilityOfImprovement
      case .expectedImprovementPerSecond: .expectedImprovementPerSecond
      case .probabilityOfImprovementPerSecond: .probabilityOfImprovementPerSecond
      }
    }
  }

  enum AcquisitionOptimizer: String, CaseIterable, Sendable {
    case auto, sampling, lbfgs
  }

  @Sendable private static func unsupported(_ name: String, _ value: String) -> String {
    "\(name) \(value) is not supported in Bayesian optimization"
  }

  private static let baseEstimator = Setting<BaseEstimator>.choice(
    "base_estimator", default: .gaussianProcess,
    summary: "The model: Gaussian process, random forest, extra trees or gradient boosting.",
    refusal: unsupported)
  private static let initialPointCount = Setting<Int?>.whole(
    "n_initial_points", defaultText: "by the number of parameters and the budget", atLeast: 0,
    summary: "Suggestions that spread evenly before the model takes over.",
    refusal: { name, _ in "\(name) should be great or equal than zero" })
  private static let acquisition = Setting<Acquisition>.choice(
    "acq_func", default: .portfolio,
    summary:
      "What makes a point worth a trial: several in turn (gp_hedge), lower confidence bound, "
      + "expected improvement, probability of improvement, or the latter two per second of a "
      + "trial's duration.", refusal: unsupported)
  private static let acquisitionOptimizer = Setting<AcquisitionOptimizer>.choice(
    "acq_optimizer", default: .auto,
    summary: "How that point is found: the best of many samples, or refined by gradients (auto: "
      + "where the model has any).", refusal: unsupported)

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
    guard !model.axes.isEmpty else { return request.constantReply(model) }
    let space = request.space
    let axes = zip(model.axes, model.parameters).map { axis, parameter in
      GaussianAxis(axis, listNumbers: space.parameters[parameter].listNumbers)
    }
    let known = model.history(request)
    let settings = request.settings
    let optimizer = BayesianOptimizer(
      axes: axes.map(\.model),
      settings: BayesianOptimizer.Settings(
        estimator: settings[BayesianSearch.baseEstimator].estimator,
        acquisition: settings[BayesianSearch.acquisition].acquisition,
        refinesWithGradient: settings[BayesianSearch.acquisitionOptimizer] != .sampling,
        initialPoints: settings[BayesianSearch.initialPointCount], seed: request.seed),
      maximumTrials: request.experiment.maxTrialCount > 0
        ? request.experiment.maxTrialCount : nil)
    func points(_ list: PointList) -> [[Double]] {
      (0..<list.count).map { i in zip(axes, list[i]).map { $0.toModel($1) } }
    }
    let chosen = try optimizer.suggest(
      request.count, position: request.position,
      observations: BayesianOptimizer.Observations(
        finished: points(known.evaluated), values: known.objectives, durations: known.durations,
        failed: [], pending: points(known.pending), avoided: points(known.avoided)),
      work: Work(checkCancellation: request.checkCancellation))
    return SuggestionReply(
      suggestions: chosen.map { point in
        Suggestion(assignments: model.assignments(zip(axes, point).map { $0.fromModel($1) }))
      })
  }
}

/// An axis as the Gaussian process sees it, and the way back.
private struct GaussianAxis {
  let model: ModelAxis
  /// Set where an ordered axis has too many uneven values for a table: the model sees a continuous
  /// one, and its points are rounded.
  private let rounded: GridAxis?

  /// The longest table of positions: beyond it neighbours are closer than a length scale ever is.
  private static let longestTable = 1_024
  /// Lists that span this factor are compared by their logarithms.
  private static let logarithmicSpan = 100.0

  init(_ axis: Axis, listNumbers: [Double]?) {
    var rounded: GridAxis?
    switch axis {
    case .continuous: model = .continuous
    case .categorical(let count): model = .categorical(count: count)
    case .grid(let grid):
      if let listNumbers {
        model = .grid(positions: GaussianAxis.positions(listNumbers))
      } else if grid.count <= GaussianAxis.longestTable {
        model = .grid(positions: (0..<grid.count).map(grid.center))
      } else if grid.isUniform {
        model = .wideGrid(count: grid.count)
      } else {
        model = .continuous
        rounded = grid
      }
    }
    self.rounded = rounded
  }

  /// The numbers of a list, ascending, mapped onto [0, 1].
  private static func positions(_ numbers: [Double]) -> [Double] {
    guard let first = numbers.first, let last = numbers.last, last > first else {
      return numbers.map { _ in 0.5 }
    }
    guard first > 0, last / first >= logarithmicSpan else {
      return numbers.map { ($0 - first) / (last - first) }
    }
    return numbers.map { log($0 / first) / log(last / first) }
  }

  func toModel(_ coordinate: Double) -> Double {
    rounded.map { $0.center(Int(coordinate)) } ?? coordinate
  }

  func fromModel(_ number: Double) -> Double {
    rounded.map { Double($0.index(at: number)) } ?? number
  }
}
